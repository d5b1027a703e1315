//! What is in force: the plan, our identities, and what each address listens for. Read by one atomic load a request.

use crate::clients::Sets;
use crate::connection::Caller;
use crate::{EdgeSource, Settings};
use selvedge_config::checked::{From, Listener, Rule};
use selvedge_model::Name;
use selvedge_net::{Clients, EdgeTls, MeshTls, TlsError};
use selvedge_plan::Plan;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// A plan with everything that is needed to enforce it.
#[derive(Debug)]
pub(crate) struct Live {
    /// Which change this is: it grows with each.
    pub(crate) serial: u64,
    pub(crate) plan: Arc<Plan>,
    /// Whether users travel further than to the first service.
    pub(crate) users: bool,
    /// Our SVIDs and the trust bundle. `None`: the mesh is not reachable from here yet.
    pub(crate) mesh: Option<Arc<MeshTls>>,
    /// The change with which these identities came.
    pub(crate) mesh_serial: u64,
    /// Where we are: endpoints in the same zone are preferred.
    pub(crate) zone: Option<Name>,
    /// What each address is for.
    pub(crate) listeners: BTreeMap<SocketAddr, Meaning>,
    /// The sets of client certificates that our gateways ask for.
    pub(crate) clients: Sets,
}

impl Live {
    /// Whether a peer of the mesh is believed still: it is not revoked, and its root is trusted.
    pub(crate) fn believes(&self, caller: &Caller) -> bool {
        match (&caller.shown, &self.mesh) {
            (Some(shown), Some(mesh)) => mesh.believes(shown),
            (Some(_), None) => false,
            (None, _) => true,
        }
    }
}

/// What an address listens for.
#[derive(Debug, Clone)]
pub(crate) enum Meaning {
    /// A gateway's listener.
    Edge {
        /// The gateway.
        gateway: Name,
        /// Its TLS; `None` is plain HTTP.
        tls: Option<Arc<EdgeTls>>,
    },
    /// The node's mesh listener.
    Mesh,
    /// HTTP calls of a local service.
    OutboundHttp {
        /// The service that calls.
        service: Name,
    },
    /// Calls of a local service to one TCP port.
    OutboundTcp {
        /// The service that calls.
        service: Name,
        /// The service that is called.
        to: Name,
        /// Its port.
        port: Name,
    },
}

/// Whether some decision between services looks at the user. Where none does, no user travels, and nothing is kept.
pub(crate) fn carries_users(plan: &Plan) -> bool {
    let checked = plan.checked();
    let speaks_of_one = |text: &str| text.contains("user");
    let inside = |rule: &Rule| match &rule.from {
        From::Services(_) => {
            rule.on_behalf_of.is_some() || rule.when.as_ref().is_some_and(|w| speaks_of_one(w.as_str()))
        }
        From::Gateway { .. } | From::Federated(_) => false,
    };
    checked.access.iter().flat_map(|access| &access.rules).any(inside)
        || checked.guardrails.iter().any(|guardrail| speaks_of_one(guardrail.text.as_str()))
}

/// Why a plan cannot be put in force here. What was in force stays.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// Two documents claim one address in ways that exclude each other.
    #[error("`{0}` is claimed twice: give each listener and outbound address a port of its own")]
    Claimed(SocketAddr),
    /// A listener's certificate is missing or unusable.
    #[error("the certificate for `{address}`: {error}")]
    Certificate {
        /// The listener.
        address: SocketAddr,
        /// Why.
        error: TlsError,
    },
    /// The authorities or lists for client certificates are missing or unusable.
    #[error("the client certificates of `{set}`: {error}")]
    Clients {
        /// The set.
        set: Name,
        /// Why.
        error: TlsError,
    },
    /// An address cannot be bound.
    #[error("cannot listen on `{address}`: {error}")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's error.
        error: std::io::Error,
    },
    /// A worker has ended.
    #[error("a worker thread has ended: restart the process")]
    WorkerGone,
}

/// The sets of client certificates that our gateways ask for, read from their files.
pub(crate) fn clients(plan: &Plan, settings: &Settings) -> Result<Sets, ApplyError> {
    let mut found = Sets::new();
    let gateways = settings.gateways.iter().filter_map(|name| plan.gateway(name));
    for name in gateways.flat_map(|gateway| &gateway.listeners).flat_map(|listener| &listener.client_sets) {
        let Some(set) = plan.checked().mesh.client_sets.get(name).filter(|_| !found.contains_key(name)) else {
            continue;
        };
        let loaded = Clients::load(set, &settings.files);
        let loaded = loaded.map_err(|error| ApplyError::Clients { set: name.clone(), error })?;
        found.insert(name.clone(), Arc::new(loaded));
    }
    Ok(found)
}

/// What each address is for under a plan, as far as it concerns us.
pub(crate) fn listeners(
    plan: &Plan,
    settings: &Settings,
    certificates: &EdgeSource<'_>,
    clients: &Sets,
) -> Result<BTreeMap<SocketAddr, Meaning>, ApplyError> {
    let mut found = BTreeMap::new();
    let mut claim = |address: SocketAddr, meaning: Meaning| match found.insert(address, meaning) {
        None => Ok(()),
        Some(_) => Err(ApplyError::Claimed(address)),
    };
    for gateway in settings.gateways.iter().filter_map(|name| plan.gateway(name)) {
        for listener in &gateway.listeners {
            let tls = edge_tls(listener, certificates, clients)?;
            claim(listener.address, Meaning::Edge { gateway: gateway.name.clone(), tls })?;
        }
    }
    if let Some(address) = settings.mesh_listen {
        claim(address, Meaning::Mesh)?;
    }
    for service in settings.services.iter().filter_map(|name| plan.service(name.as_str())) {
        let outbound = service.outbound.iter();
        for address in outbound.clone().filter_map(|outbound| outbound.http) {
            claim(address, Meaning::OutboundHttp { service: service.name.clone() })?;
        }
        for tcp in outbound.flat_map(|outbound| &outbound.tcp) {
            let (to, port) = (tcp.service.clone(), tcp.port.clone());
            claim(tcp.listen, Meaning::OutboundTcp { service: service.name.clone(), to, port })?;
        }
    }
    Ok(found)
}

/// Everybody is asked for a certificate where some rule wants one: which rule it is is not known before the request.
fn edge_tls(
    listener: &Listener,
    certificates: &EdgeSource<'_>,
    clients: &Sets,
) -> Result<Option<Arc<EdgeTls>>, ApplyError> {
    if listener.certificate.is_none() {
        return Ok(None);
    }
    let unusable = |error| ApplyError::Certificate { address: listener.address, error };
    let shown = certificates(listener).map_err(unusable)?;
    let asked = listener.client_sets.iter().filter_map(|name| clients.get(name).cloned()).collect();
    EdgeTls::asking(vec![shown], listener.preset, asked).map(Arc::new).map(Some).map_err(unusable)
}
