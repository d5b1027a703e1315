//! Services that are observed: what no rule allows is let through, within bounds that do not depend on rules.

use crate::Policy;
use selvedge_model::{Credential, Denial, DenialReason, Facts, Missing, Peer};

impl Policy {
    /// Whether a call that [`Policy::decide`] denied in this way is let through, and recorded, since the service has
    /// `mode: observe`.
    ///
    /// Never from outside, never where a credential was refused or a user lacks something, never where a condition could
    /// not be evaluated, and never against a guardrail: guardrails are asked here, though no rule holds.
    pub fn observes(&self, facts: &Facts<'_>, denial: &Denial) -> bool {
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
        let of_workload = denial.nearest.as_ref().is_none_or(|nearest| is_of_workload(&nearest.missing));
        inside && !refused && of_workload && self.guardrails.forbids(&self.view(facts, &[])).is_none()
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
