//! The request in its one canonical form, or refused.

use crate::connection::Connection;
use crate::hop::{Hop, Refusal};
use crate::live::Live;
use crate::role::Arrival as By;
use crate::trace;
use crate::vouch::{self, Vouched};
use selvedge_config::checked::Network;
use selvedge_http::{Arrival, Canonical, Forwarding, Framing, RequestHead, canonicalise as canonical, client_address};
use selvedge_model::{DecisionId, Fault, WorkloadKind};
use std::net::IpAddr;

/// A request in canonical form.
pub(crate) struct Canonicalised {
    pub(crate) request: Canonical,
    /// What a gateway says of the outside caller; read from a gateway alone.
    pub(crate) vouched: Option<Vouched>,
}

pub(crate) fn canonicalise(
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    head: RequestHead,
) -> Result<Canonicalised, Refusal> {
    let vouched = from_our_own(connection, hop, &head)?;
    let forwarding = match connection.role.arrival {
        By::MeshLink => Forwarding::Keep,
        By::Outbound => Forwarding::Replace,
        By::Listener => from_outside(live, connection, hop, &head),
    };
    // Inside, the server name tells the service, and the host is whatever the caller calls it.
    let sni = if connection.is_inside() { None } else { connection.sni.as_deref() };
    let arrival = Arrival { scheme: connection.scheme, sni, peer: connection.client, forwarding };
    let mut request = canonical(head, &arrival).map_err(|error| Refusal::fault(error.fault(), error))?;
    hop.record.method = Some(request.method.as_str().into());
    let asked = vouched.as_ref().map_or(request.host.as_str(), |vouched| vouched.host.as_str());
    hop.record.host = Some(asked.into());
    hop.record.path = Some(request.path.as_str().into());
    hop.record.trace = Some(trace::ensure(&mut request.fields));
    if let Framing::Length(length) = request.framing
        && length > connection.limits.body_bytes_max
    {
        return Err(Refusal::fault(Fault::BodyTooLarge, format_args!("a body of {length} bytes is announced")));
    }
    Ok(Canonicalised { request, vouched })
}

/// What only our own hops may say: the decision id, and from a gateway whom it speaks for.
fn from_our_own(connection: &Connection, hop: &mut Hop, head: &RequestHead) -> Result<Option<Vouched>, Refusal> {
    let Some(caller) = connection.caller.as_ref().filter(|_| connection.is_inside()) else { return Ok(None) };
    let id = head.fields.single(vouch::DECISION).ok().flatten().and_then(|id| std::str::from_utf8(id).ok());
    if let Some(id) = id.and_then(|id| DecisionId::parse(id).ok()) {
        hop.record.id = id;
    }
    let WorkloadKind::Gateway(_) = caller.kind else { return Ok(None) };
    let said = head.fields.single(vouch::OUTSIDE).ok().flatten();
    let vouched = said.and_then(Vouched::parse);
    let Some(vouched) = vouched else {
        return Err(Refusal::fault(Fault::BadRequest, "a gateway did not say whom it speaks for"));
    };
    hop.record.client = Some(vouched.client);
    Ok(Some(vouched))
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
