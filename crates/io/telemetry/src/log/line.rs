//! A record as a line of JSON.
//!
//! What serde derives for [`Record`] is the definition, and reads it back; this writes the same for less, since every hop
//! pays for it. A test holds the two together.

use selvedge_model::{Name, Outcome, PeerTls, Record, RuleId, push_address, push_number};
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
    push_number(record.time_ms, out);
    plain(b",\"role\":\"", record.role.as_str(), out);
    name(b",\"at\":\"", record.at.as_ref(), out);
    text(b",\"plan\":\"", &record.plan, out);
    outcome(&record.outcome, out)?;
    count(b",\"status\":", u64::from(record.status), out);
    record.peer.iter().for_each(|id| plain(b",\"peer\":\"", id.as_str(), out));
    record.local.iter().for_each(|id| plain(b",\"local\":\"", id.as_str(), out));
    if let Some(client) = record.client {
        out.extend_from_slice(b",\"client\":\"");
        push_address(client, out);
        out.push(b'"');
    }
    rare(b",\"user\":", record.user.as_ref(), out)?;
    if record.refused {
        out.extend_from_slice(b",\"refused\":true");
    }
    record.key.iter().for_each(|id| text(b",\"key\":\"", id, out));
    record.limit.iter().for_each(|limit| text(b",\"limit\":\"", limit, out));
    name(b",\"service\":\"", record.service.as_ref(), out);
    name(b",\"port\":\"", record.port.as_ref(), out);
    record.host.iter().for_each(|host| text(b",\"host\":\"", host, out));
    record.method.iter().for_each(|method| text(b",\"method\":\"", method, out));
    record.path.iter().for_each(|path| text(b",\"path\":\"", path, out));
    rare(b",\"headers\":", (!record.headers.is_empty()).then_some(&record.headers), out)?;
    count(b",\"bytes_in\":", record.bytes_in, out);
    count(b",\"bytes_out\":", record.bytes_out, out);
    count(b",\"duration_us\":", record.duration_us, out);
    record.trace.iter().for_each(|trace| text(b",\"trace\":\"", trace, out));
    tls(b",\"tls\":", record.tls.as_ref(), out);
    tls(b",\"client_tls\":", record.client_tls.as_ref(), out);
    out.extend_from_slice(b"}\n");
    Ok(())
}

fn outcome(outcome: &Outcome, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    out.extend_from_slice(b",\"outcome\":");
    match outcome {
        Outcome::Allowed(rule) => {
            out.extend_from_slice(b"{\"allowed\":");
            write_rule(rule, out);
            out.push(b'}');
            Ok(())
        }
        Outcome::Denied(_) | Outcome::Observed(_) | Outcome::Faulted { .. } => {
            outcome.serialize(&mut serde_json::Serializer::new(out))
        }
    }
}

/// A part that few records have, as serde writes it.
fn rare(key: &[u8], value: Option<&impl Serialize>, out: &mut Vec<u8>) -> Result<(), serde_json::Error> {
    let Some(value) = value else { return Ok(()) };
    out.extend_from_slice(key);
    value.serialize(&mut serde_json::Serializer::new(out))
}

fn tls(key: &[u8], value: Option<&PeerTls>, out: &mut Vec<u8>) {
    let Some(tls) = value else { return };
    out.extend_from_slice(key);
    out.extend_from_slice(b"{\"version\":\"");
    escape(&tls.version, out);
    out.push(b'"');
    text(b",\"cipher\":\"", &tls.cipher, out);
    text(b",\"group\":\"", &tls.group, out);
    out.push(b'}');
}

fn write_rule(rule: &RuleId, out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"access\":\"");
    out.extend_from_slice(rule.access.as_str().as_bytes());
    out.push(b'"');
    plain(b",\"rule\":\"", rule.rule.as_str(), out);
    out.extend_from_slice(b",\"source\":{\"file\":\"");
    escape(&rule.source.file, out);
    out.push(b'"');
    count(b",\"line\":", u64::from(rule.source.line), out);
    out.extend_from_slice(b"}}");
}

/// A value whose type has no character that JSON escapes, after its key with the opening quote.
fn plain(key: &[u8], value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

fn name(key: &[u8], value: Option<&Name>, out: &mut Vec<u8>) {
    value.into_iter().for_each(|value| plain(key, value.as_str(), out));
}

/// Any text, after its key with the opening quote.
fn text(key: &[u8], value: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    escape(value, out);
    out.push(b'"');
}

fn count(key: &[u8], value: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(key);
    push_number(value, out);
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
