//! WebSockets over HTTP/1.1 (RFC 6455 §4): a connection becomes a tunnel when its service's document permits it, the
//! request was decided like any other, and the upstream has answered 101; not before, and for nothing else.
//!
//! No stage looks into the messages. With each change of the plan the request is decided again, and the tunnel ends when
//! it is no longer allowed.

use crate::hop::{DECISION, Hop, Refusal};
use crate::live::Live;
use crate::tcp::{Pump, Pumped};
use crate::upstream::{Endpoint, Port};
use crate::wire::down::Down;
use crate::wire::io::Io;
use crate::worker::Worker;
use selvedge_http::{Canonical, Fields, Framing, HeadLimits, RequestHead, ResponseHead, Version, parse_response};
use selvedge_model::{Fault, Outcome};
use selvedge_policy::{Enforced, Recorded};
use std::future::poll_fn;
use std::time::Duration;

/// Interim answers before the one that counts.
const INTERIM_MAX: usize = 8;
/// What asks for the switch, and says that it was made.
const SWITCH: [(&str, &[u8]); 2] = [("connection", b"upgrade"), ("upgrade", b"websocket")];

/// Whether a request asks for a WebSocket, in the one form that there is.
pub(crate) fn is_asked(head: &RequestHead) -> bool {
    let says = |name, word: &[u8]| {
        let values = head.fields.all(name).flat_map(|value| value.split(|byte| *byte == b','));
        values.into_iter().any(|value| value.trim_ascii().eq_ignore_ascii_case(word))
    };
    let one = |name, value: &[u8]| head.fields.single(name).ok().flatten() == Some(value);
    head.version == Version::Http11
        && head.method == "GET"
        && head.framing == Framing::None
        && says("connection", b"upgrade")
        && head.fields.single("upgrade").ok().flatten().is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"))
        && one("sec-websocket-version", b"13")
        && head.fields.single("sec-websocket-key").ok().flatten().is_some_and(|key| key.len() == 24)
}

/// One upgrade on its way.
pub(crate) struct Upgrade<'a> {
    pub(crate) worker: &'a Worker,
    pub(crate) port: &'a Port,
    pub(crate) request: &'a Canonical,
    pub(crate) added: &'a [(&'a str, &'a [u8])],
}

impl Upgrade<'_> {
    /// Asks the upstream, and carries messages both ways until either side ends. `Ok`: the status that was answered.
    pub(crate) async fn run(
        &self,
        hop: &mut Hop,
        down: &mut Down<'_>,
        endpoint: &Endpoint,
        live: &Live,
    ) -> Result<u16, Refusal> {
        // Whatever comes of it: bytes that the client takes for messages must not be read as requests.
        down.last();
        let connect = Duration::from_millis(self.port.traffic.connect_timeout_ms);
        let mut changes = self.worker.changes();
        let mut up = Io::new(endpoint.connect(live, connect).await?);
        let added: Vec<(&str, &[u8])> = self.added.iter().copied().chain(SWITCH).collect();
        selvedge_http::write_request(self.request, &added, up.output.memory());
        let answer = Duration::from_millis(self.port.traffic.request_timeout_ms);
        let head = tokio::time::timeout(answer, answered(&mut up)).await;
        let head = head.map_err(|_| Refusal::fault(Fault::UpstreamTimeout, "no answer to the upgrade in time"))??;
        let id = hop.record.id.text();
        let (fields, switched) = fields(head.fields, &id)?;
        if head.status != 101 {
            // Its body is not waited for: whoever asked for a tunnel learns that there is none, and why by the status.
            let framing = Framing::Length(0);
            let answer = crate::wire::message::Answer { status: head.status, fields: &fields, framing };
            down.start(&answer).map_err(|fault| Refusal::fault(fault, fault))?;
            let _ = poll_fn(|cx| down.poll_flush(cx)).await;
            return Ok(head.status);
        }
        if !switched {
            return Err(Refusal::fault(Fault::BadResponse, "a 101 that switches to no WebSocket"));
        }
        let Some(io) = down.tunnel() else {
            return Err(Refusal::fault(Fault::Unsupported, "no WebSocket on a stream of HTTP/2"));
        };
        selvedge_http::write_response(101, &fields, Framing::None, true, io.output.memory());
        let mut pump = Pump::new(io, &mut up, Duration::from_millis(self.port.traffic.idle_timeout_ms));
        let ended = loop {
            tokio::select! {
                ended = pump.run() => break ended.map_err(|fault| Refusal::fault(fault, fault)),
                changed = changes.changed() => {
                    if changed.is_err() || !is_still_allowed(self.worker, hop) {
                        break Err(Refusal::fault(Fault::NotReady, "a change of the plan no longer allows this WebSocket"));
                    }
                }
            }
        };
        let Pumped { bytes_in, bytes_out } = pump.pumped();
        (hop.record.bytes_in, hop.record.bytes_out) = (bytes_in, bytes_out);
        // A WebSocket mostly ends with the end of a connection: that is no fault of anyone.
        match ended {
            Err(Refusal::Faulted(Fault::ClientGone | Fault::UpstreamClosed, _)) | Ok(()) => Ok(101),
            Err(refusal) => Err(refusal),
        }
    }
}

