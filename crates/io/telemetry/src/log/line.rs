//! A record as a line of JSON.
//!
//! What serde derives for [`Record`] is the definition, and reads it back; this writes the same for less, since every hop
//! pays for it. A test holds the two together.

use selvedge_model::{Name, Outcome, PeerTls, Record, RuleId, push_address};
use serde::Serialize;
use std::io::Write;

/// Appends a record and a line feed.
///
/// # Errors
/// When a rare part, such as a denial, has no JSON form; the line is then incomplete.
pub(super) fn push(record: &Record, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    out.extend_from_slice(b"{\"id\":\"");
    out.extend_from_slice(&record.id.text());
    out.extend_from_slice(b"\",\"time_ms\":");
    number(record.time_ms, out);
    plain("role", record.role.as_str(), out);
    name("at", record.at.as_ref(), out);
    text("plan", &record.plan, out);
    outcome(&record.outcome, out)?;
    count("status", u64::from(record.status), out);
    record.peer.iter().for_each(|id| plain("peer", id.as_str(), out));
    record.local.iter().for_each(|id| plain("local", id.as_str(), out));
    if let Some(client) = record.client {
        key("client", out);
        out.push(b'"');
        push_address(client, out);
        out.push(b'"');
    }
    rare("user", record.user.as_ref(), out)?;
    if record.refused {
        key("refused", out);
        out.extend_from_slice(b"true");
    }
    record.key.iter().for_each(|id| text("key", id, out));
    record.limit.iter().for_each(|limit| text("limit", limit, out));
    name("service", record.service.as_ref(), out);
    name("port", record.port.as_ref(), out);
    let texts = [("host", &record.host), ("method", &record.method), ("path", &record.path)];
    texts.iter().for_each(|(key, value)| value.iter().for_each(|value| text(key, value, out)));
    rare("headers", (!record.headers.is_empty()).then_some(&record.headers), out)?;
    count("bytes_in", record.bytes_in, out);
    count("bytes_out", record.bytes_out, out);
    count("duration_us", record.duration_us, out);
    record.trace.iter().for_each(|trace| text("trace", trace, out));
    tls("tls", record.tls.as_ref(), out);
    tls("client_tls", record.client_tls.as_ref(), out);
    out.extend_from_slice(b"}\n");
    Ok(())
}

fn outcome(outcome: &Outcome, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    key("outcome", out);
    match outcome {
        Outcome::Allowed(rule) => {
            out.extend_from_slice(b"{\"allowed\":");
            write_rule(rule, out);
            out.push(b'}');
            Ok(())
        }
        Outcome::Denied(_) | Outcome::Faulted { .. } => outcome.serialize(&mut serde_json::Serializer::new(out)),
    }
}

/// A part that few records have, as serde writes it.
fn rare(name: &str, value: Option<&impl Serialize>, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let Some(value) = value else { return Ok(()) };
    key(name, out);
    value.serialize(&mut serde_json::Serializer::new(out))
}

fn tls(name: &str, value: Option<&PeerTls>, out: &mut Vec<u8>) {
    let Some(tls) = value else { return };
    key(name, out);
    out.extend_from_slice(b"{\"version\":\"");
    escape(&tls.version, out);
    out.push(b'"');
    text("cipher", &tls.cipher, out);
    text("group", &tls.group, out);
    out.push(b'}');
}

fn write_rule(rule: &RuleId, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"access\":\"");
    out.extend_from_slice(rule.access.as_str().as_bytes());
    out.push(b'"');
    plain("rule", rule.rule.as_str(), out);
    out.extend_from_slice(b",\"source\":{\"file\":\"");
    escape(&rule.source.file, out);
    out.push(b'"');
    count("line", u64::from(rule.source.line), out);
    out.extend_from_slice(b"}}");
}

fn key(key: &str, out: &mut Vec<u8>) {
    for part in [",\"", key, "\":"] {
        out.extend_from_slice(part.as_bytes());
    }
}

/// A value whose type has no character that JSON escapes.
fn plain(name: &str, value: &str, out: &mut Vec<u8>) {
    for part in [",\"", name, "\":\"", value, "\""] {
        out.extend_from_slice(part.as_bytes());
    }
}

fn name(name: &str, value: Option<&Name>, out: &mut Vec<u8>) {
    value.into_iter().for_each(|value| plain(name, value.as_str(), out));
}

fn text(name: &str, value: &str, out: &mut Vec<u8>) {
    for part in [",\"", name, "\":\""] {
        out.extend_from_slice(part.as_bytes());
    }
    escape(value, out);
    out.push(b'"');
}

fn count(name: &str, value: u64, out: &mut Vec<u8>) {
    key(name, out);
    number(value, out);
}

fn number(mut value: u64, out: &mut Vec<u8>) {
    let (mut digits, mut first) = ([0; 20], 20);
    loop {
        first -= 1;
        if let Some(digit) = digits.get_mut(first) {
            *digit = b'0' + (value % 10) as u8;
        }
        value /= 10;
        if value == 0 {
            break;
        }
    }
    out.extend_from_slice(digits.get(first..).unwrap_or_default());
}

/// RFC 8259 §7.
fn escape(value: &str, out: &mut Vec<u8>) {
    // Looked at to its end, without a way out: so the compiler takes many bytes at once.
    if !value.bytes().fold(false, |found, b| found | (b < 0x20) | (b == b'"') | (b == b'\\')) {
        return out.extend_from_slice(value.as_bytes());
    }
    for byte in value.bytes() {
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            // Writing to memory does not fail.
            0..0x20 => drop(write!(out, "\\u{byte:04x}")),
            _ => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests;
