//! Rules compiled into an index, and the one function that decides.
//!
//! The edge, an HTTP hop, a TCP hop, tests and explanations all call [`Policy::decide`] with [`Facts`]; there is no
//! second engine. No rule, no access.

pub mod analyse;
mod cedar;
mod compile;
mod decide;
mod explain;
mod lower;
mod replay;
mod tree;

pub use cedar::{Answer, Question, Reference, SCHEMA};
pub use explain::{Candidate, Change, Explanation, NewRule, Step};
pub use replay::{Before, Destination, Recorded, Replayed, Unreplayable};
pub use tree::PathTree;

use crate::cedar::{Condition, Guardrails};
use ahash::RandomState;
use selvedge_config::{Checked, Diagnostic, SourceFile};
use selvedge_model::{HostPattern, Name, PathPattern, RuleId, SpiffeId, TrustDomain};
use std::collections::HashMap;
use std::sync::Arc;

#[cfg(doc)]
use selvedge_model::Facts;

/// Checks a whole mesh repository, conditions and guardrails included.
///
/// # Errors
/// Everything that is wrong, sorted by file, line and column.
pub fn check(files: &[SourceFile]) -> Result<(Checked, Policy), Vec<Diagnostic>> {
    selvedge_config::check_with(files, Policy::compile)
}

/// The compiled policy of a whole mesh.
#[derive(Debug)]
pub struct Policy {
    rules: Vec<Rule>,
    services: HashMap<Name, ServiceRules, RandomState>,
    /// Labels of services as callers, each as `key=value`.
    callers: HashMap<SpiffeId, Vec<Arc<str>>, RandomState>,
    domain: TrustDomain,
    /// Request fields that conditions name, by their names on the wire.
    headers: Vec<Arc<str>>,
    guardrails: Guardrails,
}

impl Policy {
    /// The request fields that some condition or guardrail names, in lower case, sorted: those that facts must have.
    pub fn headers_wanted(&self) -> &[Arc<str>] {
        &self.headers
    }
}

/// The rules of one service.
#[derive(Debug, Default)]
struct ServiceRules {
    /// Every rule, for the nearest miss.
    all: Vec<u32>,
    /// By port: a service has few, so a scan is quicker than a map.
    ports: Vec<(Name, PortRules)>,
    /// The service's labels, each as `key=value`.
    labels: Vec<Arc<str>>,
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
    /// The end user for whom a caller from inside must speak.
    user: Option<Credential>,
    when: Option<Arc<Condition>>,
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
mod fixture;
#[cfg(test)]
mod tests;
