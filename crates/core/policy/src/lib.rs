//! Rules compiled into an index, and the one function that decides.
//!
//! The edge, an HTTP hop, a TCP hop, tests and explanations all call [`Policy::decide`] with [`Facts`]; there is no
//! second engine. No rule, no access.

pub mod analyse;
mod cedar;
mod compile;
mod decide;
mod explain;
mod index;
mod lower;
mod observe;
mod replay;
mod tree;

pub use cedar::{Answer, Implication, Question, Reference, SCHEMA, Unprovable, implications};
pub use explain::{Candidate, Change, Explanation, NewRule, Step};
pub use observe::Enforced;
pub use replay::{Before, Destination, Recorded, Replayed, Unreplayable};
pub use tree::PathTree;

use crate::cedar::{Condition, Guardrails};
use crate::index::Index;
use selvedge_config::{Checked, Diagnostic, SourceFile};
use selvedge_model::{Name, PathPattern, RuleId, TrustDomain};
use std::collections::BTreeSet;
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
    /// What decisions read.
    index: Index,
    /// What answers show, by rule, in the order written.
    rules: Vec<Rule>,
    /// The distinct conditions of rules.
    conditions: Vec<Arc<Condition>>,
    domain: TrustDomain,
    /// Request fields that conditions name, by their names on the wire.
    headers: Vec<Arc<str>>,
    guardrails: Guardrails,
    /// Services with `mode: observe`.
    observed: BTreeSet<Name>,
}

impl Policy {
    /// The request fields that some condition or guardrail names, in lower case, sorted: those that facts must have.
    pub fn headers_wanted(&self) -> &[Arc<str>] {
        &self.headers
    }

    /// The size of what decisions read, in bytes: rules, patterns, names and the tables to find them.
    pub fn index_bytes(&self) -> usize {
        self.index.bytes()
    }
}

/// One rule, as far as the index does not have it.
#[derive(Debug)]
struct Rule {
    id: Arc<RuleId>,
    /// Its patterns, where its condition names what they capture.
    patterns: Box<[PathPattern]>,
}

#[cfg(test)]
mod fixture;
#[cfg(test)]
mod tests;
