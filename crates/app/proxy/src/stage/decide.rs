//! The decision: the same engine with the same facts at the edge, inside, and on the way out.

use super::headers::Wanted;
use super::identify::{Identified, Shown};
use super::route::Routed;
use crate::connection::{Connection, Kind};
use crate::custody::Carried;
use crate::hop::{Hop, Refusal};
use crate::live::Live;
use crate::role::Accepts;
use selvedge_http::Canonical;
use selvedge_model::{
    Credential, Denial, DenialReason, Facts, Fault, Name, Peer, PeerTls, Principal, RequestFacts, TlsFacts,
    WorkloadKind,
};
use selvedge_net::now_s;
use selvedge_policy::Enforced;
use std::sync::Arc;

/// Fields whose values are secrets: a condition may look at them, and no record holds them.
const SECRETS: &[&str] = &["authorization", "cookie", "proxy-authorization"];

/// A request that a rule allows. There is no other way to get one.
pub(crate) struct Permitted {
    pub(crate) request: Canonical,
    pub(crate) service: Name,
    pub(crate) port: Name,
    /// The end user, for the next hop.
    pub(crate) user: Option<Arc<Principal>>,
    /// The transaction token: at an inner hop the one that came, on the way out the one to hand over.
    pub(crate) carried: Option<Arc<Carried>>,
}

pub(crate) fn decide(
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    identified: Identified,
) -> Result<Permitted, Refusal> {
    let Identified { routed, user } = identified;
    let Routed { request, carried, service, port, .. } = routed;
    let mut user = user;
    let mut carried = carried;
    let observed = {
        // On the way out, the peer is the workload, and outside facts are not its own.
        let outside = carried.as_ref().filter(|_| connection.is_inside()).and_then(|carried| carried.outside());
        let host = outside.map_or(request.host.as_str(), |outside| outside.host.as_str());
        let wanted = Wanted::of(live.plan.policy().headers_wanted(), &request.fields);
        let headers = wanted.facts();
        let tls = outside.map_or(connection.tls.as_ref(), |outside| outside.tls.as_ref());
        hop.record.headers = kept(&headers);
        hop.record.client_tls = outside.and_then(|outside| outside.tls.clone());
        let facts = Facts {
            peer: peer(live, connection, host)?,
            credential: match &user {
                Shown::Absent => Credential::Absent,
                Shown::Refused => Credential::Refused,
                Shown::Token(principal) => Credential::Token(principal),
            },
            service: &service,
            port: &port,
            request: Some(RequestFacts { method: &request.method, path: request.path.as_str() }),
            client: hop.record.client,
            // As the record has it, so that the decision can be made again from the record alone.
            now: hop.record.time_ms / 1000,
            headers: &headers,
            tls: tls.map(tls_facts),
        };
        settle(live, hop, &facts)?
    };
    if observed {
        // No rule lets this caller speak for anybody, so that it does not.
        (user, carried) = (Shown::Absent, None);
    }
    let user = match user {
        Shown::Token(principal) => Some(principal),
        Shown::Absent | Shown::Refused => None,
    };
    Ok(Permitted { request, service, port, user, carried })
}

/// Decides a TCP connection. It has no request and no credential.
pub(crate) fn decide_tcp(
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    service: &Name,
    port: &Name,
) -> Result<(), Refusal> {
    hop.record.service = Some(service.clone());
    hop.record.port = Some(port.clone());
    let peer = peer(live, connection, "")?;
    let (client, now) = (hop.record.client, now_s());
    let facts = Facts {
        peer,
        credential: Credential::Absent,
        service,
        port,
        request: None,
        client,
        now,
        headers: &[],
        tls: None,
    };
    settle(live, hop, &facts).map(|_| ())
}

/// Asks the policy, and notes the answer. Whether the call goes on without a rule, since its service is observed.
fn settle(live: &Live, hop: &mut Hop, facts: &Facts<'_>) -> Result<bool, Refusal> {
    match live.plan.policy().enforce(facts) {
        Enforced::Allowed(rule) => hop.rule = Some(rule),
        Enforced::Observed(denial) => hop.observed = Some(denial),
        Enforced::Denied(denial) => return Err(Refusal::Denied(denial)),
    }
    Ok(hop.observed.is_some())
}

/// The fields that the record keeps of those that conditions look at: never one that carries a secret.
fn kept(headers: &[(&str, &str)]) -> Vec<(Arc<str>, Arc<str>)> {
    let harmless = headers.iter().filter(|(name, _)| !SECRETS.contains(name));
    harmless.map(|(name, value)| (Arc::from(*name), Arc::from(*value))).collect()
}

fn tls_facts(tls: &PeerTls) -> TlsFacts<'_> {
    TlsFacts { version: &tls.version, cipher: &tls.cipher, group: &tls.group }
}

/// Who is at the other end, as the policy sees it: a gateway stands for the outside that it vouches for.
fn peer<'a>(live: &Live, connection: &'a Connection, host: &'a str) -> Result<Peer<'a>, Refusal> {
    let unattested = || Err(Refusal::Denied(Denial::of(DenialReason::Unattested)));
    match (&connection.caller, connection.role.accepts) {
        (None, Accepts::EdgeCredential) => Ok(Peer::Outside { gateway: &connection.at, host }),
        (None, Accepts::LocalWorkload | Accepts::PeerSvid) => unattested(),
        // A connection outlives the document that its process was measured by; the proof does not.
        (Some(caller), Accepts::LocalWorkload)
            if live.plan.service(connection.at.as_str()).is_none_or(|service| service.workload != caller.selector) =>
        {
            unattested()
        }
        // A connection outlives the moment in which its peer is revoked; the identity does not.
        (Some(caller), Accepts::PeerSvid) if !live.believes(caller) => unattested(),
        (Some(caller), _) => match &caller.kind {
            Kind::Own(WorkloadKind::Gateway(gateway)) => Ok(Peer::Outside { gateway, host }),
            Kind::Own(WorkloadKind::Service(_)) | Kind::Federated => Ok(Peer::Workload(&caller.id)),
            Kind::Own(WorkloadKind::Node(_) | WorkloadKind::Control(_)) => {
                Err(Refusal::fault(Fault::BadRequest, "a node or control plane calls no services"))
            }
        },
    }
}
