//! Forwarding: a connection to an endpoint, the exchange over it, and a second try where one is safe.

use crate::connection::Connection;
use crate::custody::For;
use crate::hop::{DECISION, Hop, Refusal};
use crate::live::Live;
use crate::relay::{Bounds, Relay, State};
use crate::role::Accepts;
use crate::stage::decide::Permitted;
use crate::upstream::{Endpoint, Lease};
use crate::wire::down::Down;
use crate::wire::timer::Timer;
use crate::wire::up::Up;
use crate::worker::Worker;
use selvedge_authn::txn::FIELD;
use selvedge_http::HeadLimits;
use selvedge_model::Fault;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

/// Endpoints that are tried for one request.
const TRIES_MAX: usize = 3;
/// Methods that may be sent again when the first sending came to nothing (RFC 9110 §9.2.2).
const SAFE_TO_REPEAT: &[&str] = &["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"];

/// Everything that one exchange needs beside its two ends.
pub(crate) struct Forward<'a> {
    pub(crate) worker: &'a Worker,
    pub(crate) live: &'a Live,
    pub(crate) connection: &'a Connection,
    pub(crate) permitted: Permitted,
}

impl Forward<'_> {
    /// Carries the exchange out. `Ok`: the status that was answered, and the answer was sent whole.
    pub(crate) async fn run(&self, hop: &mut Hop, down: &mut Down<'_>, timer: &mut Timer) -> Result<u16, Refusal> {
        let Permitted { service, port, .. } = &self.permitted;
        let found = self.worker.upstreams.port(self.live, self.connection, service, port);
        let port = found.ok_or_else(|| Refusal::fault(Fault::NoEndpoint, "the service or port is gone"))?;
        let connect = Duration::from_millis(port.traffic.connect_timeout_ms);
        let bounds = Bounds {
            answer: Duration::from_millis(port.traffic.request_timeout_ms),
            idle: Duration::from_millis(port.traffic.idle_timeout_ms),
            body_bytes_max: self.connection.limits.body_bytes_max,
            head: HeadLimits::default(),
        };
        let mut failed = None;
        let mut fresh = false;
        let mut tries = port.in_turn().take(TRIES_MAX).peekable();
        let mut next = tries.next();
        while let Some(endpoint) = next {
            let lease = match endpoint.lease(self.live, connect, fresh).await {
                Ok(lease) => lease,
                // Nothing was sent: another endpoint may fare better.
                Err(refusal) => {
                    failed = Some(refusal);
                    next = tries.next();
                    continue;
                }
            };
            if endpoint.is_mesh() {
                hop.record.local = Some(self.connection.own.clone());
            }
            let reused = !matches!(lease, Lease::H1(_, false));
            match self.exchange(hop, down, timer, (endpoint, lease, bounds)).await {
                Ok(status) => return Ok(status),
                Err(Broken { refusal, untouched: true }) if reused && !fresh => {
                    // A kept connection that the other end had closed: the same endpoint again, on a new one.
                    endpoint.forget();
                    failed = Some(refusal);
                    fresh = true;
                }
                Err(broken) => return Err(broken.refusal),
            }
        }
        Err(failed.unwrap_or_else(|| Refusal::fault(Fault::NoEndpoint, format_args!("`{service}` has no endpoint"))))
    }

    async fn exchange(
        &self,
        hop: &mut Hop,
        down: &mut Down<'_>,
        timer: &mut Timer,
        (endpoint, lease, bounds): (&Rc<Endpoint>, Lease, Bounds),
    ) -> Result<u16, Broken> {
        let id = hop.record.id.text();
        let token = self.token(hop, endpoint).map_err(|refusal| Broken { refusal, untouched: false })?;
        let added: &[(&str, &[u8])] = match &token {
            Some(token) => &[(DECISION, &id), (FIELD, token.as_bytes())],
            None => &[(DECISION, &id)],
        };
        let request = &self.permitted.request;
        let bodiless = down.is_bodiless();
        let repeatable = bodiless && SAFE_TO_REPEAT.contains(&request.method.as_str());
        let mut up = match lease {
            Lease::H1(io, _) => Up::h1(io, request, added),
            Lease::H2(sender) => {
                // A stream that was never opened can be opened elsewhere, whatever its method: of its body nothing was read.
                let unopened = |fault, detail: &dyn std::fmt::Display| Broken {
                    refusal: Refusal::fault(fault, detail),
                    untouched: fault == Fault::UpstreamClosed,
                };
                let ready = sender.ready().await.map_err(|error| unopened(Fault::UpstreamClosed, &error));
                Up::h2(&mut ready?, request, added, endpoint.scheme())
                    .map_err(|fault| unopened(fault, &"the stream was refused"))?
            }
        };
        let mut relay = Relay {
            down,
            up: &mut up,
            timer,
            bounds,
            method: &request.method,
            added: &[(DECISION, &id)],
            state: State::new(),
        };
        let done = poll_fn(|cx| relay.poll(cx)).await;
        let state = relay.state;
        (hop.record.bytes_in, hop.record.bytes_out) = (state.bytes_in, state.bytes_out);
        match done {
            Ok(()) => {
                if let Some(io) = up.into_reusable() {
                    endpoint.keep(io);
                }
                Ok(state.status.unwrap_or_default())
            }
            Err(fault) => {
                let untouched = repeatable && fault == Fault::UpstreamClosed && !up.has_answered();
                let detail = format_args!("{fault} after {} bytes in, {} out", state.bytes_in, state.bytes_out);
                Err(Broken { refusal: Refusal::fault(fault, detail), untouched: untouched && state.status.is_none() })
            }
        }
    }

    /// What is said of the outside caller to a hop of our own: a gateway mints it, a service hands it over.
    fn token(&self, hop: &Hop, endpoint: &Endpoint) -> Result<Option<Arc<str>>, Refusal> {
        if !endpoint.is_mesh() {
            return Ok(None);
        }
        let mut custody = self.worker.custody.borrow_mut();
        match (self.connection.role.accepts, &self.permitted.carried) {
            (Accepts::EdgeCredential, _) => {
                let Permitted { request, user, service, .. } = &self.permitted;
                let whom = For { host: &request.host, user: user.as_ref(), service };
                custody.minted(self.live, self.connection, hop, &whom).map(Some)
            }
            (Accepts::LocalWorkload, Some(carried)) => {
                custody.handed_over(self.live, self.connection, carried, &self.permitted.service).map(Some)
            }
            (Accepts::LocalWorkload, None) | (Accepts::PeerSvid, _) => Ok(None),
        }
    }
}

/// An exchange that did not end well.
struct Broken {
    refusal: Refusal,
    /// Whether the request may be sent again.
    untouched: bool,
}
