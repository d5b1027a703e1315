//! A response head, read as strictly as a request's: what an upstream sends is not trusted (RFC 9112 §4 and §6.3).

use crate::canonical::put_length;
use crate::kind::Kind;
use crate::request::{connection_has, next_line, read_fields};
use crate::{Fields, Framing, HeadError, HeadLimits, Version};
use selvedge_model::push_number;

/// A head as received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResponseHead {
    /// The status code, 100 to 599.
    pub status: u16,
    /// The fields; end-to-end ones alone once [`ResponseHead::strip`] was called.
    pub fields: Fields,
    /// How long the body is.
    pub framing: Framing,
    /// Whether the connection may be used again once the body has ended.
    pub keep_alive: bool,
}

/// Reads the head of the response to a request with `method`. `Ok(None)`: more bytes are needed. Otherwise the head, and
/// how many bytes it took.
///
/// # Errors
/// When the head has no single reading or is over a limit. The connection must then be closed.
pub fn parse_response(
    input: &[u8],
    method: &str,
    limits: &HeadLimits,
) -> Result<Option<(ResponseHead, usize)>, HeadError> {
    let mut rest = input;
    let Some(line) = next_line(&mut rest, input.len(), limits)? else { return Ok(None) };
    let (version, status) = status_line(line)?;
    let Some(fields) = read_fields(&mut rest, input.len(), limits)? else { return Ok(None) };
    let framing = framing(&fields, method, status, version)?;
    let keep_alive = version == Version::Http11 && framing != Framing::UntilClose && !connection_has(&fields, b"close");
    let taken = input.len() - rest.len();
    if taken > limits.head_bytes_max {
        return Err(HeadError::TooLarge);
    }
    Ok(Some((ResponseHead { status, fields, framing, keep_alive }, taken)))
}

impl ResponseHead {
    /// Removes the fields of one hop, those that `Connection` names, and those that only we set.
    pub fn strip(&mut self) {
        let options = |value: &[u8]| String::from_utf8_lossy(value).to_ascii_lowercase();
        let named: Vec<String> = self.fields.all_of(Kind::Connection).map(options).collect();
        let is_named =
            |name: &[u8]| named.iter().flat_map(|value| value.split(',')).any(|n| n.trim().as_bytes() == name);
        // Without a body, a length is what a body would have had (RFC 9110 §8.6): it goes on as it is.
        let tells_length = self.framing == Framing::None && self.status >= 200 && self.status != 204;
        self.fields.retain_kinds(|kind, name| match kind {
            Kind::ContentLength => tells_length,
            _ => !kind.is_hop_by_hop() && !name.starts_with(b"selvedge-") && !is_named(name),
        });
    }
}

/// Writes a head. Framing and `connection` are ours; `fields` has end-to-end fields alone.
pub fn write_response(status: u16, fields: &Fields, framing: Framing, keep_alive: bool, out: &mut Vec<u8>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    push_number(status.into(), out);
    out.push(b' ');
    // The reason phrase may be empty (RFC 9112 §4).
    out.extend_from_slice(reason(status).as_bytes());
    out.extend_from_slice(b"\r\n");
    fields.write(out);
    match framing {
        Framing::Length(length) => put_length(length, out),
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
        Framing::None | Framing::UntilClose => {}
    }
    if !keep_alive {
        out.extend_from_slice(b"connection: close\r\n");
    }
    out.extend_from_slice(b"\r\n");
}

fn status_line(line: &[u8]) -> Result<(Version, u16), HeadError> {
    let (version, rest) = match line.split_at_checked(9) {
        Some((b"HTTP/1.1 ", rest)) => (Version::Http11, rest),
        Some((b"HTTP/1.0 ", rest)) => (Version::Http10, rest),
        _ => return Err(HeadError::Version),
    };
    let (digits, reason) = rest.split_at_checked(3).ok_or(HeadError::StatusLine)?;
    if !reason.is_empty() && !reason.starts_with(b" ") {
        return Err(HeadError::StatusLine);
    }
    let status = std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_digit()));
    let status = status.and_then(|text| text.parse().ok()).filter(|status| (100..600).contains(status));
    Ok((version, status.ok_or(HeadError::StatusLine)?))
}

/// RFC 9112 §6.3. A length beside a coding, or several, is refused as in a request.
fn framing(fields: &Fields, method: &str, status: u16, version: Version) -> Result<Framing, HeadError> {
    let declared = crate::request::framing(fields, version)?;
    Ok(match (method, status) {
        ("HEAD", _) | (_, 100..=199 | 204 | 304) => Framing::None,
        _ if declared == Framing::None => Framing::UntilClose,
        _ => declared,
    })
}

/// RFC 9110 §15, for those who read it.
fn reason(status: u16) -> &'static str {
    match status {
        100 => "Continue",
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        206 => "Partial Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        413 => "Content Too Large",
        414 => "URI Too Long",
        421 => "Misdirected Request",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}
