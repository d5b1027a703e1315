//! Exact answers about a policy as a whole: who can, what a caller can, what a change changes, what is never allowed,
//! and what is odd about the rules.
//!
//! Nothing is sampled. For each port the rules tell apart finitely many kinds of caller, methods and classes of paths
//! ([`frame`]); in each of those cells a request is allowed, denied, or allowed under conditions, which are carried as
//! formulas and compared by their meaning ([`condition`]). What routing does with a request is not looked at: an answer
//! is about what the policy allows, at the edge and inside.

mod answer;
mod ask;
mod bits;
mod cells;
mod class;
mod condition;
mod diff;
mod findings;
mod frame;
mod grant;
mod identity;
mod lowered;
mod never;
mod notes;
mod region;
mod term;
mod terms;

pub use answer::{Access, Answer, Condition, Unless, Way};
pub use ask::Caller;
pub use class::PathClass;
pub(crate) use class::{PATH_CLASSES_MAX, are_few};
pub use diff::{Change, Difference, Hop, diff};
pub use findings::{CODES, Finding, Severity};
pub use identity::{Hosts, Identity, Shown};
pub use never::Violation;
pub use notes::Note;
pub use region::{Methods, Paths, Requests};
pub use term::{Clock, Grantee, Presence, Range, Term, Text};

use crate::Policy;
use grant::{Conjunction, Guard, Side};
use selvedge_config::checked::{Checked, Rule, Service};
use selvedge_model::Name;
use std::collections::BTreeMap;
use term::Known;
use terms::Terms;

/// A policy, ready to be asked.
pub struct Analysis<'a> {
    checked: &'a Checked,
    /// By service, in the order in which they are decided; each with the ways in which its `when` holds.
    rules: BTreeMap<&'a Name, Vec<(&'a Rule, Vec<Conjunction>)>>,
    guards: Vec<Guard>,
}

impl<'a> Analysis<'a> {
    /// Prepares a checked repository, with the policy that was compiled from it.
    pub fn of(checked: &'a Checked, policy: &Policy) -> Analysis<'a> {
        let mut rules: BTreeMap<&Name, Vec<(&Rule, Vec<Conjunction>)>> = BTreeMap::new();
        let written = checked.access.iter().flat_map(|access| access.rules.iter().map(|rule| (&access.service, rule)));
        for (index, (service, rule)) in written.enumerate() {
            rules.entry(service).or_default().push((rule, lowered::when(policy, index)));
        }
        Analysis { checked, rules, guards: lowered::guards(policy) }
    }

    /// What the policy says of one port; nothing where the service or the port is not there.
    fn side<'s>(&'s self, service: &'s Service, port: &'s Name, terms: &mut Terms) -> Side<'s> {
        let known = Known {
            service,
            port: port.as_str(),
            trust_domain: self.checked.mesh.trust_domain.as_str(),
            issuers: &self.checked.mesh.issuers,
            services: &self.checked.services,
        };
        let rules = self.rules.get(&service.name).into_iter().flatten();
        let rules = rules.filter(|(rule, _)| rule.ports.contains(port));
        Side::of(known, rules.map(|(rule, when)| (*rule, when.as_slice())), &self.guards, terms)
    }

    /// The documents.
    pub fn checked(&self) -> &'a Checked {
        self.checked
    }
}

#[cfg(test)]
mod tests;
