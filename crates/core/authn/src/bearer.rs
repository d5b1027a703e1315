//! The `Authorization` field with a bearer token (RFC 6750 §2.1).

/// The longest token, in bytes (THREATS).
pub(crate) const TOKEN_BYTES_MAX: usize = 16 * 1024;

/// Why a field value carries no bearer token. It is refused, never read as anonymous.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BearerError {
    /// `Basic` or another scheme.
    #[error("the authorization scheme is not `Bearer`")]
    Scheme,
    /// Not exactly one token of the characters that a token has.
    #[error("the bearer token is malformed")]
    Malformed,
    /// Over 16 KiB.
    #[error("the bearer token is too long")]
    TooLong,
}

/// The token in the value of an `Authorization` field.
///
/// # Errors
/// When the value is anything else than `Bearer` and one token.
pub fn bearer(authorization: &[u8]) -> Result<&str, BearerError> {
    let value = std::str::from_utf8(authorization).map_err(|_| BearerError::Malformed)?;
    let (scheme, token) = value.split_once(' ').ok_or(BearerError::Scheme)?;
    if !scheme.eq_ignore_ascii_case("bearer") {
        return Err(BearerError::Scheme);
    }
    let token = token.trim_start_matches(' ');
    if token.len() > TOKEN_BYTES_MAX {
        return Err(BearerError::TooLong);
    }
    let token68 = |b: u8| b.is_ascii_alphanumeric() || b"-._~+/=".contains(&b);
    if token.is_empty() || !token.bytes().all(token68) { Err(BearerError::Malformed) } else { Ok(token) }
}
