//! The request in its one canonical form, or refused.

use crate::connection::{Connection, Kind};
use crate::custody::Carried;
use crate::hop::{DECISION, Hop, Refusal};
use crate::live::Live;
use crate::role::Arrival as By;
use crate::trace;
use crate::worker::Worker;
use selvedge_authn::txn::FIELD;
use selvedge_config::checked::Network;
use selvedge_http::{Arrival, Canonical, Forwarding, Framing, RequestHead, canonicalise as canonical, client_address};
use selvedge_model::{DecisionId, Fault, WorkloadKind};
use std::net::IpAddr;
use std::sync::Arc;

/// A request in canonical form.
pub(crate) struct Canonicalised {
    pub(crate) request: Canonical,
    /// The transaction token that came with it, between our own hops.
    pub(crate) carried: Option<Arc<Carried>>,
}

pub(crate) fn canonicalise(
    worker: &Worker,
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    head: RequestHead,
) -> Result<Canonicalised, Refusal> {
    let carried = from_our_own(worker, live, connection, hop, &head)?;
    let forwarding = match connection.role.arrival {
        By::MeshLink if connection.own_hop().is_some() => Forwarding::Keep,
        By::MeshLink => Forwarding::Replace,
        By::Outbound => Forwarding::Replace,
        By::Listener => from_outside(live, connection, hop, &head),
    };
    // Inside, the server name tells the service, and the host is whatever the caller calls it.
    let sni = if connection.is_inside() { None } else { connection.sni.as_deref() };
    let arrival = Arrival { scheme: connection.scheme, sni, peer: connection.client, forwarding };
    let mut request = canonical(head, &arrival).map_err(|error| Refusal::fault(error.fault(), error))?;
    hop.record.method = Some(request.method.as_str().into());
    let outside = carried.as_ref().and_then(|carried| carried.outside());
    let asked = outside.map_or(request.host.as_str(), |outside| outside.host.as_str());
    hop.record.host = Some(asked.into());
    hop.record.path = Some(request.path.as_str().into());
    hop.record.trace = Some(trace::ensure(&mut request.fields));
    if let Framing::Length(length) = request.framing
        && length > connection.limits.body_bytes_max
    {
        return Err(Refusal::fault(Fault::BodyTooLarge, format_args!("a body of {length} bytes is announced")));
    }
    Ok(Canonicalised { request, carried })
}

/// What only our own hops may say: the decision id, and in a transaction token for whom they speak. One that cannot be
/// verified is a refusal, never the absence of a user.
fn from_our_own(
    worker: &Worker,
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    head: &RequestHead,
) -> Result<Option<Arc<Carried>>, Refusal> {
    let Some(caller) = connection.own_hop() else { return Ok(None) };
    let id = head.fields.single(DECISION).ok().flatten().and_then(|id| std::str::from_utf8(id).ok());
    if let Some(id) = id.and_then(|id| DecisionId::parse(id).ok()) {
        hop.record.id = id;
    }
    let twice = |_| Refusal::fault(Fault::BadRequest, "two transaction tokens came with the request");
    let Some(value) = head.fields.single(FIELD).map_err(twice)? else {
        return match caller.kind {
            Kind::Own(WorkloadKind::Gateway(_)) => {
                Err(Refusal::fault(Fault::BadRequest, "a gateway did not say whom it speaks for"))
            }
            Kind::Own(WorkloadKind::Service(_) | WorkloadKind::Node(_) | WorkloadKind::Control(_))
            | Kind::Federated => Ok(None),
        };
    };
    let carried = worker.custody.borrow_mut().received(live, connection, caller, value)?;
    if let Some(outside) = carried.outside() {
        hop.record.client = Some(outside.client);
    }
    Ok(Some(carried))
}

/// Where the client is, and whether the forwarding fields that came are to be believed.
fn from_outside(live: &Live, connection: &Connection, hop: &mut Hop, head: &RequestHead) -> Forwarding {
    let proxies: &[Network] =
        live.plan.gateway(&connection.at).map(|g| g.trusted_proxies.as_slice()).unwrap_or_default();
    let trusted = |address: IpAddr| proxies.iter().any(|network| network.has(address));
    if !trusted(connection.client) {
        return Forwarding::Replace;
    }
    hop.record.client = Some(client_address(&head.fields, connection.client, trusted));
    Forwarding::Extend
}
