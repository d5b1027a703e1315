//! Forwarding: a connection to an endpoint, the exchange over it, and a second try where one is safe.

use crate::connection::Connection;
use crate::custody::For;
use crate::hop::{DECISION, Hop, Refusal};
use crate::live::Live;
use crate::relay::{Bounds, Relay, State};
use crate::role::Accepts;
use crate::stage::decide::Permitted;
use crate::stage::inspect::InspectedBody;
use crate::told;
use crate::upgrade::Upgrade;
use crate::upstream::{self, Endpoint, Entered, Lease, Open, Port, Tried, key};
use crate::wire::down::Down;
use crate::wire::timer::Timer;
use crate::wire::up::Up;
use crate::worker::Worker;
use selvedge_authn::txn::FIELD;
use selvedge_balance::Ended;
use selvedge_http::{Canonical, HeadLimits};
use selvedge_model::{Fault, Side};
use std::cell::Cell;
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
    /// Only `inspect` makes one.
    pub(crate) body: InspectedBody,
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
        let overloaded = |what: &str| Refusal::fault(Fault::Overloaded, format_args!("`{service}` has {what}"));
        let entered = port.enter().ok_or_else(|| overloaded("as many requests as there may be under way"))?;
        let client = hop.record.client.unwrap_or(self.connection.client);
        let how = port.how(|by| key::find(by, &self.permitted.request.fields, client, self.permitted.user.as_deref()));
        let (mut tried, mut failed) = (Tried::new(), None);
        while tried.len() < TRIES_MAX
            && let Some(endpoint) = port.choose(how, &mut tried)
        {
            if hop.upgrades && port.traffic.websocket && endpoint.is_http1() {
                return self.upgrade(hop, down, (&port, endpoint)).await;
            }
            let mut fresh = false;
            loop {
                let leased = match if fresh { None } else { endpoint.kept(self.worker.recently()) } {
                    Some(kept) => Ok(kept),
                    None => {
                        let many = || overloaded("as many requests as may wait for a connection");
                        let _waits = port.wait().ok_or_else(many)?;
                        // Boxed, since it is rare, and large with the handshake in it.
                        Box::pin(endpoint.lease(self.live, connect, &|| port.may_connect())).await
                    }
                };
                let lease = match leased {
                    Ok(lease) => lease,
                    // Nothing was sent: another endpoint may fare better.
                    Err(refusal) if port.traffic.retries.on_connect => {
                        failed = Some(refusal);
                        break;
                    }
                    Err(refusal) => return Err(refusal),
                };
                if endpoint.is_mesh() {
                    hop.record.local = Some(self.connection.own.clone());
                }
                let reused = !matches!(lease, Lease::H1(_, false, _));
                let attempt = Attempt { port: &port, endpoint, entered: &entered, tried: &tried, bounds };
                match self.exchange(hop, down, timer, (attempt, lease)).await {
                    Ok(status) => return Ok(status),
                    Err(Broken { refusal, again: Again::Paid }) => {
                        failed = Some(refusal);
                        break;
                    }
                    Err(Broken { refusal, again: Again::Safe }) if port.traffic.retries.on_reset && port.spend() => {
                        failed = Some(refusal);
                        if !reused || fresh {
                            break;
                        }
                        // A kept connection that the other end had closed: the same endpoint again, on a new one.
                        endpoint.forget();
                        fresh = true;
                    }
                    Err(broken) => return Err(broken.refusal),
                }
            }
        }
        Err(failed.unwrap_or_else(|| Refusal::fault(Fault::NoEndpoint, format_args!("`{service}` has no endpoint"))))
    }

    /// Makes a WebSocket of the connection. It is asked for once, at one endpoint.
    async fn upgrade(
        &self,
        hop: &mut Hop,
        down: &mut Down<'_>,
        (port, endpoint): (&Port, &Endpoint),
    ) -> Result<u16, Refusal> {
        let id = hop.record.id.text();
        let token = self.token(hop, endpoint)?;
        let outside = token.as_ref().map(|token| (FIELD, token.as_bytes()));
        let added: Vec<(&str, &[u8])> = [(DECISION, &id[..])].into_iter().chain(outside).collect();
        if endpoint.is_mesh() {
            hop.record.local = Some(self.connection.own.clone());
        }
        let upgrade = Upgrade { worker: self.worker, port, request: &self.permitted.request, added: &added };
        upgrade.run(hop, down, endpoint, self.live).await
    }

    async fn exchange(
        &self,
        hop: &mut Hop,
        down: &mut Down<'_>,
        timer: &mut Timer,
        (attempt, lease): (Attempt<'_>, Lease),
    ) -> Result<u16, Broken> {
        let Attempt { port, endpoint, entered, tried, bounds } = attempt;
        let id = hop.record.id.text();
        let token = self.token(hop, endpoint).map_err(Broken::for_good)?;
        let added: &[(&str, &[u8])] = match &token {
            Some(token) => &[(DECISION, &id), (FIELD, token.as_bytes())],
            None => &[(DECISION, &id)],
        };
        let request = &self.permitted.request;
        let bodiless = down.is_bodiless();
        let repeatable = bodiless && SAFE_TO_REPEAT.contains(&request.method.as_str());
        let began = upstream::now();
        let mut counted = Counted::begin(port, endpoint);
        let (mut up, held) = begin(lease, (request, added), endpoint).await?;
        // Looked at once, when the head of the answer comes.
        let verdict = Cell::new(None);
        let is_refused = |status: u16| {
            let took = upstream::now().saturating_sub(began);
            let failed = matches!(status, 502..=504);
            verdict.set(Some(if failed { Ended::Failed(took) } else { Ended::Answered(took) }));
            if status == 503 {
                entered.overloaded();
            }
            let retries = &port.traffic.retries;
            repeatable && retries.on_status(status) && port.has_other(tried) && port.spend()
        };
        let told = told::fields(&hop.told);
        let answered: Vec<(&'static str, &[u8])> =
            std::iter::once((DECISION, &id[..])).chain(told.iter().map(|(name, value)| (*name, &value[..]))).collect();
        let mut relay = Relay {
            again: &is_refused,
            down,
            up: &mut up,
            timer,
            bounds,
            method: &request.method,
            added: &answered,
            state: State::new(hop.started()),
        };
        if let InspectedBody::Held(held) = &self.body {
            let unsent = |fault| Refusal::fault(fault, "the body that was held could not be sent");
            relay.send_held(held.bytes()).map_err(|fault| Broken::for_good(unsent(fault)))?;
        }
        let done = poll_fn(|cx| relay.poll(cx)).await;
        let state = relay.state;
        (hop.record.bytes_in, hop.record.bytes_out) = (state.bytes_in, state.bytes_out);
        if done == Err(Fault::UpstreamTimeout) {
            entered.overloaded();
        }
        counted.ended = verdict.get().unwrap_or_else(|| silent(&done, upstream::now().saturating_sub(began)));
        match done {
            Ok(()) => {
                if let (Some(io), Some(open)) = (up.into_reusable(), held) {
                    endpoint.keep(io, open, self.worker.recently());
                }
                Ok(state.status.unwrap_or_default())
            }
            Err(fault) => {
                let untouched = repeatable && fault == Fault::UpstreamClosed && !up.has_answered();
                Err(Broken::after(fault, untouched, &state))
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

/// Sends the request's head on a connection, or on a stream of one; with the connection's place among the open ones.
async fn begin(
    lease: Lease,
    (request, added): (&Canonical, &[(&str, &[u8])]),
    endpoint: &Endpoint,
) -> Result<(Up, Option<Open>), Broken> {
    match lease {
        Lease::H1(io, _, open) => Ok((Up::h1(io, request, added), Some(open))),
        Lease::H2(sender) => {
            // A stream that was never opened can be opened elsewhere, whatever its method: of its body nothing was read.
            let unopened = |fault, detail: &dyn std::fmt::Display| Broken {
                refusal: Refusal::fault(fault, detail),
                again: if fault == Fault::UpstreamClosed { Again::Safe } else { Again::Never },
            };
            let ready = sender.ready().await.map_err(|error| unopened(Fault::UpstreamClosed, &error));
            let up = Up::h2(&mut ready?, request, added, endpoint.scheme());
            Ok((up.map_err(|fault| unopened(fault, &"the stream was refused"))?, None))
        }
    }
}

/// One try.
struct Attempt<'a> {
    port: &'a Port,
    endpoint: &'a Rc<Endpoint>,
    entered: &'a Entered,
    tried: &'a [usize],
    bounds: Bounds,
}

/// A request that counts as under way at an endpoint, until it has ended.
struct Counted<'a> {
    port: &'a Port,
    endpoint: &'a Rc<Endpoint>,
    ended: Ended,
}

impl<'a> Counted<'a> {
    fn begin(port: &'a Port, endpoint: &'a Rc<Endpoint>) -> Counted<'a> {
        endpoint.begin();
        Counted { port, endpoint, ended: Ended::Unknown }
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.port.ended(self.endpoint, self.ended);
    }
}

/// How an exchange ended of which no head came.
fn silent(done: &Result<(), Fault>, took: u64) -> Ended {
    match done.err().map(Fault::side) {
        Some(Side::Upstream) => Ended::Failed(took),
        Some(Side::Downstream | Side::Here) | None => Ended::Unknown,
    }
}

/// An exchange that did not end well.
struct Broken {
    refusal: Refusal,
    again: Again,
}

impl Broken {
    fn for_good(refusal: Refusal) -> Broken {
        Broken { refusal, again: Again::Never }
    }

    /// `untouched`: nothing of an answer came, and the request is safe to repeat.
    fn after(fault: Fault, untouched: bool, state: &State) -> Broken {
        let detail = format_args!("{fault} after {} bytes in, {} out", state.bytes_in, state.bytes_out);
        let again = match state.refused_with {
            Some(_) => Again::Paid,
            None if untouched && state.status.is_none() => Again::Safe,
            None => Again::Never,
        };
        Broken { refusal: Refusal::fault(fault, detail), again }
    }
}

/// Whether the request may be sent again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    /// No: it may have had its effect.
    Never,
    /// Yes, within the budget.
    Safe,
    /// Yes, and the budget has paid for it.
    Paid,
}
