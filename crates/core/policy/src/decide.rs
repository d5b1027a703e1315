//! The decision: candidates from the index, the first that holds, else the nearest miss.

use crate::cedar::Held;
use crate::lower::View;
use crate::{Credential, From, Policy, Rule};
use selvedge_model::{
    Credential as Shown, Decision, Denial, DenialReason, Facts, Forbidden, Missing, NearestMiss, PathPattern, Peer,
    Principal,
};
use std::ops::ControlFlow;

impl Policy {
    /// Decides one set of facts. Default deny; nothing here can fail, and the answer depends on the facts alone.
    ///
    /// Where several rules hold, the one written first is named (documents in order of name).
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        match self.first_holding(facts) {
            Some(rule) => self.unless_forbidden(rule, facts),
            None => Decision::Deny(self.denial(facts)),
        }
    }

    fn first_holding(&self, facts: &Facts<'_>) -> Option<&Rule> {
        let (_, port) = self.services.get(facts.service)?.ports.iter().find(|(name, _)| name == facts.port)?;
        let mut first: Option<u32> = None;
        let mut consider = |index: &u32| {
            let earlier = first.is_none_or(|found| *index < found);
            let holds =
                |rule: &Rule| rule.lacks_beside_path(facts).is_none() && self.lacks_condition(rule, facts).is_none();
            if earlier && self.rule(*index).is_some_and(holds) {
                first = Some(*index);
            }
            ControlFlow::<()>::Continue(())
        };
        // A break never comes: all candidates are considered.
        let _ = match facts.request {
            Some(request) => port.paths.visit(request.path, &mut consider),
            None => port.whole.iter().try_for_each(consider),
        };
        first.and_then(|index| self.rule(index))
    }

    /// The rule allows, unless a guardrail forbids or fails.
    fn unless_forbidden(&self, rule: &Rule, facts: &Facts<'_>) -> Decision {
        if self.guardrails.all.is_empty() {
            return Decision::Allow(rule.id.clone());
        }
        let Some((guardrail, error)) = self.guardrails.forbids(&self.view(facts, &[])) else {
            return Decision::Allow(rule.id.clone());
        };
        let (guardrail, source) = (guardrail.id.clone(), guardrail.source.clone());
        let forbidden = Some(Forbidden { guardrail, source, rule: rule.id.clone(), error });
        Decision::Deny(Denial { reason: DenialReason::Forbidden, nearest: None, forbidden })
    }

    /// The first thing that the rule lacks for these facts; `None` when it holds.
    pub(crate) fn lacking(&self, rule: &Rule, facts: &Facts<'_>) -> Option<Missing> {
        rule.lacks(facts).or_else(|| self.lacks_condition(rule, facts))
    }

    fn lacks_condition(&self, rule: &Rule, facts: &Facts<'_>) -> Option<Missing> {
        match rule.when.as_ref()?.holds(&self.view(facts, &rule.paths)) {
            Held::Yes => None,
            Held::No(conjunct) => Some(Missing::When(conjunct.text.clone())),
            Held::Error(error) => Some(Missing::Evaluation(error)),
        }
    }

    /// What a condition sees of the facts; a rule's own patterns are for its captures.
    pub(crate) fn view<'a>(&'a self, facts: &'a Facts<'a>, patterns: &'a [PathPattern]) -> View<'a> {
        let caller_labels = match facts.peer {
            Peer::Workload(id) => self.callers.get(id).map(Vec::as_slice).unwrap_or_default(),
            Peer::Outside { .. } => &[],
        };
        let service_labels = self.services.get(facts.service).map(|rules| rules.labels.as_slice()).unwrap_or_default();
        View { facts, domain: self.domain.as_str(), caller_labels, service_labels, patterns }
    }

    pub(crate) fn rule(&self, index: u32) -> Option<&Rule> {
        self.rules.get(index as usize)
    }

    /// The denial: its kind follows from how near the nearest rule came. A scan, on the refused path only.
    fn denial(&self, facts: &Facts<'_>) -> Denial {
        let rules = self.services.get(facts.service).map(|service| service.all.as_slice()).unwrap_or_default();
        let misses = rules.iter().filter_map(|index| self.rule(*index)).filter_map(|rule| {
            let missing = self.lacking(rule, facts)?;
            Some((rank(&missing), rule, missing))
        });
        // The first of the nearest, so that the answer does not depend on the order of equal misses.
        let nearest = misses.reduce(|best, next| if next.0 > best.0 { next } else { best });
        let reason = denial_reason(facts, nearest.as_ref().map(|(_, _, missing)| missing));
        let nearest = nearest.map(|(_, rule, missing)| NearestMiss { rule: rule.id.clone(), missing });
        Denial { reason, nearest, forbidden: None }
    }
}

