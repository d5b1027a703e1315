//! The decision: candidates from the index, the first that holds, else the nearest miss. One pass finds both.

use crate::cedar::{Condition, Held};
use crate::index::{Caller, Claim, Service, Tested};
use crate::lower::View;
use crate::{Policy, Rule};
use selvedge_model::{
    Credential as Shown, Decision, Denial, DenialReason, Facts, Forbidden, Missing, NearestMiss, PathPattern, Peer,
    RuleId,
};
use std::sync::Arc;

/// Facts, with what is looked up once for all candidates.
struct Asked<'a> {
    facts: &'a Facts<'a>,
    service: Option<Service>,
    /// The number of the calling service or gateway, if documents name it.
    peer: Option<u32>,
    /// The number of the method, if rules name it.
    method: Option<u32>,
}

/// What the candidates came to.
enum Outcome {
    /// The first rule that holds.
    Holds(u32),
    /// The first of the rules that came nearest, if there is any rule.
    Nearest(Option<(u32, Missing)>),
}

impl Policy {
    /// Decides one set of facts. Default deny; nothing here can fail, and the answer depends on the facts alone.
    ///
    /// Where several rules hold, the one written first is named (documents in order of name).
    pub fn decide(&self, facts: &Facts<'_>) -> Decision {
        let asked = self.asked(facts);
        match self.outcome(&asked) {
            // INVARIANT: the index has no other rules. If it had, such a rule would allow nothing.
            Outcome::Holds(rule) => match self.rule(rule) {
                Some(rule) => self.unless_forbidden(rule, &asked),
                None => Decision::Deny(Denial::of(DenialReason::NotPermitted)),
            },
            Outcome::Nearest(nearest) => Decision::Deny(self.denial(facts, nearest)),
        }
    }

    fn asked<'a>(&self, facts: &'a Facts<'a>) -> Asked<'a> {
        Asked {
            facts,
            service: self.index.service(facts.service),
            peer: self.index.peer(facts.peer),
            method: facts.request.and_then(|request| self.index.method(request.method)),
        }
    }

    fn outcome(&self, asked: &Asked<'_>) -> Outcome {
        let Some(service) = asked.service else { return Outcome::Nearest(None) };
        let Some(port) = self.index.port(service, asked.facts.port) else {
            return Outcome::Nearest(first(self.index.rules_of(service), Missing::Port));
        };
        let mut holds: Option<u32> = None;
        let mut nearest: Option<(u32, Missing)> = None;
        self.index.visit(port, asked.facts.request.map(|request| request.path), &mut |rule| {
            if holds.is_some_and(|found| found <= rule) {
                return;
            }
            match self.index.tested(rule).and_then(|tested| self.lacks_beside_path(rule, tested, asked)) {
                None => holds = Some(rule),
                Some(missing) if holds.is_none() && is_nearer(&nearest, rule, &missing) => {
                    nearest = Some((rule, missing));
                }
                Some(_) => {}
            }
        });
        match (holds, nearest) {
            (Some(rule), _) => Outcome::Holds(rule),
            (None, Some(nearest)) => Outcome::Nearest(Some(nearest)),
            (None, None) => Outcome::Nearest(first(self.index.rules_at(port), Missing::Path)),
        }
    }

    /// The rule allows, unless a guardrail forbids or fails.
    fn unless_forbidden(&self, rule: &Rule, asked: &Asked<'_>) -> Decision {
        match self.forbidden(&|| self.view_of(asked, &[]), Some(&rule.id)) {
            None => Decision::Allow(rule.id.clone()),
            Some(denial) => Decision::Deny(denial),
        }
    }

