//! A request head, read strictly (RFC 9112 §2 to §6).

use crate::fields::{is_token, trim};
use crate::kind::Kind;
use crate::{Fields, HeadError};

/// How long the body is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    /// There is none.
    None,
    /// So many bytes.
    Length(u64),
    /// In chunks.
    Chunked,
    /// Until the connection ends: responses alone.
    UntilClose,
}

/// The version of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2, whose frames another crate reads.
    Http2,
}

/// Limits on a head (THREATS).
#[derive(Debug, Clone, Copy)]
pub struct HeadLimits {
    /// Bytes in all.
    pub head_bytes_max: usize,
    /// Fields.
    pub fields_max: usize,
    /// Bytes of the target.
    pub target_bytes_max: usize,
}

impl Default for HeadLimits {
    fn default() -> HeadLimits {
        HeadLimits { head_bytes_max: 32 * 1024, fields_max: 100, target_bytes_max: 8 * 1024 }
    }
}

/// A head as received: well-formed, and not yet canonical.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHead {
    /// The method, case-sensitive.
    pub method: String,
    /// The target as received: printable ASCII.
    pub target: String,
    /// The version.
    pub version: Version,
    /// The fields.
    pub fields: Fields,
    /// How long the body is.
    pub framing: Framing,
    /// Whether the connection may be used again.
    pub keep_alive: bool,
}

/// Reads a head from the beginning of `input`. `Ok(None)`: more bytes are needed. Otherwise the head, and how many
/// bytes it took.
///
/// # Errors
/// When the head has no single reading or is over a limit. The connection must then be closed.
pub fn parse_request(input: &[u8], limits: &HeadLimits) -> Result<Option<(RequestHead, usize)>, HeadError> {
    // RFC 9112 §2.2: one empty line before the request line is passed over.
    let start = if input.starts_with(b"\r\n") { 2 } else { 0 };
    let mut rest = input.get(start..).unwrap_or_default();
    let Some(line) = next_line(&mut rest, input.len(), limits)? else { return Ok(None) };
    let (method, target, version) = request_line(line, limits)?;
    let Some(fields) = read_fields(&mut rest, input.len(), limits)? else { return Ok(None) };
    let framing = framing(&fields, version)?;
    let keep_alive = keeps_alive(&fields, version);
    let taken = input.len() - rest.len();
    if taken > limits.head_bytes_max {
        return Err(HeadError::TooLarge);
    }
    Ok(Some((RequestHead { method, target, version, fields, framing, keep_alive }, taken)))
}

/// Takes the fields and the empty line after them; `None` when they are not whole yet.
pub(crate) fn read_fields(rest: &mut &[u8], received: usize, limits: &HeadLimits) -> Result<Option<Fields>, HeadError> {
    let mut fields = Fields::usual();
    loop {
        let Some(end) = memchr::memchr(b'\n', rest) else { return unfinished(received, limits) };
        let (line, after) = rest.split_at(end + 1);
        if line == b"\r\n" {
            *rest = after;
            return Ok(Some(fields));
        }
        if !push_line(&mut fields, line, limits.fields_max) {
            return Err(why_refused(&fields, line, limits.fields_max));
        }
        *rest = after;
    }
}

/// A field line that has but one reading. `false`: it has none, or there are too many.
fn push_line(fields: &mut Fields, line: &[u8], fields_max: usize) -> bool {
    let Some(line) = line.strip_suffix(b"\r\n") else { return false };
    let Some(colon) = line.iter().position(|b| !is_token(*b)) else { return false };
    let (name, rest) = line.split_at(colon);
    let Some((b':', value)) = rest.split_first() else { return false };
    colon > 0 && fields.len() < fields_max && fields.push_token(name, value).is_ok()
}

/// What is wrong with a field line.
#[cold]
fn why_refused(fields: &Fields, line: &[u8], fields_max: usize) -> HeadError {
    let Some(line) = line.strip_suffix(b"\r\n").filter(|line| !line.contains(&b'\r')) else {
        return HeadError::BareLineEnd;
    };
    if fields.len() >= fields_max {
        return HeadError::TooLarge;
    }
    if line.first().is_some_and(|b| matches!(b, b' ' | b'\t')) {
        return HeadError::Folded;
    }
    let (name, _) = line.split_at(memchr::memchr(b':', line).unwrap_or_default());
    if name.is_empty() || !name.iter().all(|b| is_token(*b)) { HeadError::FieldName } else { HeadError::FieldValue }
}

