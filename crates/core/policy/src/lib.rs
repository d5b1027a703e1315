//! Rules compiled into an index, and the one function that decides.
//!
//! The edge, an HTTP hop, a TCP hop, tests and explanations all call [`Policy::decide`] with [`Facts`]; there is no
//! second engine. No rule, no access.

mod compile;
mod decide;
mod tree;

pub use tree::PathTree;

use ahash::RandomState;
use selvedge_model::{HostPattern, Name, PathPattern, RuleId, SpiffeId};
use std::collections::HashMap;
use std::sync::Arc;

#[cfg(doc)]
use selvedge_model::Facts;

/// The compiled policy of a whole mesh.
#[derive(Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    services: HashMap<Name, ServiceRules, RandomState>,
}

/// The rules of one service.
#[derive(Debug, Default)]
struct ServiceRules {
    /// Every rule, for the nearest miss.
    all: Vec<u32>,
    /// By port: a service has few, so a scan is quicker than a map.
    ports: Vec<(Name, PortRules)>,
}

/// The rules of one port, by path; on a TCP port under no path at all.
#[derive(Debug, Default)]
struct PortRules {
    paths: PathTree<u32>,
    whole: Vec<u32>,
}

/// One rule, ready to be tested.
#[derive(Debug)]
struct Rule {
    id: Arc<RuleId>,
    ports: Vec<Name>,
    methods: Option<Vec<Arc<str>>>,
    paths: Vec<PathPattern>,
    from: From,
}

/// Who calls, resolved.
#[derive(Debug)]
enum From {
    Gateway {
        gateway: Name,
        hosts: Vec<HostPattern>,
        credential: Credential,
    },
    /// Sorted.
    Services(Vec<SpiffeId>),
}

/// What an outside caller must show.
#[derive(Debug)]
enum Credential {
    Anonymous,
    Token { issuer: Name, scopes: Vec<Arc<str>>, groups: Vec<Arc<str>> },
}

#[cfg(test)]
mod tests;
