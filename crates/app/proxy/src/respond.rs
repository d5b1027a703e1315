//! Refusals as answers: the only place that turns a denial or a fault into bytes.
//!
//! A client learns the status and the decision id, and nothing about the policy (RFC 9457 problem details).

use crate::hop::{DECISION, Hop, Refusal};
use crate::told;
use crate::wire::down::Down;
use crate::wire::message::Answer;
use selvedge_http::{Fields, Framing};
use selvedge_model::{DecisionId, DenialReason, Fault};
use selvedge_schema::Violation;
use std::future::poll_fn;
use std::time::Duration;

/// How long a client may take to read a refusal.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Sends a refusal, unless an answer has begun already.
pub(crate) async fn refuse(down: &mut Down<'_>, refusal: &Refusal, hop: &Hop, is_grpc: bool) {
    let id = hop.record.id;
    if down.is_answered() || matches!(refusal, Refusal::Faulted(Fault::ClientGone, _)) {
        down.abort();
        return;
    }
    // Who connects anew is attested anew, or shows a certificate that has not ended.
    if matches!(refusal, Refusal::Denied(denial) if denial.reason == DenialReason::Unattested)
        || matches!(refusal, Refusal::Faulted(Fault::NotReady, _))
    {
        down.last();
    }
    if is_grpc {
        return refuse_grpc(down, refusal, id).await;
    }
    let body = body(refusal, id);
    let fields = fields(refusal, hop);
    let framing = Framing::Length(body.len() as u64);
    let answer = Answer { status: refusal.status(), fields: &fields, framing };
    if down.start(&answer).and_then(|()| down.push(&body)).and_then(|()| down.finish(None)).is_err() {
        down.abort();
        return;
    }
    // A client that does not read its refusal is not waited for.
    let _ = tokio::time::timeout(SEND_TIMEOUT, poll_fn(|cx| down.poll_flush(cx))).await;
}

/// A refusal as a gRPC answer of trailers alone (gRPC over HTTP/2, "Responses").
async fn refuse_grpc(down: &mut Down<'_>, refusal: &Refusal, id: DecisionId) {
    let mut fields = Fields::default();
    let code = grpc_code(refusal.status()).to_string();
    let constants: [(&str, &[u8]); 4] = [
        ("content-type", b"application/grpc"),
        ("grpc-status", code.as_bytes()),
        ("grpc-message", title(refusal.status()).as_bytes()),
        (DECISION, &id.text()),
    ];
    for (name, value) in constants {
        // Constants and ids are field values.
        let _ = fields.push(name.as_bytes(), value);
    }
    if down.start(&Answer { status: 200, fields: &fields, framing: Framing::None }).is_err() {
        return down.abort();
    }
    let _ = tokio::time::timeout(SEND_TIMEOUT, poll_fn(|cx| down.poll_flush(cx))).await;
}

/// The code that a status stands for (gRPC, "HTTP to gRPC Status Code Mapping"), with those that it leaves out.
fn grpc_code(status: u16) -> u8 {
    match status {
        400 | 413 | 414 | 431 => 3,
        401 => 16,
        403 => 7,
        404 | 501 => 12,
        408 | 504 => 4,
        429 => 8,
        502 | 503 => 14,
        _ => 2,
    }
}

fn body(refusal: &Refusal, id: DecisionId) -> Vec<u8> {
    let status = refusal.status();
    let title = title(status);
    let errors = match refusal {
        Refusal::Invalid(violation) => format!(r#","errors":[{}]"#, told(violation)),
        Refusal::Denied(_) | Refusal::Faulted(_, _) => String::new(),
    };
    format!(r#"{{"type":"about:blank","title":"{title}","status":{status},"decision":"{id}"{errors}}}"#).into_bytes()
}

/// What is wrong with the caller's own input: where, and why. None of its values.
fn told(violation: &Violation) -> String {
    let (place, pointer, detail) = (violation.place.as_str(), violation.pointer(), violation.sentence());
    serde_json::json!({ "in": place, "pointer": pointer, "detail": detail }).to_string()
}

fn fields(refusal: &Refusal, hop: &Hop) -> Fields {
    let mut fields = Fields::default();
    let mut put = |name: &str, value: &[u8]| {
        // Constants and ids are field values.
        let _ = fields.push(name.as_bytes(), value);
    };
    put("content-type", b"application/problem+json");
    put("cache-control", b"no-store");
    put(DECISION, &hop.record.id.text());
    told::fields(&hop.told).iter().for_each(|(name, value)| put(name, value));
    let challenge = hop.challenge;
    if challenge.key && refusal.status() == 401 {
        put("www-authenticate", b"ApiKey");
    }
    match refusal {
        // RFC 6750 §3: what to show, and that what was shown is not accepted.
        Refusal::Denied(denial) => match denial.reason {
            DenialReason::CredentialMissing | DenialReason::CredentialRefused if challenge.key && !challenge.token => {}
            // No scheme is registered for what TLS shows; a 401 has a challenge all the same (RFC 9110 §15.5.2).
            DenialReason::CredentialMissing | DenialReason::CredentialRefused
                if challenge.certificate && !challenge.token =>
            {
                put("www-authenticate", b"ClientCertificate");
            }
            DenialReason::CredentialMissing => put("www-authenticate", b"Bearer"),
            DenialReason::CredentialRefused => put("www-authenticate", br#"Bearer error="invalid_token""#),
            DenialReason::NotExposed
            | DenialReason::NotPermitted
            | DenialReason::Forbidden
            | DenialReason::Unattested
            | DenialReason::RateExceeded => {}
        },
        // RFC 9110 §10.2.3: what is too much now may be little in a moment.
        Refusal::Faulted(Fault::Overloaded | Fault::NoEndpoint | Fault::NotReady, _) => put("retry-after", b"1"),
        Refusal::Faulted(_, _) | Refusal::Invalid(_) => {}
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
        415 => "The media type is not accepted",
        422 => "The input is not as described",
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
