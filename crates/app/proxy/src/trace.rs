//! W3C Trace Context: the trace that a request belongs to, begun here when it has none.

use selvedge_http::Fields;
use selvedge_net::random_u128;
use std::sync::Arc;

/// The field (W3C Trace Context §3.2).
const TRACEPARENT: &str = "traceparent";

/// Where the trace id is in a value.
const TRACE_START: usize = 3;
const TRACE_END: usize = 35;

/// The trace id of a request. A request without a valid `traceparent` gets a new one.
pub(crate) fn ensure(fields: &mut Fields) -> Arc<str> {
    let given = fields.all(TRACEPARENT).next().and_then(|value| std::str::from_utf8(value).ok()).and_then(trace_id);
    if let Some(id) = given {
        return id.into();
    }
    let (trace, span) = (random_u128() | 1, random_u128() as u64 | 1);
    let mut value = *b"00-00000000000000000000000000000000-0000000000000000-00";
    let (head, tail) = value.split_at_mut(TRACE_END);
    hex(&trace.to_be_bytes(), head.split_at_mut(TRACE_START).1);
    hex(&span.to_be_bytes(), tail.split_at_mut(1).1.split_at_mut(16).0);
    fields.retain(|name| !matches!(name, "traceparent" | "tracestate"));
    // A value of hexadecimal digits is always a field value.
    let _ = fields.push(TRACEPARENT.as_bytes(), &value);
    value.get(TRACE_START..TRACE_END).and_then(|id| std::str::from_utf8(id).ok()).unwrap_or_default().into()
}

/// Writes bytes in lower-case hexadecimal.
fn hex(bytes: &[u8], digits: &mut [u8]) {
    let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'a' + nibble - 10 };
    for (byte, pair) in bytes.iter().zip(digits.chunks_exact_mut(2)) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 15)]);
    }
}

/// `version "-" trace-id "-" parent-id "-" flags`, lower-case hexadecimal, ids not zero.
fn trace_id(value: &str) -> Option<&str> {
    let mut parts = value.split('-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &str, len: usize| {
        text.len() == len && text.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
    };
    let set = |text: &str| text.bytes().any(|b| b != b'0');
    let whole = hex(version, 2) && hex(trace, 32) && hex(parent, 16) && hex(flags, 2) && version != "ff";
    (whole && set(trace) && set(parent) && (version != "00" || parts.next().is_none())).then_some(trace)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ensured(value: &str) -> (String, Fields) {
        let mut fields = Fields::default();
        assert!(fields.push(b"traceparent", value.as_bytes()).is_ok());
        (ensure(&mut fields).as_ref().to_owned(), fields)
    }

    #[test]
    fn a_valid_trace_goes_on() {
        let value = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let (id, fields) = ensured(value);
        assert_eq!(id, "4bf92f3577b34da6a3ce929d0e0e4736");
        assert_eq!(fields.all("traceparent").collect::<Vec<_>>(), [value.as_bytes()]);
    }

    #[test]
    fn anything_else_is_replaced_by_a_new_one() {
        for value in [
            "",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            let (id, fields) = ensured(value);
            let sent: Vec<&[u8]> = fields.all("traceparent").collect();
            assert_eq!(sent.len(), 1, "{value}");
            assert_ne!(sent.first(), Some(&value.as_bytes()), "{value}");
            assert_eq!(id.len(), 32, "{value}");
        }
    }
}