    /// The denial by a guardrail, if one forbids or fails, of what is otherwise permitted: by this rule, or without one.
    pub(crate) fn forbidden<'a>(&self, view: &dyn Fn() -> View<'a>, rule: Option<&Arc<RuleId>>) -> Option<Denial> {
        if self.guardrails.all.is_empty() {
            return None;
        }
        let (guardrail, error) = self.guardrails.forbids(&view())?;
        let (guardrail, source) = (guardrail.id.clone(), guardrail.source.clone());
        let forbidden = Some(Forbidden { guardrail, source, rule: rule.cloned(), error });
        Some(Denial { reason: DenialReason::Forbidden, nearest: None, forbidden })
    }

    /// The first thing that the rule at this place lacks for these facts; `None` when it holds.
    pub(crate) fn lacking(&self, rule: u32, facts: &Facts<'_>) -> Option<Missing> {
        let asked = self.asked(facts);
        let port = asked.service.and_then(|service| self.index.port(service, facts.port));
        let Some(port) = port.filter(|port| self.index.rules_at(*port).contains(&rule)) else {
            return Some(Missing::Port);
        };
        let mut covered = false;
        self.index.visit(port, facts.request.map(|request| request.path), &mut |found| covered |= found == rule);
        if !covered {
            return Some(Missing::Path);
        }
        self.index.tested(rule).and_then(|tested| self.lacks_beside_path(rule, tested, &asked))
    }

    /// The first thing that a candidate lacks, which the index found by port and path.
    fn lacks_beside_path(&self, rule: u32, tested: Tested, asked: &Asked<'_>) -> Option<Missing> {
        let claim = match (self.index.from(tested.from), asked.facts.peer) {
            (Caller::Services { callers, user }, Peer::Workload(_)) => {
                if asked.peer.is_none_or(|peer| callers.binary_search(&peer).is_err()) {
                    return Some(Missing::Caller);
                }
                // A rule that asks for no user does not look at one.
                user.map(Some)
            }
            (Caller::Gateway { gateway, hosts, claim }, Peer::Outside { host, .. }) => {
                if asked.peer != Some(gateway) {
                    return Some(Missing::Caller);
                }
                if !hosts.iter().any(|pattern| pattern.matches(host)) {
                    return Some(Missing::Host);
                }
                Some(claim)
            }
            (Caller::Services { .. }, Peer::Outside { .. }) | (Caller::Gateway { .. }, Peer::Workload(_)) => {
                return Some(Missing::Caller);
            }
        };
        if asked.facts.request.is_some() && !self.index.has_method(tested.methods, asked.method) {
            return Some(Missing::Method);
        }
        let credential = claim.and_then(|claim| self.lacks_credential(claim, asked.facts.credential));
        credential.or_else(|| self.lacks_condition(rule, tested.when, asked))
    }

    /// What is lacking of the credential; without a claim, anonymous callers are welcome.
    fn lacks_credential(&self, claim: Option<Claim>, shown: Shown<'_>) -> Option<Missing> {
        let token = |claim| match self.index.issuer(claim) {
            Some(issuer) => Missing::Token(issuer.clone()),
            None => Missing::ValidCredential,
        };
        match (claim, shown) {
            (None, Shown::Absent | Shown::Token(_)) => None,
            (None, Shown::Refused) => Some(Missing::ValidCredential),
            (Some(claim), Shown::Absent | Shown::Refused) => Some(token(claim)),
            (Some(claim), Shown::Token(principal)) => {
                if self.index.issuer(claim) != Some(&principal.issuer) {
                    return Some(token(claim));
                }
                self.index.lacks_grant(claim, principal)
            }
        }
    }

    fn lacks_condition(&self, rule: u32, when: u32, asked: &Asked<'_>) -> Option<Missing> {
        let number = when.checked_sub(1)?;
        let Some(condition) = self.conditions.get(number as usize) else {
            // INVARIANT: conditions are numbered when they are compiled. Without one there would be no answer.
            return Some(Missing::Evaluation("the condition is not there".into()));
        };
        let patterns = if condition.captures { self.rule(rule).map(|rule| &*rule.patterns) } else { None };
        match condition.holds(&self.view_of(asked, patterns.unwrap_or_default())) {
            Held::Yes => None,
            Held::No(conjunct) => Some(Missing::When(conjunct.text.clone())),
            Held::Error(error) => Some(Missing::Evaluation(error)),
        }
    }

    /// What a condition sees of the facts; a rule's own patterns are for its captures.
    pub(crate) fn view<'a>(&'a self, facts: &'a Facts<'a>, patterns: &'a [PathPattern]) -> View<'a> {
        self.view_of(&self.asked(facts), patterns)
    }

    fn view_of<'a>(&'a self, asked: &Asked<'a>, patterns: &'a [PathPattern]) -> View<'a> {
        let caller_labels = match asked.facts.peer {
            Peer::Workload(_) => self.index.labels(asked.peer),
            Peer::Outside { .. } => &[],
        };
        let service_labels = asked.service.map(|service| self.index.service_labels(service)).unwrap_or_default();
        View { facts: asked.facts, domain: self.domain.as_str(), caller_labels, service_labels, patterns }
    }

    /// The condition of the rule at this place, if it has one, and the patterns that it captures from.
    pub(crate) fn condition(&self, rule: usize) -> Option<(&Condition, &[PathPattern])> {
        let index = u32::try_from(rule).ok()?;
        let number = self.index.tested(index)?.when.checked_sub(1)?;
        Some((self.conditions.get(number as usize)?, &self.rule(index)?.patterns))
    }

    pub(crate) fn rule(&self, index: u32) -> Option<&Rule> {
        self.rules.get(index as usize)
    }

    /// The denial: its kind follows from how near the nearest rule came.
    fn denial(&self, facts: &Facts<'_>, nearest: Option<(u32, Missing)>) -> Denial {
        let reason = denial_reason(facts, nearest.as_ref().map(|(_, missing)| missing));
        let nearest = nearest.and_then(|(rule, missing)| {
            let rule = self.rule(rule)?.id.clone();
            Some(NearestMiss { rule, missing })
        });
        Denial { reason, nearest, forbidden: None }
    }
}

/// The first of these rules, which all lack the same.
fn first(rules: &[u32], missing: Missing) -> Option<(u32, Missing)> {
    rules.first().map(|rule| (*rule, missing))
}

/// Whether a miss is nearer than what was found; of equal ones the rule written first counts, so that the answer does
/// not depend on the order in which the index is walked.
fn is_nearer(nearest: &Option<(u32, Missing)>, rule: u32, missing: &Missing) -> bool {
    nearest.as_ref().is_none_or(|(other, found)| (rank(missing), *other) > (rank(found), rule))
}

/// How near a rule came: the later the thing it lacked is tested, the nearer.
pub(crate) fn rank(missing: &Missing) -> u8 {
    match missing {
        Missing::Port => 0,
        Missing::Path => 1,
        Missing::Caller => 2,
        Missing::Host => 3,
        Missing::Method => 4,
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
