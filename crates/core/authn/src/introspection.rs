//! Opaque tokens (RFC 7662): which tokens are asked about, what is asked, and how an answer is read. Asking is not here.

use crate::json::{self, Object, text};
use crate::token::{IssuerSettings, TokenError, Verified, check_claims, first_part, second_part};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;
use std::fmt::Write;

/// Bytes of an answer.
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// What the subject of a token of a client begins with, where it speaks for no user.
const CLIENT: &str = "client:";

/// What a token looks like, which says who is asked about it; nothing of it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shape {
    /// Three parts, of which the first is a JSON object: a JWT, of the issuer that it names, if it names one.
    Jwt(Option<String>),
    /// Anything else.
    Opaque,
}

/// What an issuer says of a token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// It is active, and has what we ask of a token.
    Active(Verified),
    /// It is not active: unknown, over, or revoked.
    Inactive,
    /// It is active, and not good for us.
    Refused(TokenError),
}

/// Why an answer says nothing of the token: the issuer is at fault, and not the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// Over 64 KiB.
    #[error("the answer is too large")]
    TooLarge,
    /// Not a JSON object without doubled keys, or without `active` as true or false.
    #[error("the answer is no JSON object with `active`")]
    Malformed,
}

/// What a token looks like.
pub fn shape(token: &str) -> Shape {
    let parts = token.bytes().filter(|b| *b == b'.').count();
    let Some(_) = first_part(token).filter(|_| parts == 2) else { return Shape::Opaque };
    let issuer = second_part(token).and_then(|claims| Some(text(&claims, "iss").ok()??.to_owned()));
    Shape::Jwt(issuer)
}

/// The form that is sent: the token, and that it should be an access token (RFC 7662 §2.1).
pub fn question(token: &str) -> String {
    format!("token={}&token_type_hint=access_token", form(token))
}

/// The `Authorization` field by which a client proves itself (RFC 6749 §2.3.1).
pub fn client_secret_basic(client_id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{}:{}", form(client_id), form(secret))))
}

/// Reads an answer (RFC 7662 §2.2). `now` is in seconds since 1970; an answer that does not say when its token ends counts
/// for `lifetime_s`.
///
/// What an answer may leave out is `iss` (then it is the issuer that was asked), `exp`, and `sub`: then the token speaks for
/// its client, as `client:<client_id>`, which no user can be called. `aud` it may not leave out, nor `token_type`: without
/// one a refresh token, which is active too, would be good for access.
///
/// # Errors
/// When it is no answer.
pub fn read_answer(answer: &[u8], issuer: &IssuerSettings, lifetime_s: u64, now: u64) -> Result<Answer, AnswerError> {
    if answer.len() > ANSWER_BYTES_MAX {
        return Err(AnswerError::TooLarge);
    }
    let mut claims = json::object(answer).ok_or(AnswerError::Malformed)?;
    match claims.get("active") {
        Some(Value::Bool(true)) => {}
        Some(Value::Bool(false)) => return Ok(Answer::Inactive),
        _ => return Err(AnswerError::Malformed),
    }
    Ok(match complete(&mut claims, issuer, lifetime_s, now).and_then(|()| check_claims(&claims, issuer, now)) {
        // The leeway for clocks that differ is for tokens that nobody was asked about.
        Ok(verified) if verified.expires <= now => Answer::Refused(TokenError::Expired),
        Ok(verified) => Answer::Active(verified),
        Err(error) => Answer::Refused(error),
    })
}

/// Fills in what an answer may leave out. A value that is there is never replaced, whatever it is.
fn complete(claims: &mut Object, issuer: &IssuerSettings, lifetime_s: u64, now: u64) -> Result<(), TokenError> {
    let kind = text(claims, "token_type").map_err(|_| TokenError::Type)?.ok_or(TokenError::Type)?;
    // Some issuers say in `token_use` what `token_type` does not: that it is a refresh token.
    let used = text(claims, "token_use").map_err(|_| TokenError::Type)?.unwrap_or("access_token");
    let is_access = ["bearer", "dpop"].iter().any(|known| kind.eq_ignore_ascii_case(known)) && used == "access_token";
    if !is_access {
        return Err(TokenError::Type);
    }
    match text(claims, "sub").map_err(|_| TokenError::Subject)? {
        Some(user) if user.starts_with(CLIENT) => return Err(TokenError::Subject),
        Some(_) => {}
        None => {
            let client = text(claims, "client_id").map_err(|_| TokenError::Subject)?.ok_or(TokenError::Subject)?;
            let subject = format!("{CLIENT}{client}");
            claims.insert("sub".to_owned(), subject.into());
        }
    }
    claims.entry("iss").or_insert_with(|| issuer.url.to_string().into());
    claims.entry("exp").or_insert_with(|| now.saturating_add(lifetime_s).into());
    Ok(())
}

/// `application/x-www-form-urlencoded`, with everything escaped that could mean something.
fn form(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut form, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' => form.push(char::from(byte)),
            _ => drop(write!(form, "%{byte:02X}")),
        }
        form
    })
}
