//! W3C Trace Context: the trace that a request belongs to, begun here when it has none.

use selvedge_http::Fields;
use selvedge_net::random_u128;
use std::sync::Arc;

/// The field (W3C Trace Context §3.2).
const TRACEPARENT: &str = "traceparent";
/// What vendors add to it (§3.3); without a valid `traceparent` it means nothing.
const TRACESTATE: &str = "tracestate";

/// Where the trace id is in a value.
const TRACE_START: usize = 3;
const TRACE_END: usize = 35;
/// Digits of an id in hexadecimal.
const TRACE_DIGITS: usize = 32;
const SPAN_DIGITS: usize = 16;

/// The trace id of a request. A request without a valid `traceparent` gets a new one.
pub(crate) fn ensure(fields: &mut Fields) -> Arc<str> {
    let given = fields.all(TRACEPARENT).next();
    if let Some(id) = given.and_then(trace_id) {
        return id.into();
    }
    if given.is_some() || fields.all(TRACESTATE).next().is_some() {
        fields.retain(|name| !matches!(name, TRACEPARENT | TRACESTATE));
    }
    let (trace, span) = (random_u128() | 1, random_u128() as u64 | 1);
    let mut value = *b"00-00000000000000000000000000000000-0000000000000000-00";
    let (head, tail) = value.split_at_mut(TRACE_END);
    hex(trace, head.split_at_mut(TRACE_START).1);
    hex(span.into(), tail.split_at_mut(1).1.split_at_mut(SPAN_DIGITS).0);
    // A value of hexadecimal digits is always a field value.
    let _ = fields.push(TRACEPARENT.as_bytes(), &value);
    value.get(TRACE_START..TRACE_END).and_then(|id| std::str::from_utf8(id).ok()).unwrap_or_default().into()
}

/// Writes the low digits of a number in lower-case hexadecimal.
fn hex(mut number: u128, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        let nibble = (number & 15) as u8;
        *digit = nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
        number >>= 4;
    }
}

/// `version "-" trace-id "-" parent-id "-" flags`, lower-case hexadecimal, ids not zero.
fn trace_id(value: &[u8]) -> Option<&str> {
    let mut parts = value.split(|b| *b == b'-');
    let (version, trace, parent, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let hex = |text: &[u8], len: usize| {
        text.len() == len && text.iter().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(b))
    };
    let set = |text: &[u8]| text.iter().any(|b| *b != b'0');
    let whole = hex(version, 2) && hex(trace, TRACE_DIGITS) && hex(parent, SPAN_DIGITS) && hex(flags, 2);
    let known = version != b"ff" && (version != b"00" || parts.next().is_none());
    if whole && known && set(trace) && set(parent) { std::str::from_utf8(trace).ok() } else { None }
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
