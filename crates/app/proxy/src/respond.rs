//! Refusals as answers: the only place that turns a denial or a fault into bytes.
//!
//! A client learns the status and the decision id, and nothing about the policy (RFC 9457 problem details).

use crate::hop::DECISION;
use crate::hop::Refusal;
use crate::wire::down::Down;
use crate::wire::message::Answer;
use selvedge_http::{Fields, Framing};
use selvedge_model::{DecisionId, DenialReason, Fault};
use std::future::poll_fn;
use std::time::Duration;

/// How long a client may take to read a refusal.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends a refusal, unless an answer has begun already.
pub(crate) async fn refuse(down: &mut Down<'_>, refusal: &Refusal, id: DecisionId) {
    if down.is_answered() || matches!(refusal, Refusal::Faulted(Fault::ClientGone, _)) {
        down.abort();
        return;
    }
    // Who connects anew is attested anew.
    if matches!(refusal, Refusal::Denied(denial) if denial.reason == DenialReason::Unattested) {
        down.last();
    }
    let body = body(refusal.status(), id);
    let fields = fields(refusal, id);
    let framing = Framing::Length(body.len() as u64);
    let answer = Answer { status: refusal.status(), fields: &fields, framing };
    if down.start(&answer).and_then(|()| down.push(&body)).and_then(|()| down.finish(None)).is_err() {
        down.abort();
        return;
    }
    // A client that does not read its refusal is not waited for.
    let _ = tokio::time::timeout(SEND_TIMEOUT, poll_fn(|cx| down.poll_flush(cx))).await;
}

fn body(status: u16, id: DecisionId) -> Vec<u8> {
    let title = title(status);
    format!(r#"{{"type":"about:blank","title":"{title}","status":{status},"decision":"{id}"}}"#).into_bytes()
}

fn fields(refusal: &Refusal, id: DecisionId) -> Fields {
    let mut fields = Fields::default();
    let mut put = |name: &str, value: &[u8]| {
        // Constants and ids are field values.
        let _ = fields.push(name.as_bytes(), value);
    };
    put("content-type", b"application/problem+json");
    put("cache-control", b"no-store");
    put(DECISION, &id.text());
    match refusal {
        // RFC 6750 §3: what to show, and that what was shown is not accepted.
        Refusal::Denied(denial) => match denial.reason {
            DenialReason::CredentialMissing => put("www-authenticate", b"Bearer"),
            DenialReason::CredentialRefused => put("www-authenticate", br#"Bearer error="invalid_token""#),
            DenialReason::NotExposed
            | DenialReason::NotPermitted
            | DenialReason::Forbidden
            | DenialReason::Unattested
            | DenialReason::RateExceeded => {}
        },
        Refusal::Faulted(_, _) => {}
    }
    fields
}

fn title(status: u16) -> &'static str {
    match status {
        400 => "The request is malformed",
        401 => "A valid credential is needed",
        403 => "Not permitted",
        404 => "Nothing is exposed here",
        408 => "The request took too long",
        413 => "The body is too large",
        414 => "The target is too long",
        421 => "The connection was made for another host",
        429 => "Too many requests",
        431 => "The head is too large",
        501 => "Not supported",
        502 => "The service could not be reached",
        503 => "The service is not available",
        504 => "The service took too long",
        _ => "Refused",
    }
}
