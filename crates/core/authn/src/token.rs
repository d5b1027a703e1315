//! JWT access tokens (RFC 7519, RFC 8725, RFC 9068): verified completely, or refused.

mod claims;

use crate::KeySet;
use crate::bearer::TOKEN_BYTES_MAX;
use crate::json::{self, Object, text};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use selvedge_model::{Name, Principal};
use std::sync::Arc;

/// The longest `kid`, in bytes; the long ones in use are URLs.
const KEY_ID_BYTES_MAX: usize = 512;
/// Keys that are tried for one token. Without a limit a forger who names no key has all of the issuer's tried; with this
/// one, an issuer whose tokens name none can still replace its key (OpenID Connect Core 1.0 §10.1 has them name one).
const CANDIDATES_MAX: usize = 4;
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

/// Whether a verified token is valid at `now` (all in seconds since 1970), within the leeway that [`verify`] gives.
pub fn is_timely(not_before: u64, expires: u64, now: u64) -> bool {
    expires.saturating_add(claims::LEEWAY_S) > now && not_before <= now.saturating_add(claims::LEEWAY_S)
}

/// Why a token is refused. Nothing of the token is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not three parts of base64url with JSON objects, over 16 KiB, a key that stands twice, or a `kid` that is none.
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
    /// The issuer has more than 4 keys that the token may mean.
    #[error("the token does not say which key of its issuer signed it, and there are too many to try")]
    ManyKeys,
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
    /// `cnf`: it is bound to a key or certificate (RFC 8705 §3, RFC 9449 §6), of which no proof is taken here. Whoever took
    /// it for a bearer token would believe a thief.
    #[error("the token is bound to a key, and came without proof of it")]
    Bound,
    /// Over 256 scopes, or groups.
    #[error("the token has too many scopes or groups")]
    Grants,
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
    let algorithm = algorithm(&header)?;
    check_header(&header, issuer)?;
    let id = key_id(&header)?;
    if !keys.knows(id) {
        return Err(TokenError::UnknownKey);
    }
    let mut candidates = keys.candidates(algorithm, id);
    if candidates.clone().count() > CANDIDATES_MAX {
        return Err(TokenError::ManyKeys);
    }
    let signature = decode(signature)?;
    if !candidates.any(|key| key.verifies(message.as_bytes(), &signature)) {
        return Err(TokenError::Signature);
    }
    claims::check(&object(claims)?, issuer, now)
}

fn algorithm(header: &Object) -> Result<&'static str, TokenError> {
    let named = text(header, "alg").map_err(|_| TokenError::Algorithm)?;
    ALGORITHMS.iter().copied().find(|known| Some(*known) == named).ok_or(TokenError::Algorithm)
}

/// Whom claims would speak for, if a token with them were verified: for explanations, and never for a decision. The
/// signature and the times are not looked at.
///
/// # Errors
/// As [`verify`], for claims that no signature could save.
pub fn hypothetical(claims: &[u8], issuer: &IssuerSettings) -> Result<Principal, TokenError> {
    claims::hypothetical(&json::object(claims).ok_or(TokenError::Malformed)?, issuer)
}

/// As the claims of a token that was verified, for an answer about one.
pub(crate) fn check_claims(claims: &Object, issuer: &IssuerSettings, now: u64) -> Result<Verified, TokenError> {
    claims::check(claims, issuer, now)
}

/// The header of what may be a JWT, unverified.
pub(crate) fn first_part(token: &str) -> Option<Object> {
    object(token.split('.').next()?).ok()
}

/// The claims of what may be a JWT, unverified.
pub(crate) fn second_part(token: &str) -> Option<Object> {
    object(token.split('.').nth(1)?).ok()
}

fn check_header(header: &Object, issuer: &IssuerSettings) -> Result<(), TokenError> {
    if header.contains_key("crit") {
        return Err(TokenError::Critical);
    }
    let kind = text(header, "typ").map_err(|_| TokenError::Type)?.unwrap_or("jwt").to_ascii_lowercase();
    let kind = kind.strip_prefix("application/").unwrap_or(&kind);
    if issuer.token_types.iter().any(|accepted| **accepted == *kind) { Ok(()) } else { Err(TokenError::Type) }
}

/// RFC 7515 §4.1.4: a text. One of another type does not count as none, which would let every key verify the token.
fn key_id(header: &Object) -> Result<Option<&str>, TokenError> {
    let id = text(header, "kid").map_err(|_| TokenError::Malformed)?;
    if id.is_some_and(|id| id.len() > KEY_ID_BYTES_MAX) { Err(TokenError::Malformed) } else { Ok(id) }
}

fn object(part: &str) -> Result<Object, TokenError> {
    json::object(&decode(part)?).ok_or(TokenError::Malformed)
}

/// Base64url without padding, in its one form: unused bits are zero (RFC 7515 §2).
fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)
}
