//! Which nodes there are, what each was granted when it joined, and where it is reached. Survives restarts.

pub(crate) mod token;

use selvedge_config::checked::HostPort;
use selvedge_link::{NodeInfo, NodeKind, text};
use selvedge_model::Name;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Gateways and nodes in one mesh.
const NODES_MAX: usize = 10_000;
/// Services beside one node.
pub(crate) const SERVICES_MAX: usize = 256;

/// A node's place in the registry.
pub(crate) type Key = (NodeKind, Name);

/// Every gateway and node that joined.
#[derive(Debug, Default)]
pub(crate) struct Registry {
    nodes: BTreeMap<Key, Node>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Node {
    kind: NodeKind,
    name: Name,
    /// What its token granted.
    granted: BTreeSet<Name>,
    /// What its last Hello said that it stands beside: a part of `granted`.
    beside: BTreeSet<Name>,
    /// Where others reach it; kept while it is away.
    #[serde(with = "text::host_port_option")]
    advertise: Option<HostPort>,
    /// In seconds since 1970.
    pub(crate) joined_at: u64,
    /// In the same process as control: registered anew at each start, so it is not written down.
    #[serde(skip)]
    local: bool,
}

/// Why the registry does not take a node.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RegistryError {
    #[error("there are {NODES_MAX} nodes already, which is the most: run a second mesh")]
    Full,
    #[error("the {0} `{1}` never joined here: join it with a new token")]
    Unknown(NodeKind, Name),
    #[error("the {kind} `{name}` was not granted the service `{service}`: join it with a token that names it")]
    NotGranted { kind: NodeKind, name: Name, service: Name },
    #[error("a gateway has no services: run a node beside them")]
    GatewayServices,
}

impl Registry {
    /// The registry as it was written down.
    pub(crate) fn of(nodes: Vec<Node>) -> Registry {
        Registry { nodes: nodes.into_iter().map(|node| ((node.kind, node.name.clone()), node)).collect() }
    }

    /// What is to be written down.
    pub(crate) fn lasting(&self) -> Vec<&Node> {
        self.nodes.values().filter(|node| !node.local).collect()
    }

    /// Every node.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&Key, &Node)> {
        self.nodes.iter()
    }

    /// A node.
    pub(crate) fn node(&self, key: &Key) -> Option<&Node> {
        self.nodes.get(key)
    }

    /// Takes a node with what its token grants; one of the same name is replaced.
    pub(crate) fn join(&mut self, key: &Key, granted: &[Name], local: bool, now: u64) -> Result<(), RegistryError> {
        if !self.nodes.contains_key(key) && self.nodes.len() >= NODES_MAX {
            return Err(RegistryError::Full);
        }
        let node = Node {
            kind: key.0,
            name: key.1.clone(),
            granted: granted.iter().cloned().collect(),
            beside: BTreeSet::new(),
            advertise: None,
            joined_at: now,
            local,
        };
        self.nodes.insert(key.clone(), node);
        Ok(())
    }

    /// Forgets a node. `false`: there was none.
    pub(crate) fn remove(&mut self, key: &Key) -> bool {
        self.nodes.remove(key).is_some()
    }

    /// Hears a node's Hello. `true` when it changes where a service is reached.
    pub(crate) fn hello(&mut self, info: &NodeInfo) -> Result<bool, RegistryError> {
        let (kind, name) = (info.kind, &info.name);
        let key = (kind, name.clone());
        let node = self.nodes.get_mut(&key).ok_or_else(|| RegistryError::Unknown(kind, name.clone()))?;
        if kind == NodeKind::Gateway && !info.services.is_empty() {
            return Err(RegistryError::GatewayServices);
        }
        if let Some(service) = info.services.iter().find(|service| !node.granted.contains(*service)) {
            return Err(RegistryError::NotGranted { kind, name: name.clone(), service: service.clone() });
        }
        let beside: BTreeSet<Name> = info.services.iter().cloned().collect();
        let advertise = info.advertise.clone().filter(|_| kind == NodeKind::Node);
        let changed = node.beside != beside || node.advertise != advertise;
        node.beside = beside;
        node.advertise = advertise;
        Ok(changed)
    }

    /// Where the nodes of each service are reached: sorted, without repetition.
    pub(crate) fn registered(&self) -> BTreeMap<Name, Vec<HostPort>> {
        let mut found = BTreeMap::<Name, BTreeSet<HostPort>>::new();
        for node in self.nodes.values() {
            let Some(advertise) = &node.advertise else { continue };
            for service in &node.beside {
                found.entry(service.clone()).or_default().insert(advertise.clone());
            }
        }
        found.into_iter().map(|(service, addresses)| (service, addresses.into_iter().collect())).collect()
    }
}

impl Node {
    /// Whether the node's token granted `service`.
    pub(crate) fn is_granted(&self, service: &Name) -> bool {
        self.granted.contains(service)
    }

    /// The services that it said it stands beside.
    pub(crate) fn beside(&self) -> impl Iterator<Item = &Name> {
        self.beside.iter()
    }

    /// Where others reach it.
    pub(crate) fn advertise(&self) -> Option<&HostPort> {
        self.advertise.as_ref()
    }
}