impl Rule {
    /// The first thing that the rule lacks beside its condition.
    fn lacks(&self, facts: &Facts<'_>) -> Option<Missing> {
        if !self.ports.contains(facts.port) {
            return Some(Missing::Port);
        }
        let covered = match facts.request {
            Some(request) => self.paths.iter().any(|pattern| pattern.matches(request.path)),
            None => self.paths.is_empty(),
        };
        if !covered {
            return Some(Missing::Path);
        }
        self.lacks_beside_path(facts)
    }

    /// As [`Rule::lacks`], for a candidate that the index found by port and path.
    fn lacks_beside_path(&self, facts: &Facts<'_>) -> Option<Missing> {
        if let (Some(methods), Some(request)) = (&self.methods, facts.request)
            && !methods.iter().any(|method| **method == *request.method)
        {
            return Some(Missing::Method);
        }
        match (&self.from, facts.peer) {
            (From::Services(ids), Peer::Workload(id)) => match ids.binary_search(id) {
                Ok(_) => self.user.as_ref().and_then(|user| user.lacks(facts.credential)),
                Err(_) => Some(Missing::Caller),
            },
            (From::Gateway { gateway, hosts, credential }, Peer::Outside { gateway: through, host }) => {
                if gateway != through {
                    return Some(Missing::Caller);
                }
                if !hosts.iter().any(|pattern| pattern.matches(host)) {
                    return Some(Missing::Host);
                }
                credential.lacks(facts.credential)
            }
            (From::Services(_), Peer::Outside { .. }) | (From::Gateway { .. }, Peer::Workload(_)) => {
                Some(Missing::Caller)
            }
        }
    }
}

impl Credential {
    fn lacks(&self, shown: Shown<'_>) -> Option<Missing> {
        match (self, shown) {
            (Credential::Anonymous, Shown::Absent | Shown::Token(_)) => None,
            (Credential::Anonymous, Shown::Refused) => Some(Missing::ValidCredential),
            (Credential::Token { issuer, .. }, Shown::Absent | Shown::Refused) => Some(Missing::Token(issuer.clone())),
            (Credential::Token { issuer, scopes, groups }, Shown::Token(principal)) => {
                if principal.issuer != *issuer {
                    return Some(Missing::Token(issuer.clone()));
                }
                lacks_grant(principal, scopes, groups)
            }
        }
    }
}

fn lacks_grant(
    principal: &Principal,
    scopes: &[std::sync::Arc<str>],
    groups: &[std::sync::Arc<str>],
) -> Option<Missing> {
    if let Some(scope) = scopes.iter().find(|scope| !principal.has_scope(scope)) {
        return Some(Missing::Scope(scope.clone()));
    }
    if groups.is_empty() || groups.iter().any(|group| principal.in_group(group)) {
        return None;
    }
    Some(Missing::Group(groups.join(", ").into()))
}

/// How near a rule came: the later the thing it lacked is tested, the nearer.
pub(crate) fn rank(missing: &Missing) -> u8 {
    match missing {
        Missing::Port => 0,
        Missing::Path => 1,
        Missing::Method => 2,
        Missing::Caller => 3,
        Missing::Host => 4,
        Missing::Token(_) => 5,
        Missing::ValidCredential => 6,
        Missing::Scope(_) => 7,
        Missing::Group(_) => 8,
        Missing::When(_) => 9,
        Missing::Evaluation(_) => 10,
    }
}

/// From outside, what is not exposed does not exist (404); a missing credential is asked for (401). Inside, a caller
/// is known, so the answer is that it may not (403).
fn denial_reason(facts: &Facts<'_>, nearest: Option<&Missing>) -> DenialReason {
    if matches!(facts.peer, Peer::Workload(_)) {
        return DenialReason::NotPermitted;
    }
    match nearest {
        None | Some(Missing::Port | Missing::Path | Missing::Method | Missing::Caller | Missing::Host) => {
            DenialReason::NotExposed
        }
        Some(Missing::Token(_) | Missing::ValidCredential) => match facts.credential {
            Shown::Absent => DenialReason::CredentialMissing,
            Shown::Refused => DenialReason::CredentialRefused,
            Shown::Token(_) => DenialReason::NotPermitted,
        },
        Some(Missing::Scope(_) | Missing::Group(_) | Missing::When(_) | Missing::Evaluation(_)) => {
            DenialReason::NotPermitted
        }
    }
}
