//! JWT access tokens (RFC 7519, RFC 8725, RFC 9068): verified completely, or refused.

use crate::KeySet;
use crate::json::Object;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use selvedge_model::{Name, Principal};
use serde_json::Value;
use std::sync::Arc;

/// The longest token, in bytes (THREATS).
const TOKEN_BYTES_MAX: usize = 16 * 1024;
/// The longest subject, in bytes (OpenID Connect Core 1.0 §2).
const SUBJECT_BYTES_MAX: usize = 255;
/// Clocks differ; no token is accepted longer than this after its end, in seconds.
const LEEWAY_S: u64 = 60;
/// Algorithms that are accepted. Never `none`, and never a symmetric one.
const ALGORITHMS: &[&str] = &["RS256", "ES256", "EdDSA"];

/// What is expected of an issuer's tokens.
#[derive(Debug, Clone)]
pub struct IssuerSettings {
    /// The issuer's name in the `Mesh` document.
    pub name: Name,
    /// The exact `iss` value.
    pub url: Arc<str>,
    /// Accepted `aud` values.
    pub audiences: Vec<Arc<str>>,
    /// Accepted `typ` values, in lower case.
    pub token_types: Vec<Arc<str>>,
    /// The claim with the groups, as a path of object keys.
    pub groups_claim: Vec<Arc<str>>,
}

/// A token that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// Whom it speaks for.
    pub principal: Principal,
    /// When it ends, in seconds since 1970, without leeway.
    pub expires: u64,
    /// Before when it is not valid; 0 when it does not say.
    pub not_before: u64,
}

/// Why a token is refused. Nothing of the token is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts of base64url with JSON objects, or over 16 KiB.
    #[error("the token is malformed")]
    Malformed,
    /// `none`, a symmetric algorithm, or one that is not permitted.
    #[error("the algorithm of the token is not permitted")]
    Algorithm,
    /// `typ` is none of the accepted ones.
    #[error("the type of the token is not accepted")]
    Type,
    /// A `crit` header: an extension that we would have to understand (RFC 7515 §4.1.11).
    #[error("the token has a critical extension")]
    Critical,
    /// No key of this id: fetching the keys again may help.
    #[error("the key of the token is not known")]
    UnknownKey,
    /// No key verifies the signature.
    #[error("the signature is not valid")]
    Signature,
    /// `iss` is another.
    #[error("the token is from another issuer")]
    Issuer,
    /// `aud` has none of the accepted values.
    #[error("the token is for another audience")]
    Audience,
    /// `exp` is over, or missing.
    #[error("the token has ended, or does not say when it ends")]
    Expired,
    /// `nbf` or `iat` lies ahead.
    #[error("the token is not valid yet")]
    NotYetValid,
    /// `sub` is missing, too long, or has control characters.
    #[error("the subject is missing or malformed")]
    Subject,
}

/// Verifies a token of one issuer. The header's `kid` only selects among the issuer's own keys; `jku`, `x5u`, `x5c` and
/// `jwk` are not read. `now` is in seconds since 1970.
///
/// # Errors
/// The first thing that is wrong; the signature is verified before any claim is believed.
pub fn verify(token: &str, issuer: &IssuerSettings, keys: &KeySet, now: u64) -> Result<Verified, TokenError> {
    if token.len() > TOKEN_BYTES_MAX {
        return Err(TokenError::Malformed);
    }
    let (message, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
    let (header, claims) = message.split_once('.').ok_or(TokenError::Malformed)?;
    let header = object(header)?;
    let algorithm = header.text("alg").filter(|alg| ALGORITHMS.contains(alg)).ok_or(TokenError::Algorithm)?;
    check_header(&header, issuer)?;
    let id = header.text("kid");
    if !keys.knows(id) {
        return Err(TokenError::UnknownKey);
    }
    if !keys.verifies(algorithm, id, message.as_bytes(), &decode(signature)?) {
        return Err(TokenError::Signature);
    }
    check_claims(&object(claims)?, issuer, now)
}

fn check_header(header: &Object, issuer: &IssuerSettings) -> Result<(), TokenError> {
    if header.get("crit").is_some() {
        return Err(TokenError::Critical);
    }
    let kind = header.text("typ").unwrap_or("jwt").to_ascii_lowercase();
    let kind = kind.strip_prefix("application/").unwrap_or(&kind);
    if issuer.token_types.iter().any(|accepted| **accepted == *kind) { Ok(()) } else { Err(TokenError::Type) }
}

fn check_claims(claims: &Object, issuer: &IssuerSettings, now: u64) -> Result<Verified, TokenError> {
    if claims.text("iss") != Some(&*issuer.url) {
        return Err(TokenError::Issuer);
    }
    let audiences = texts(claims.get("aud"));
    if !audiences.iter().any(|audience| issuer.audiences.contains(audience)) {
        return Err(TokenError::Audience);
    }
    let expires = time(claims, "exp", TokenError::Expired)?.ok_or(TokenError::Expired)?;
    if expires.saturating_add(LEEWAY_S) <= now {
        return Err(TokenError::Expired);
    }
    let not_before = time(claims, "nbf", TokenError::NotYetValid)?.unwrap_or(0);
    let issued = time(claims, "iat", TokenError::NotYetValid)?.unwrap_or(0);
    if not_before.max(issued) > now.saturating_add(LEEWAY_S) {
        return Err(TokenError::NotYetValid);
    }
    let subject = claims.text("sub").ok_or(TokenError::Subject)?;
    if subject.is_empty() || subject.len() > SUBJECT_BYTES_MAX || subject.chars().any(char::is_control) {
        return Err(TokenError::Subject);
    }
    let principal = Principal {
        issuer: issuer.name.clone(),
        subject: subject.into(),
        scopes: scopes(claims),
        groups: texts(at_path(claims, &issuer.groups_claim)),
    };
    Ok(Verified { principal, expires, not_before })
}

/// RFC 9068 §2.2.3: `scope` is a text with spaces; some issuers write `scp` as a list.
fn scopes(claims: &Object) -> Vec<Arc<str>> {
    match claims.get("scope") {
        Some(Value::String(scope)) => scope.split(' ').filter(|scope| !scope.is_empty()).map(Arc::from).collect(),
        Some(_) => Vec::new(),
        None => texts(claims.get("scp")).iter().flat_map(|scp| scp.split(' ').map(Arc::from)).collect(),
    }
}

fn at_path<'a>(claims: &'a Object, path: &[Arc<str>]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(claims.get(first)?, |value, key| value.get(&**key))
}

/// One text, or a list of texts; anything else is nothing.
fn texts(value: Option<&Value>) -> Vec<Arc<str>> {
    match value {
        Some(Value::String(text)) => vec![text.as_str().into()],
        Some(Value::Array(items)) => items.iter().filter_map(Value::as_str).map(Arc::from).collect(),
        Some(_) | None => Vec::new(),
    }
}

/// A `NumericDate` (RFC 7519 §2). One that is present and no whole number is an error, never absent.
fn time(claims: &Object, name: &str, error: TokenError) -> Result<Option<u64>, TokenError> {
    claims.get(name).map(|value| value.as_u64().ok_or(error)).transpose()
}

fn object(part: &str) -> Result<Object, TokenError> {
    Object::parse(&decode(part)?).ok_or(TokenError::Malformed)
}

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)
}