/// The answer that counts. After a 101 nothing of the input is taken but its head: what follows is of the tunnel.
async fn answered(up: &mut Io) -> Result<ResponseHead, Refusal> {
    let closed = |_| Refusal::fault(Fault::UpstreamClosed, "the upstream closed before it answered the upgrade");
    poll_fn(|cx| up.poll_flush(cx)).await.map_err(closed)?;
    let mut interim = 0;
    loop {
        let parsed = parse_response(up.input.bytes(), "GET", &HeadLimits::default());
        if let Some((head, taken)) = parsed.map_err(|error| Refusal::fault(Fault::BadResponse, error))? {
            up.input.consume(taken);
            match head.status {
                101 | 200.. => return Ok(head),
                _ if interim < INTERIM_MAX => interim += 1,
                _ => return Err(Refusal::fault(Fault::BadResponse, "too many interim answers")),
            }
            continue;
        }
        if poll_fn(|cx| up.poll_fill(cx)).await.map_err(closed)? == 0 {
            return Err(closed(std::io::ErrorKind::UnexpectedEof.into()));
        }
    }
}

/// The fields of the answer that go on, and whether it switches to a WebSocket.
fn fields(fields: Fields, id: &[u8]) -> Result<(Fields, bool), Refusal> {
    let is_websocket = fields.single("upgrade").ok().flatten().is_some_and(|to| to.eq_ignore_ascii_case(b"websocket"))
        && fields.single("sec-websocket-accept").ok().flatten().is_some();
    let mut head = ResponseHead { status: 101, fields, framing: Framing::None, keep_alive: true };
    head.strip();
    let mut fields = head.fields;
    fields.retain(|name| name != "content-length");
    let switch = SWITCH.iter().filter(|_| is_websocket);
    for (name, value) in switch.copied().chain([(DECISION, id)]) {
        fields.push(name.as_bytes(), value).map_err(|error| Refusal::fault(Fault::BadResponse, error))?;
    }
    Ok((fields, is_websocket))
}

/// Decides again from what the record holds: every fact that the decision looked at.
fn is_still_allowed(worker: &Worker, hop: &Hop) -> bool {
    let mut record = hop.record.clone();
    record.outcome = match (&hop.rule, &hop.observed) {
        (Some(rule), _) => Outcome::Allowed(rule.clone()),
        (None, Some(denial)) => Outcome::Observed(denial.clone()),
        (None, None) => return false,
    };
    let live = worker.live();
    let decided = || {
        let recorded = Recorded::of(&record, &live.plan.checked().mesh.trust_domain).ok()?;
        let to = recorded.destination()?;
        Some(match live.plan.policy().enforce(&recorded.facts(&to)) {
            Enforced::Allowed(_) | Enforced::Observed(_) => true,
            Enforced::Denied(_) => false,
        })
    };
    decided().unwrap_or(false)
}
