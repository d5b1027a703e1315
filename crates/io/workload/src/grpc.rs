//! gRPC over HTTP/2 (the protocol's PROTOCOL-HTTP2 document), as much as the Workload API needs: length-prefixed messages,
//! status in trailers, deadlines, cancellation by a reset of the stream. No compression: what asks for it is refused.

mod call;
mod incoming;

pub(crate) use call::Call;
pub(crate) use incoming::Incoming;

use bytes::{BufMut, Bytes, BytesMut};
use http::{HeaderMap, HeaderValue};
use prost::Message;
use std::fmt;
use std::time::Duration;

/// Bytes before each message: whether it is compressed, and its length.
const PREFIX_BYTES: usize = 5;
/// The content type of every request and answer.
pub(crate) const CONTENT_TYPE: &str = "application/grpc";

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct Status {
    /// What kind of end.
    pub code: Code,
    /// For the caller.
    pub message: String,
}

/// The status codes of gRPC that are used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// It went well.
    Ok,
    /// The caller gave up.
    Cancelled,
    /// Not known, or one that is not used here.
    Unknown,
    /// The request is wrong.
    InvalidArgument,
    /// Its deadline passed.
    DeadlineExceeded,
    /// The caller may not have it.
    PermissionDenied,
    /// A limit was reached.
    ResourceExhausted,
    /// There is no such method here.
    Unimplemented,
    /// Something broke.
    Internal,
    /// Not now; later it may be.
    Unavailable,
}

impl Code {
    fn number(self) -> u8 {
        match self {
            Code::Ok => 0,
            Code::Cancelled => 1,
            Code::Unknown => 2,
            Code::InvalidArgument => 3,
            Code::DeadlineExceeded => 4,
            Code::PermissionDenied => 7,
            Code::ResourceExhausted => 8,
            Code::Unimplemented => 12,
            Code::Internal => 13,
            Code::Unavailable => 14,
        }
    }

    fn of(number: &str) -> Code {
        match number {
            "0" => Code::Ok,
            "1" => Code::Cancelled,
            "3" => Code::InvalidArgument,
            "4" => Code::DeadlineExceeded,
            "7" => Code::PermissionDenied,
            "8" => Code::ResourceExhausted,
            "12" => Code::Unimplemented,
            "13" => Code::Internal,
            "14" => Code::Unavailable,
            _ => Code::Unknown,
        }
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Code::Ok => "ok",
            Code::Cancelled => "cancelled",
            Code::Unknown => "unknown",
            Code::InvalidArgument => "invalid argument",
            Code::DeadlineExceeded => "deadline exceeded",
            Code::PermissionDenied => "permission denied",
            Code::ResourceExhausted => "resource exhausted",
            Code::Unimplemented => "unimplemented",
            Code::Internal => "internal",
            Code::Unavailable => "unavailable",
        })
    }
}

impl Status {
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Status {
        Status { code, message: message.into() }
    }

    /// The status as trailers.
    pub(crate) fn trailers(&self) -> HeaderMap {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from(u16::from(self.code.number())));
        if let (false, Ok(message)) = (self.message.is_empty(), HeaderValue::from_str(&percent(&self.message))) {
            trailers.insert("grpc-message", message);
        }
        trailers
    }

    /// The status that trailers, or the head of an answer without a body, have.
    pub(crate) fn read(fields: &HeaderMap) -> Status {
        let text = |name: &str| fields.get(name).and_then(|value| value.to_str().ok());
        match text("grpc-status") {
            Some(number) => Status::new(Code::of(number), text("grpc-message").unwrap_or_default().to_owned()),
            None => Status::new(Code::Unknown, "the server sent no status".to_owned()),
        }
    }
}

/// A message with its prefix.
pub(crate) fn frame(message: &impl Message) -> Bytes {
    let length = message.encoded_len();
    let mut out = BytesMut::with_capacity(PREFIX_BYTES + length);
    out.put_u8(0);
    // INVARIANT: our messages are far below 4 GiB.
    out.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    out.put_slice(&message.encode_to_vec());
    out.freeze()
}

/// Takes one message off the front. `Ok(None)`: more bytes are needed.
pub(crate) fn take(buffer: &mut BytesMut, bytes_max: usize) -> Result<Option<Bytes>, Status> {
    let Some(&[compressed, a, b, c, d]) = buffer.first_chunk::<PREFIX_BYTES>() else { return Ok(None) };
    if compressed != 0 {
        return Err(Status::new(Code::Unimplemented, "messages are not compressed here"));
    }
    let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
    if length > bytes_max {
        let message = format!("a message has at most {bytes_max} bytes here, not {length}");
        return Err(Status::new(Code::ResourceExhausted, message));
    }
    if buffer.len() < PREFIX_BYTES + length {
        return Ok(None);
    }
    let mut message = buffer.split_to(PREFIX_BYTES + length);
    Ok(Some(message.split_off(PREFIX_BYTES).freeze()))
}

/// Reads bytes as messages, for fuzzing.
pub(crate) fn fuzz_read(bytes: &[u8]) -> Option<usize> {
    let mut buffer = BytesMut::from(bytes);
    let mut count = 0;
    while take(&mut buffer, crate::limits::REQUEST_BYTES_MAX).ok()?.is_some() {
        count += 1;
    }
    let timeout = std::str::from_utf8(bytes).ok().and_then(timeout);
    Some(count + timeout.map_or(0, |_| 1))
}

/// `grpc-timeout`: up to eight digits and a unit.
pub(crate) fn timeout(text: &str) -> Option<Duration> {
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

/// A status message in a field: everything but printable ASCII is percent-encoded, and so is `%`.
fn percent(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'%' => out.push_str("%25"),
            b' '..=b'~' => out.push(char::from(byte)),
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests;
