//! Which certificate a node may have: its own, those of the services that its token granted, and for a gateway the edge
//! certificates of its own listeners. Pure; everything else is refused.

use crate::registry::{Key, Node};
use selvedge_config::Checked;
use selvedge_config::checked::Certificate;
use selvedge_link::{NodeKind, Want};
use selvedge_model::{Host, HostPattern, SpiffeId, WorkloadKind};

/// Hosts in one edge certificate.
const HOSTS_MAX: usize = 64;

/// A certificate that may be issued.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Granted {
    /// An SVID.
    Svid(SpiffeId),
    /// An edge certificate.
    Server(Vec<Host>),
}

/// Decides what `want` of the node at `key` may become, by its grants and the documents in force.
///
/// The error is the reason for the node and the log; the names in it are checked already.
pub(crate) fn decide(key: &Key, node: &Node, want: &Want, checked: &Checked) -> Result<Granted, String> {
    let (kind, name) = key;
    let domain = &checked.mesh.trust_domain;
    match want {
        Want::Myself => Ok(Granted::Svid(kind.id(domain, name))),
        Want::Service(service) if node.is_granted(service) => {
            Ok(Granted::Svid(SpiffeId::of(domain, &WorkloadKind::Service(service.clone()))))
        }
        Want::Service(service) => Err(format!(
            "the {kind} `{name}` was not granted the service `{service}`: join it with a token that names it"
        )),
        Want::Server(_) if *kind != NodeKind::Gateway => {
            Err(format!("the node `{name}` is no gateway, so it has no edge certificate"))
        }
        Want::Server(hosts) if hosts.is_empty() || hosts.len() > HOSTS_MAX => {
            Err(format!("an edge certificate has 1 to {HOSTS_MAX} hosts, not {}", hosts.len()))
        }
        Want::Server(hosts) => match hosts.iter().find(|host| !serves(checked, key, host)) {
            Some(other) => Err(format!(
                "no listener of the gateway `{name}` has the host `{other}` with `tls: {{ mesh: true }}`: write it there"
            )),
            None => Ok(Granted::Server(hosts.clone())),
        },
    }
}

fn serves(checked: &Checked, key: &Key, host: &Host) -> bool {
    let listeners = checked.gateways.get(&key.1).into_iter().flat_map(|gateway| &gateway.listeners);
    listeners
        .filter(|listener| listener.certificate == Some(Certificate::Mesh))
        .flat_map(|listener| &listener.hosts)
        .any(|pattern| matches!(pattern, HostPattern::Exact(exact) if exact == host))
}
