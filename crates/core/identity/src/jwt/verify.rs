//! Verifying JWT-SVIDs (SPIFFE JWT-SVID §4): one bundle, the one of the trust domain that the token names.

use super::{JwtBundle, jose};
use selvedge_model::{SpiffeId, SpiffeIdError, TrustDomain};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::{Map, Number, Value};

/// Bytes of a token (THREATS).
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// Seconds by which two clocks may differ.
const LEEWAY_S: u64 = 60;
/// Algorithms that a JWT-SVID may have (SPIFFE JWT-SVID §2.1) and that are verified here.
const ALGORITHMS: [&str; 8] = ["ES256", "ES384", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512"];

/// A token that was verified.
#[derive(Debug, Clone, PartialEq)]
pub struct JwtSvid {
    /// Who it speaks for.
    pub id: SpiffeId,
    /// Seconds since 1970.
    pub expires_at: u64,
    /// All of its claims.
    pub claims: Map<String, Value>,
}

/// Why a token is refused. Nothing of the token is repeated, but whom it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Over 16 KiB.
    #[error("the token has over 16384 bytes")]
    TooLarge,
    /// Not three parts of base64url with JSON in them.
    #[error("the token is no JWT in compact form")]
    Malformed,
    /// An algorithm that JWT-SVIDs may not have.
    #[error("the token's algorithm is none that a JWT-SVID may have")]
    Algorithm,
    /// A type other than `JWT` or `JOSE`.
    #[error("the token's type is neither `JWT` nor `JOSE`")]
    Type,
    /// An extension that must be understood (RFC 7515 §4.1.11).
    #[error("the token has critical extensions, and none is understood")]
    Critical,
    /// No subject, or none that is a workload's SPIFFE ID.
    #[error("the token's subject is no SPIFFE ID: {0}")]
    Subject(#[from] SpiffeIdError),
    /// A workload of another trust domain than the bundle's.
    #[error("`{id}` is not of the trust domain `{trust_domain}`")]
    WrongTrustDomain {
        /// Whom the token names.
        id: SpiffeId,
        /// The bundle's.
        trust_domain: TrustDomain,
    },
    /// No key of that name, or no name.
    #[error("the bundle of `{0}` has no key that the token names; fetch it again")]
    UnknownKey(TrustDomain),
    /// Signed by another key.
    #[error("the token's signature is not by the key that it names")]
    Signature,
    /// The audience is somebody else, or nobody.
    #[error("the token is not for this audience")]
    Audience,
    /// Too old.
    #[error("the token expired at `{0}`")]
    Expired(u64),
    /// From the future.
    #[error("the token is valid from `{0}` on; set the clock")]
    NotYetValid(u64),
}

#[derive(Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    kid: Option<String>,
    #[serde(default)]
    typ: Option<String>,
    #[serde(default)]
    crit: Option<IgnoredAny>,
}

/// A token in its parts, of which nothing is believed yet.
struct Parts<'a> {
    header: Header,
    claims: Map<String, Value>,
    signed: &'a str,
    signature: Vec<u8>,
}

impl JwtSvid {
    /// Which trust domain a token says that it is of: whose bundle is to verify it. Nothing else of it may be used.
    ///
    /// # Errors
    /// When it is no token.
    pub fn unverified_trust_domain(token: &str) -> Result<String, JwtError> {
        Ok(subject(&parts(token)?.claims)?.trust_domain().to_owned())
    }

    /// Verifies a token at `now` for one audience: whoever validates it.
    ///
    /// # Errors
    /// Says why it is refused; nothing of a refused token may be used.
    pub fn verify(token: &str, bundle: &JwtBundle, audience: &str, now: u64) -> Result<JwtSvid, JwtError> {
        let Parts { header, claims, signed, signature } = parts(token)?;
        let id = subject(&claims)?;
        if id.trust_domain() != bundle.trust_domain.as_str() {
            return Err(JwtError::WrongTrustDomain { id, trust_domain: bundle.trust_domain.clone() });
        }
        let unknown = || JwtError::UnknownKey(bundle.trust_domain.clone());
        let kid = header.kid.ok_or_else(unknown)?;
        let key = bundle.keys.iter().find(|key| key.kid == kid).ok_or_else(unknown)?;
        if !key.signed(&header.alg, signed.as_bytes(), &signature) {
            return Err(JwtError::Signature);
        }
        if !is_for(claims.get("aud"), audience) {
            return Err(JwtError::Audience);
        }
        let expires_at = claims.get("exp").and_then(seconds).ok_or(JwtError::Malformed)?;
        if now >= expires_at.saturating_add(LEEWAY_S) {
            return Err(JwtError::Expired(expires_at));
        }
        for name in ["nbf", "iat"] {
            let Some(claim) = claims.get(name) else { continue };
            let from = seconds(claim).ok_or(JwtError::Malformed)?;
            if from > now.saturating_add(LEEWAY_S) {
                return Err(JwtError::NotYetValid(from));
            }
        }
        Ok(JwtSvid { id, expires_at, claims })
    }
}

fn parts(token: &str) -> Result<Parts<'_>, JwtError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(JwtError::TooLarge);
    }
    let (signed, signature) = token.rsplit_once('.').ok_or(JwtError::Malformed)?;
    let (header, claims) = signed.split_once('.').ok_or(JwtError::Malformed)?;
    let header: Header = json(header)?;
    if !ALGORITHMS.contains(&header.alg.as_str()) {
        return Err(JwtError::Algorithm);
    }
    if header.typ.as_deref().is_some_and(|typ| typ != "JWT" && typ != "JOSE") {
        return Err(JwtError::Type);
    }
    if header.crit.is_some() {
        return Err(JwtError::Critical);
    }
    let signature = jose::decode(signature).ok_or(JwtError::Malformed)?;
    Ok(Parts { header, claims: json(claims)?, signed, signature })
}

fn json<T: serde::de::DeserializeOwned>(part: &str) -> Result<T, JwtError> {
    let bytes = jose::decode(part).ok_or(JwtError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| JwtError::Malformed)
}

fn subject(claims: &Map<String, Value>) -> Result<SpiffeId, JwtError> {
    let subject = claims.get("sub").and_then(Value::as_str).ok_or(JwtError::Malformed)?;
    Ok(SpiffeId::parse(subject)?)
}

/// One audience, or a list of them (RFC 7519 §4.1.3). A list with anything but text in it is for nobody.
fn is_for(claim: Option<&Value>, audience: &str) -> bool {
    match claim {
        Some(Value::String(one)) => one == audience,
        Some(Value::Array(list)) => {
            list.iter().all(Value::is_string) && list.iter().any(|one| one.as_str() == Some(audience))
        }
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => false,
    }
}

/// A NumericDate (RFC 7519 §2); a fraction is cut off.
fn seconds(claim: &Value) -> Option<u64> {
    let number: &Number = match claim {
        Value::Number(number) => number,
        Value::Null | Value::Bool(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => return None,
    };
    let whole = |float: f64| (float.is_finite() && (0.0..=9e15).contains(&float)).then_some(float as u64);
    number.as_u64().or_else(|| number.as_f64().and_then(whole))
}
