//! What is enforced: the decision, and services that are observed, where what no rule allows is let through within bounds
//! that do not depend on rules.

use crate::Policy;
use selvedge_model::{Credential, Decision, Denial, DenialReason, Facts, Missing, Peer, RuleId};
use std::sync::Arc;

/// What becomes of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Enforced {
    /// A rule allows it.
    Allowed(Arc<RuleId>),
    /// No rule allows it, for this reason, and it is let through and recorded: its service has `mode: observe`.
    Observed(Denial),
    /// It is refused.
    Denied(Denial),
}

impl Policy {
    /// Decides, and lets through what no rule allows where the service is observed.
    ///
    /// Never from outside, never where a credential was refused or a user lacks something, never where a condition could
    /// not be evaluated, and never against a guardrail: guardrails are asked here, though no rule holds.
    pub fn enforce(&self, facts: &Facts<'_>) -> Enforced {
        match self.decide(facts) {
            Decision::Allow(rule) => Enforced::Allowed(rule),
            Decision::Deny(denial) if !self.is_observed(facts, &denial) => Enforced::Denied(denial),
            Decision::Deny(denial) => match self.forbidden(&|| self.view(facts, &[]), None) {
                Some(forbidden) => Enforced::Denied(forbidden),
                None => Enforced::Observed(denial),
            },
        }
    }

    fn is_observed(&self, facts: &Facts<'_>, denial: &Denial) -> bool {
        if !self.observed.contains(facts.service) || denial.reason != DenialReason::NotPermitted {
            return false;
        }
        let inside = match facts.peer {
            // What is observed is this mesh. Who comes from another is let in by a rule, or not at all.
            Peer::Workload(id) => id.trust_domain() == self.domain.as_str(),
            Peer::Outside { .. } => false,
        };
        let refused = match facts.credential {
            Credential::Refused => true,
            Credential::Absent | Credential::Token(_) => false,
        };
        inside && !refused && denial.nearest.as_ref().is_none_or(|nearest| is_of_workload(&nearest.missing))
    }
}

/// Whether what lacks is about the calling workload and its request, and not about an end user.
fn is_of_workload(missing: &Missing) -> bool {
    match missing {
        Missing::Port | Missing::Path | Missing::Caller | Missing::Host | Missing::Method | Missing::When(_) => true,
        Missing::Token(_)
        | Missing::ValidCredential
        | Missing::Scope(_)
        | Missing::Group(_)
        | Missing::Evaluation(_) => false,
    }
}
