//! What control knows of the mesh: which plan is wanted, and which node enforces it.

use crate::alarms;
use crate::federation::FederationStatus;
use crate::registry::{Key, Node};
use crate::shared::Shared;
use selvedge_link::{NodeKind, text};
use selvedge_model::{Name, TrustDomain};
use serde::{Deserialize, Serialize};

/// The state of the mesh as control knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The trust domain.
    pub trust_domain: TrustDomain,
    /// The revision that nodes are to enforce.
    pub revision: u64,
    /// The hash of its plan.
    pub plan: String,
    /// What is wrong: documents that are refused, or a change that could not be signed.
    pub error: Option<String>,
    /// What ends soon.
    #[serde(default)]
    pub alarms: Vec<String>,
    /// The trust domains that the mesh federates with.
    #[serde(default)]
    pub federation: Vec<FederationStatus>,
    /// Every gateway and node that joined.
    pub nodes: Vec<NodeStatus>,
}

/// One gateway or node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeStatus {
    /// Gateway or node.
    pub kind: NodeKind,
    /// Its name.
    pub name: Name,
    /// Whether it has a session now.
    pub connected: bool,
    /// The program's version that it said.
    pub version: String,
    /// The hash of the plan that it enforces, by its last word.
    pub enforced: Option<String>,
    /// Whether that is the wanted one.
    pub current: bool,
    /// Why it refused the last bundle.
    pub refused: Option<String>,
    /// The services that it stands beside.
    pub services: Vec<Name>,
    /// Where others reach it, as `host:port`.
    pub endpoints: Vec<String>,
    /// Its certificates.
    pub certificates: Vec<CertificateStatus>,
    /// When it joined, in seconds since 1970.
    pub joined_at: u64,
    /// When it was last heard, in seconds since 1970; `None` if not since control started.
    pub last_seen: Option<u64>,
}

/// A certificate in use on a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateStatus {
    /// The SPIFFE ID, or the first host of an edge certificate.
    pub id: String,
    /// The serial number, in hex.
    pub serial: String,
    /// Seconds until it ends; below zero when it ended.
    pub expires_in_s: i64,
}

/// Gathers the status.
pub(crate) fn of(shared: &Shared) -> Status {
    let current = shared.current();
    let now = shared.now_s();
    // Before the world is held: it looks at the world too.
    let alarms = alarms::of(shared);
    let world = shared.world();
    let errors: Vec<&str> =
        [&world.documents_error, &world.publish_error].into_iter().flatten().map(String::as_str).collect();
    let node = |(key, node): (&Key, &Node)| node_status(key, node, world.live.heard(key), &current.plan, now);
    Status {
        trust_domain: shared.domain().clone(),
        revision: current.revision,
        plan: current.plan.to_string(),
        error: (!errors.is_empty()).then(|| errors.join("\n")),
        alarms,
        federation: world.federation.status(&current.documents.checked, now),
        nodes: world.registry.nodes().map(node).collect(),
    }
}

fn node_status(key: &Key, node: &Node, heard: Option<&crate::live::Heard>, plan: &str, now: u64) -> NodeStatus {
    let last_seen = heard.map(|heard| heard.last_seen);
    let connected = heard.is_some_and(crate::live::Heard::is_connected);
    let heard = heard.cloned().unwrap_or_default();
    let left = |end: u64| i64::try_from(end).unwrap_or(i64::MAX).saturating_sub(i64::try_from(now).unwrap_or(i64::MAX));
    let certificates = heard.certificates.into_iter();
    NodeStatus {
        kind: key.0,
        name: key.1.clone(),
        connected,
        version: heard.version,
        current: heard.enforced.as_deref() == Some(plan),
        enforced: heard.enforced,
        refused: heard.refused,
        services: node.beside().cloned().collect(),
        endpoints: node.advertise().map(text::show_host_port).into_iter().collect(),
        certificates: certificates
            .map(|c| CertificateStatus { id: c.id, serial: c.serial, expires_in_s: left(c.not_after) })
            .collect(),
        joined_at: node.joined_at,
        last_seen,
    }
}
