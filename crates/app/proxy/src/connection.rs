//! What a connection tells about every request on it.

use crate::clients::Client;
use crate::role::{Arrival, Role};
use selvedge_config::checked::{Limits, Workload};
use selvedge_http::{HeadLimits, Scheme};
use selvedge_identity::Peer;
use selvedge_model::{Name, PeerTls, SpiffeId, TrustDomain, WorkloadKind};
use std::cell::Cell;
use std::net::IpAddr;
use std::rc::Rc;

/// A connection that was accepted.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) role: &'static Role,
    /// The gateway or the local service that it is for.
    pub(crate) at: Name,
    /// Who we are towards the next hop.
    pub(crate) own: SpiffeId,
    /// Who is at the other end, inside the mesh.
    pub(crate) caller: Option<Caller>,
    /// The port of the local service, where the connection is for one.
    pub(crate) port: Option<Name>,
    /// The address of the other end.
    pub(crate) client: IpAddr,
    pub(crate) scheme: Scheme,
    /// The server name that was asked for.
    pub(crate) sni: Option<String>,
    pub(crate) tls: Option<PeerTls>,
    /// The certificate of an outside caller, if it showed one.
    pub(crate) client_certificate: Option<Client>,
    pub(crate) limits: Limits,
    /// Whether it waits for a request: then it may be ended without loss.
    pub(crate) waits: Rc<Cell<bool>>,
}

/// A caller whose identity was proven when the connection was made.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) id: SpiffeId,
    pub(crate) kind: Kind,
    /// Until when the proof counts, in seconds since 1970.
    pub(crate) until: u64,
    /// What the process was measured by, for a local workload: the proof counts as long as the documents say the same.
    pub(crate) selector: Option<Workload>,
    /// What was shown, for a peer of the mesh.
    pub(crate) shown: Option<Peer>,
}

/// What a caller is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Something of our own trust domain.
    Own(WorkloadKind),
    /// A workload of a federated trust domain. What its path means there says nothing here: it is no gateway of ours, and
    /// vouches for nobody.
    Federated,
}

impl Caller {
    /// A peer that showed an SVID, to us of the trust domain `own`. `None`: it is of ours, and its path is none that we
    /// issue.
    pub(crate) fn of_peer(peer: Peer, own: &TrustDomain) -> Option<Caller> {
        let kind = match peer.id.trust_domain() == own.as_str() {
            true => Kind::Own(peer.id.kind().ok()?),
            false => Kind::Federated,
        };
        let (id, until) = (peer.id.clone(), peer.not_after);
        Some(Caller { kind, id, until, selector: None, shown: Some(peer) })
    }

    /// A local workload that the kernel vouched for.
    pub(crate) fn of_workload(id: SpiffeId, service: Name, selector: Option<Workload>) -> Caller {
        Caller { id, kind: Kind::Own(WorkloadKind::Service(service)), until: u64::MAX, selector, shown: None }
    }
}

impl Connection {
    pub(crate) fn peer_id(&self) -> Option<&SpiffeId> {
        self.caller.as_ref().map(|caller| &caller.id)
    }

    /// Whether it came over the mesh's own TLS: from one of our own hops, or from a federated workload.
    pub(crate) fn is_inside(&self) -> bool {
        match self.role.arrival {
            Arrival::MeshLink => true,
            Arrival::Listener | Arrival::Outbound => false,
        }
    }

    /// The caller, where it is one of our own hops: nobody else is believed what it says of others.
    pub(crate) fn own_hop(&self) -> Option<&Caller> {
        let is_own = |caller: &&Caller| matches!(caller.kind, Kind::Own(_));
        self.caller.as_ref().filter(|_| self.is_inside()).filter(is_own)
    }

    pub(crate) fn head_limits(&self) -> HeadLimits {
        HeadLimits {
            head_bytes_max: self.limits.head_bytes_max,
            fields_max: self.limits.fields_max,
            target_bytes_max: self.limits.target_bytes_max,
        }
    }
}