fn unfinished<T>(received: usize, limits: &HeadLimits) -> Result<Option<T>, HeadError> {
    if received > limits.head_bytes_max { Err(HeadError::TooLarge) } else { Ok(None) }
}

/// Takes a line without its CR LF; `None` when it is not whole yet.
pub(crate) fn next_line<'a>(
    rest: &mut &'a [u8],
    received: usize,
    limits: &HeadLimits,
) -> Result<Option<&'a [u8]>, HeadError> {
    let Some(end) = memchr::memchr(b'\n', rest) else { return unfinished(received, limits) };
    let (line, after) = rest.split_at(end + 1);
    let line = line.strip_suffix(b"\r\n").ok_or(HeadError::BareLineEnd)?;
    if line.contains(&b'\r') {
        return Err(HeadError::BareLineEnd);
    }
    *rest = after;
    Ok(Some(line))
}

fn request_line(line: &[u8], limits: &HeadLimits) -> Result<(String, String, Version), HeadError> {
    let (first, last) = (memchr::memchr(b' ', line), memchr::memrchr(b' ', line));
    let (Some(first), Some(last)) = (first, last) else { return Err(HeadError::RequestLine) };
    let (method, target) = (line.get(..first).unwrap_or_default(), line.get(first + 1..last).unwrap_or_default());
    if method.is_empty() || method.len() > 32 || !method.iter().all(|b| is_token(*b)) {
        return Err(HeadError::RequestLine);
    }
    if target.len() > limits.target_bytes_max && memchr::memchr(b' ', target).is_none() {
        return Err(HeadError::TargetTooLong);
    }
    // Looked at to its end, without a way out: so the compiler takes many bytes at once.
    if target.is_empty() || !target.iter().fold(true, |good, b| good & (*b > b' ') & (*b < 127)) {
        return Err(HeadError::RequestLine);
    }
    let version = match line.get(last + 1..).unwrap_or_default() {
        b"HTTP/1.1" => Version::Http11,
        b"HTTP/1.0" => Version::Http10,
        _ => return Err(HeadError::Version),
    };
    let text = |part: &[u8]| std::str::from_utf8(part).map(str::to_owned).map_err(|_| HeadError::RequestLine);
    Ok((text(method)?, text(target)?, version))
}

/// RFC 9112 §6: one reading of the body's length, or none.
pub(crate) fn framing(fields: &Fields, version: Version) -> Result<Framing, HeadError> {
    let length = fields.single_of(Kind::ContentLength).map_err(|_| HeadError::Framing)?;
    let coding = fields.single_of(Kind::TransferEncoding).map_err(|_| HeadError::TransferCoding)?;
    match (length, coding) {
        (None, None) => Ok(Framing::None),
        (Some(_), Some(_)) => Err(HeadError::Framing),
        (Some(length), None) => {
            if length.is_empty() || !length.iter().all(u8::is_ascii_digit) {
                return Err(HeadError::Framing);
            }
            let length = std::str::from_utf8(length).ok().and_then(|text| text.parse().ok());
            length.map(Framing::Length).ok_or(HeadError::Framing)
        }
        (None, Some(coding)) => match version {
            Version::Http10 | Version::Http2 => Err(HeadError::Framing),
            Version::Http11 if coding.eq_ignore_ascii_case(b"chunked") => Ok(Framing::Chunked),
            Version::Http11 => Err(HeadError::TransferCoding),
        },
    }
}

fn keeps_alive(fields: &Fields, version: Version) -> bool {
    match version {
        Version::Http11 | Version::Http2 => !connection_has(fields, b"close"),
        Version::Http10 => false,
    }
}

/// Whether `Connection` has this option (RFC 9110 §7.6.1).
pub(crate) fn connection_has(fields: &Fields, option: &[u8]) -> bool {
    let mut options = fields.all_of(Kind::Connection).flat_map(|value| value.split(|b| *b == b','));
    options.any(|found| trim(found).eq_ignore_ascii_case(option))
}
