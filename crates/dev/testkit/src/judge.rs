//! Comparing what came of a request with what must come of it.

use crate::message::{Message, find, read};
use crate::{Case, Scene, Template, Upstream};
use std::fmt;

/// What came of a request.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The status of the first final answer, 1xx passed over; `None` when there was none.
    pub status: Option<u16>,
    /// Whether the connection was closed after it.
    pub closed: bool,
    /// Every byte that the upstream received, in plain HTTP/1.1.
    pub upstream: Option<Vec<u8>>,
}

/// How an outcome differs from what must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch(pub String);

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Fields that the product adds or rewrites on its way. A case that does not list one says nothing about it.
const OURS: &[&str] = &[
    "connection",
    "content-length",
    "expect",
    "forwarded",
    "te",
    "traceparent",
    "tracestate",
    "transfer-encoding",
    "txn-token",
    "via",
    "x-real-ip",
    "x-request-id",
];

impl Case {
    /// Compares an outcome with what the case expects.
    ///
    /// # Errors
    /// The first difference.
    pub fn judge(&self, outcome: &Outcome, scene: &Scene) -> Result<(), Mismatch> {
        let expect = &self.expect;
        let seen = outcome.upstream.as_deref().unwrap_or_default();
        if !expect.status.contains(&outcome.status) {
            let words = |status: &Option<u16>| status.map_or("none".to_owned(), |status| status.to_string());
            let wanted: Vec<String> = expect.status.iter().map(words).collect();
            return differs("status", &wanted.join(" or "), &words(&outcome.status));
        }
        if expect.closed && !outcome.closed {
            return differs("connection", "closed", "open");
        }
        match &expect.upstream {
            Upstream::Nothing if seen.is_empty() => {}
            Upstream::Cut if read(seen).messages.is_empty() => {}
            Upstream::Nothing => return differs("upstream", "nothing", &seen.escape_ascii().to_string()),
            Upstream::Cut => return differs("upstream", "no whole request", &seen.escape_ascii().to_string()),
            Upstream::Requests(requests) => compare(requests, seen, scene)?,
        }
        if let Some(text) = expect.never.iter().find(|text| find(seen, text.as_bytes()).is_some()) {
            return differs("upstream", &format!("never `{text}`"), &seen.escape_ascii().to_string());
        }
        let has = |name: &&String| read(seen).messages.iter().any(|message| message.field(name).is_some());
        match expect.absent.iter().find(has) {
            Some(name) => differs("upstream", &format!("no field `{name}`"), &seen.escape_ascii().to_string()),
            None => Ok(()),
        }
    }
}

fn differs(what: &str, wanted: &str, got: &str) -> Result<(), Mismatch> {
    Err(Mismatch(format!("{what}: wanted {wanted}, got {got}")))
}

fn compare(requests: &[Template], bytes: &[u8], scene: &Scene) -> Result<(), Mismatch> {
    let seen = read(bytes);
    if seen.messages.len() != requests.len() || seen.left > 0 {
        let got = format!("{} and {} bytes more", seen.messages.len(), seen.left);
        return differs("whole requests upstream", &requests.len().to_string(), &got);
    }
    for (wanted, got) in requests.iter().zip(&seen.messages) {
        compare_one(&expected(wanted, scene), got)?;
    }
    Ok(())
}

/// An expected request: all that stands after the empty line is its body, however that is framed.
fn expected(template: &Template, scene: &Scene) -> Message {
    let mut bytes = template.render(scene);
    if find(&bytes, b"\r\n\r\n").is_none() {
        bytes.extend_from_slice(b"\r\n");
    }
    let (mut message, head) =
        Message::head(&bytes).unwrap_or((Message { line: String::new(), fields: Vec::new(), body: Vec::new() }, 0));
    message.body = bytes.get(head..).unwrap_or_default().to_vec();
    message
}

fn compare_one(wanted: &Message, got: &Message) -> Result<(), Mismatch> {
    if wanted.line != got.line {
        return differs("request line", &wanted.line, &got.line);
    }
    let listed = |name: &str| wanted.field(name).is_some();
    let ours = |name: &str| OURS.contains(&name) || name.starts_with("x-forwarded-") || name.starts_with("selvedge-");
    let left_out = |(name, _): &&(String, String)| ours(name) && !listed(name);
    let mut fields: Vec<_> = got.fields.iter().filter(|field| !left_out(field)).collect();
    let mut wanted_fields: Vec<_> = wanted.fields.iter().collect();
    // Fields of different names have no order; those of one name have (RFC 9110 §5.3). The sort is stable.
    fields.sort_by(|a, b| a.0.cmp(&b.0));
    wanted_fields.sort_by(|a, b| a.0.cmp(&b.0));
    if fields != wanted_fields {
        return differs("fields", &format!("{wanted_fields:?}"), &format!("{fields:?}"));
    }
    if wanted.body != got.body {
        return differs("body", &wanted.body.escape_ascii().to_string(), &got.body.escape_ascii().to_string());
    }
    Ok(())
}
