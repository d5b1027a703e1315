//! The smallest change that would allow what was denied.
//!
//! Each candidate rule gives one proposal: what the caller would have to bring, and what would have to be written. A new
//! rule for exactly this request is one more. A proposal counts only after the engine, given the change, has allowed the
//! request; what would still stand in the way (a condition, a guardrail) becomes a step of it.

use super::Candidate;
use super::edit::{edited, new_rule, serves};
use super::step::{Change, Step};
use selvedge_config::Checked;
use selvedge_config::checked::{From, Protocol, Rule};
use selvedge_model::{Decision, Facts, Host, Missing, PathPattern, Peer};

/// Proposals that the engine tries; each compiles the rules of one service.
const TRIES_MAX: usize = 16;

/// The cheapest change that the engine confirms; of equal ones, that of the rule that is nearer or written first.
pub(super) fn smallest(checked: &Checked, facts: &Facts<'_>, candidates: &[(Candidate, &Rule)]) -> Option<Change> {
    let mut base = checked.clone();
    base.access.retain(|access| access.service == *facts.service);
    let edits = candidates.iter().filter_map(|(candidate, rule)| {
        let lacked = candidate.lacked.iter();
        let steps: Option<Vec<Step>> = lacked.map(|missing| step(missing, rule, checked, facts)).collect();
        Some(Change { rule: Some(candidate.rule.clone()), steps: steps? })
    });
    let fresh = new_rule(checked, facts).map(|rule| Change { rule: None, steps: vec![Step::AddRule(rule)] });
    let mut proposals: Vec<Change> = edits.chain(fresh).collect();
    proposals.sort_by_key(Change::cost);
    let mut best: Option<Change> = None;
    for proposal in proposals.into_iter().take(TRIES_MAX) {
        // Steps are only ever added, so what is dearer already cannot become the cheapest.
        if best.as_ref().is_some_and(|best| best.cost() <= proposal.cost()) {
            break;
        }
        let confirmed = confirm(&base, facts, proposal);
        best = match (best, confirmed) {
            (Some(best), Some(confirmed)) if confirmed.cost() < best.cost() => Some(confirmed),
            (None, confirmed) => confirmed,
            (best, _) => best,
        };
    }
    best
}

/// The proposal, once the engine allows the request with it; with the condition or guardrail that is left, if one is.
fn confirm(base: &Checked, facts: &Facts<'_>, mut proposal: Change) -> Option<Change> {
    let rule = proposal.rule.as_deref();
    let (decision, missing) = edited(base, facts, rule, &proposal.steps)?;
    if let Decision::Deny(denial) = decision {
        let left = match (denial.forbidden, missing) {
            (Some(forbidden), _) => Step::Except { guardrail: forbidden.guardrail, source: forbidden.source },
            (None, Some(Missing::When(text))) => Step::When(text),
            (None, _) => return None,
        };
        proposal.steps.retain(|step| *step != left);
        proposal.steps.push(left);
    }
    (!proposal.steps.is_empty()).then_some(proposal)
}

/// The step that supplies what is missing; `None` when a rule of this shape cannot have it.
fn step(missing: &Missing, rule: &Rule, checked: &Checked, facts: &Facts<'_>) -> Option<Step> {
    match missing {
        Missing::Port => match rule.from {
            From::Services(_) | From::Federated(_) => fits(checked, facts).then(|| Step::AddPort(facts.port.clone())),
            // A path at a gateway leads to one port.
            From::Gateway { .. } => None,
        },
        Missing::Path => Some(Step::AddPath(PathPattern::parse(facts.request?.path).ok()?)),
        Missing::Method => Some(Step::AddMethod(facts.request?.method.into())),
        Missing::Caller => match facts.peer {
            Peer::Workload(id) => {
                let name = super::lacked::service(id, &checked.mesh.trust_domain)?;
                checked.services.contains_key(&name).then_some(Step::AddCaller(name))
            }
            Peer::Outside { .. } => None,
        },
        Missing::Host => match facts.peer {
            Peer::Outside { gateway, host } => {
                serves(checked, gateway, host).then_some(Step::AddHost(Host::parse(host).ok()?))
            }
            Peer::Workload(_) => None,
        },
        Missing::Token(issuer) => Some(Step::Token(issuer.clone())),
        Missing::ValidCredential => Some(Step::ValidCredential),
        Missing::Scope(scope) => Some(Step::Scope(scope.clone())),
        Missing::Group(groups) => Some(Step::Group(groups.clone())),
        Missing::When(text) => Some(Step::When(text.clone())),
        Missing::Evaluation(_) => None,
    }
}

/// Whether the port that is called exists and speaks what the facts are about.
fn fits(checked: &Checked, facts: &Facts<'_>) -> bool {
    let port = checked.services.get(facts.service).and_then(|service| service.port(facts.port));
    port.is_some_and(|port| (port.protocol == Protocol::Tcp) == facts.request.is_none())
}
