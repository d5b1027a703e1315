//! Why a decision came out as it did: what each rule of the service lacked, and the smallest change that would allow it.

mod change;
mod edit;
mod lacked;
mod step;

pub use step::{Change, NewRule, Step};

use crate::decide::rank;
use crate::{Enforced, Policy};
use selvedge_config::Checked;
use selvedge_config::checked::Rule;
use selvedge_model::{Decision, Facts, Missing, Peer, RuleId};
use std::cmp::Reverse;
use std::sync::Arc;

/// A decision with everything that led to it.
#[derive(Debug, Clone)]
pub struct Explanation {
    /// What is decided.
    pub decision: Decision,
    /// Whether it goes through all the same, since its service is observed.
    pub observed: bool,
    /// Every rule of the service: those that hold, then the nearer before the farther.
    pub candidates: Vec<Candidate>,
    /// What would allow it; `None` when it is allowed, or when no rule could.
    pub change: Option<Change>,
}

/// One rule of the service that is called.
#[derive(Debug, Clone)]
pub struct Candidate {
    /// The rule.
    pub rule: Arc<RuleId>,
    /// All that it lacked, in the order in which it is tested; nothing when it holds. A condition is tested last, and
    /// only when nothing else is lacking.
    pub lacked: Vec<Missing>,
}

impl Explanation {
    /// Explains what `policy`, which was compiled from `checked`, decides about `facts`.
    pub fn of(checked: &Checked, policy: &Policy, facts: &Facts<'_>) -> Explanation {
        let rules = checked.access.iter().filter(|access| access.service == *facts.service).flat_map(|a| &a.rules);
        let (decision, observed) = match policy.enforce(facts) {
            Enforced::Allowed(rule) => (Decision::Allow(rule), false),
            Enforced::Observed(denial) => (Decision::Deny(denial), true),
            Enforced::Denied(denial) => (Decision::Deny(denial), false),
        };
        let mut candidates: Vec<(Candidate, &Rule)> =
            rules.map(|rule| (candidate(checked, policy, rule, facts), rule)).collect();
        candidates.sort_by_key(|(candidate, _)| Reverse(candidate.lacked.first().map_or(u8::MAX, rank)));
        let change = match &decision {
            Decision::Allow(_) => None,
            Decision::Deny(_) => change::smallest(checked, facts, &candidates),
        };
        Explanation {
            decision,
            observed,
            candidates: candidates.into_iter().map(|(candidate, _)| candidate).collect(),
            change,
        }
    }

    /// Explains a request that a gateway found no route for: the rules of every service that this gateway exposes.
    pub fn unrouted(checked: &Checked, policy: &Policy, facts: &Facts<'_>) -> Explanation {
        let Peer::Outside { gateway, .. } = facts.peer else { return Explanation::of(checked, policy, facts) };
        let exposes = |rule: &&Rule| match &rule.from {
            selvedge_config::checked::From::Gateway { gateway: through, .. } => through == gateway,
            selvedge_config::checked::From::Services(_) | selvedge_config::checked::From::Federated(_) => false,
        };
        let mut explained: Vec<Explanation> = Vec::new();
        for access in &checked.access {
            let exposures: Vec<&Rule> = access.rules.iter().filter(exposes).collect();
            let mut ports: Vec<_> = exposures.iter().flat_map(|rule| &rule.ports).collect();
            ports.sort();
            ports.dedup();
            let at = |port| Facts { service: &access.service, port, ..*facts };
            explained.extend(ports.into_iter().map(|port| Explanation::of(checked, policy, &at(port))));
        }
        together(explained)
    }
}

/// Explanations of one request towards several services, as one; the request goes nowhere, so none allows it.
fn together(explained: Vec<Explanation>) -> Explanation {
    let mut candidates = Vec::new();
    let mut changes = Vec::new();
    for one in explained {
        candidates.extend(one.candidates.into_iter().filter(|candidate| !candidate.lacked.is_empty()));
        // Which service a new rule would be for is not known.
        changes.extend(one.change.filter(|change| change.rule.is_some()));
    }
    candidates.sort_by_key(|candidate| Reverse(candidate.lacked.first().map_or(u8::MAX, rank)));
    candidates.dedup_by(|a, b| a.rule == b.rule);
    let denial = selvedge_model::Denial::of(selvedge_model::DenialReason::NotExposed);
    let change = changes.into_iter().min_by_key(Change::cost);
    Explanation { decision: Decision::Deny(denial), observed: false, candidates, change }
}

impl Policy {
    /// The first thing that the rule of this name lacks, by the engine that decides; `None` when it holds or is not a
    /// rule of the service.
    pub fn lacks(&self, id: &RuleId, facts: &Facts<'_>) -> Option<Missing> {
        let is = |rule: &crate::Rule| (&rule.id.access, &rule.id.rule) == (&id.access, &id.rule);
        let rules = self.index.rules_of(self.index.service(facts.service)?);
        let rule = rules.iter().find(|index| self.rule(**index).is_some_and(is))?;
        self.lacking(*rule, facts)
    }
}

fn candidate(checked: &Checked, policy: &Policy, rule: &Rule, facts: &Facts<'_>) -> Candidate {
    let mut lacked = lacked::all(rule, &checked.mesh.trust_domain, facts);
    if lacked.is_empty() {
        // What is left is the condition, and the engine alone evaluates those.
        lacked.extend(policy.lacks(&rule.id, facts));
    }
    Candidate { rule: Arc::new(rule.id.clone()), lacked }
}

#[cfg(test)]
mod tests;
