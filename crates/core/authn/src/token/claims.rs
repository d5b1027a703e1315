//! The claims of a token whose signature was verified (RFC 7519 §4.1, RFC 9068 §2.2).

use super::{IssuerSettings, TokenError, Verified};
use crate::json::{Object, text};
use selvedge_model::Principal;
use serde_json::Value;
use std::sync::Arc;

/// The longest subject, in bytes (OpenID Connect Core 1.0 §2).
const SUBJECT_BYTES_MAX: usize = 255;
/// Scopes, and groups, of one token: verified tokens are kept in memory with them.
const GRANTS_MAX: usize = 256;
/// Clocks differ; no token is accepted longer than this after its end, in seconds.
pub(super) const LEEWAY_S: u64 = 60;
/// The last second of the year 9999, since 1970. What lies beyond is no date in seconds, but likely in milliseconds.
const DATE_S_MAX: u64 = 253_402_300_799;

pub(super) fn check(claims: &Object, issuer: &IssuerSettings, now: u64) -> Result<Verified, TokenError> {
    check_issuer(claims, issuer)?;
    if claims.contains_key("cnf") {
        return Err(TokenError::Bound);
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
    Ok(Verified { principal: principal(claims, issuer)?, expires, not_before })
}

fn check_issuer(claims: &Object, issuer: &IssuerSettings) -> Result<(), TokenError> {
    if text(claims, "iss").map_err(|_| TokenError::Issuer)? != Some(&*issuer.url) {
        return Err(TokenError::Issuer);
    }
    let is_ours = |audience: &&str| issuer.audiences.iter().any(|ours| **ours == **audience);
    if texts(claims.get("aud")).iter().any(is_ours) { Ok(()) } else { Err(TokenError::Audience) }
}

/// Whom the claims would speak for, if a token with them were verified. Neither its signature nor its times are looked at.
pub(super) fn hypothetical(claims: &Object, issuer: &IssuerSettings) -> Result<Principal, TokenError> {
    check_issuer(claims, issuer)?;
    principal(claims, issuer)
}

fn principal(claims: &Object, issuer: &IssuerSettings) -> Result<Principal, TokenError> {
    let subject = text(claims, "sub").map_err(|_| TokenError::Subject)?.ok_or(TokenError::Subject)?;
    if subject.is_empty() || subject.len() > SUBJECT_BYTES_MAX || subject.chars().any(char::is_control) {
        return Err(TokenError::Subject);
    }
    Ok(Principal {
        issuer: issuer.name.clone(),
        subject: subject.into(),
        scopes: grants(scopes(claims))?,
        groups: grants(groups(claims, &issuer.groups_claim))?,
        amr: grants(texts(claims.get("amr")))?,
    })
}

/// RFC 9068 §2.2.3: `scope` is a text with spaces; some issuers write `scp`, as a text or a list. What no scope can be
/// (RFC 6749 §3.3) is none: an item of a list with a space in it is not two scopes.
fn scopes(claims: &Object) -> Vec<&str> {
    let scopes = match (claims.get("scope"), claims.get("scp")) {
        (Some(Value::String(scopes)), _) | (None, Some(Value::String(scopes))) => scopes.split(' ').collect(),
        (Some(_), _) => Vec::new(),
        (None, scp) => texts(scp),
    };
    let is_scope_byte = |b: u8| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e);
    scopes.into_iter().filter(|scope| !scope.is_empty() && scope.bytes().all(is_scope_byte)).collect()
}

fn groups<'a>(claims: &'a Object, path: &[Arc<str>]) -> Vec<&'a str> {
    let groups = texts(at_path(claims, path));
    groups.into_iter().filter(|group| !group.is_empty() && !group.chars().any(char::is_control)).collect()
}

fn at_path<'a>(claims: &'a Object, path: &[Arc<str>]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(claims.get(&**first)?, |value, key| value.get(&**key))
}

fn grants(texts: Vec<&str>) -> Result<Vec<Arc<str>>, TokenError> {
    if texts.len() > GRANTS_MAX { Err(TokenError::Grants) } else { Ok(texts.into_iter().map(Arc::from).collect()) }
}

/// One text, or a list of nothing but texts; anything else is nothing.
fn texts(value: Option<&Value>) -> Vec<&str> {
    match value {
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(items)) => items.iter().map(Value::as_str).collect::<Option<_>>().unwrap_or_default(),
        Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => Vec::new(),
    }
}

/// A `NumericDate` (RFC 7519 §2). One that is present and no whole number of seconds is an error, never absent.
fn time(claims: &Object, name: &str, error: TokenError) -> Result<Option<u64>, TokenError> {
    let date = |value: &Value| value.as_u64().filter(|seconds| *seconds <= DATE_S_MAX).ok_or(error);
    claims.get(name).map(date).transpose()
}
