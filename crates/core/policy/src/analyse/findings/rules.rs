//! Rules that do nothing, or not what they say. Each is looked at in every cell that it covers.

use super::{Finding, Severity};
use crate::analyse::condition::{Cube, Formula};
use crate::analyse::terms::Terms;
use selvedge_config::checked::{From, Rule};
use selvedge_model::RuleId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is known of a rule after all its cells.
#[derive(Debug, Default)]
pub(super) struct Seen {
    /// Some request fits its conditions, guardrails aside.
    holds: bool,
    /// Some request that it fits is not forbidden.
    passes: bool,
    /// Some request that it allows would not be allowed by an earlier rule.
    decides: bool,
    /// Some caller of it can call.
    pub(super) called: bool,
    /// Earlier rules that take part wherever it does, and how each stands to it.
    earlier: BTreeMap<usize, Pair>,
    /// The guardrails that forbid it.
    guardrails: BTreeSet<Arc<str>>,
}

/// How an earlier rule stands to a later one.
#[derive(Debug, Clone, Copy)]
struct Pair {
    /// In every cell they have the same conditions.
    same: bool,
}

/// The findings about the rules of one service: `contradictory-rule`, `shadowed-by-guardrail`, `duplicate-rule`,
/// `unreachable-rule`.
pub(super) fn findings<'a>(rules: &'a [&'a Rule], seen: &'a [Seen]) -> impl Iterator<Item = Finding> + 'a {
    rules.iter().zip(seen).filter_map(|(rule, seen)| finding(rule, seen, rules))
}

impl Seen {
    /// Takes note of one cell: what its rules allow, and what is forbidden there, by which guardrails.
    pub(super) fn look(
        &mut self,
        rule: usize,
        by_rule: &BTreeMap<usize, Formula>,
        none: &[Cube],
        forbids: &BTreeSet<Arc<str>>,
        terms: &Terms,
    ) {
        let never = Formula::default();
        let own = by_rule.get(&rule).unwrap_or(&never);
        if !own.is_never(terms) {
            self.holds = true;
            let none = none.to_vec();
            let passing = Formula { any: own.any.clone(), none };
            if passing.is_never(terms) {
                self.guardrails.extend(forbids.iter().cloned());
            } else {
                self.passes = true;
                let earlier = by_rule.range(..rule).flat_map(|(_, formula)| formula.any.iter().cloned()).collect();
                self.decides |= !passing.implies(&Formula { any: earlier, none: Vec::new() }, terms);
            }
        }
        // A rule is the same as an earlier one when it is so in every cell of either.
        for (earlier, formula) in by_rule.range(..rule) {
            let same = formula.implies(own, terms) && own.implies(formula, terms);
            self.earlier.entry(*earlier).or_insert(Pair { same: true }).same &= same;
        }
    }
}

fn finding(rule: &Rule, seen: &Seen, all: &[&Rule]) -> Option<Finding> {
    if !seen.holds {
        let message = format!("rule `{}` can never hold: no request fits its conditions", rule.id.rule);
        let help = "correct `when`, methods or callers, which exclude each other, or remove the rule";
        return Some(of(rule, "contradictory-rule", message, help.to_owned()));
    }
    if !seen.passes {
        let guardrails: Vec<&str> = seen.guardrails.iter().map(|id| &**id).collect();
        let message = format!(
            "rule `{}` allows nothing: guardrail `{}` forbids all of it",
            rule.id.rule,
            guardrails.join("`, `")
        );
        return Some(of(rule, "shadowed-by-guardrail", message, "remove the rule, or narrow the guardrail".to_owned()));
    }
    let covering = |id: &RuleId| format!("`{}` at {}", id.rule, id.source);
    if !seen.decides {
        let twin = seen.earlier.iter().filter(|(_, pair)| pair.same).filter_map(|(at, _)| all.get(*at));
        if let Some(twin) = twin.into_iter().find(|twin| is_twin(rule, twin)) {
            let message = format!("rule `{}` says the same as {}", rule.id.rule, covering(&twin.id));
            return Some(of(rule, "duplicate-rule", message, "remove one of them".to_owned()));
        }
        let earlier: Vec<String> =
            seen.earlier.keys().filter_map(|at| all.get(*at)).map(|rule| covering(&rule.id)).collect();
        let message =
            format!("rule `{}` is never reached: {} already allows all of it", rule.id.rule, earlier.join(" with "));
        return Some(of(rule, "unreachable-rule", message, "remove it, or narrow what stands before it".to_owned()));
    }
    if !seen.called {
        let callers = match &rule.from {
            From::Services(names) => names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
            From::Federated(id) => format!("`{id}`"),
            From::Gateway { gateway, .. } => format!("`{gateway}`"),
        };
        let message = format!("rule `{}` is never reached: {callers} cannot call out", rule.id.rule);
        let help = "give the caller `workload` and `outbound`, or remove the rule";
        return Some(of(rule, "unreachable-rule", message, help.to_owned()));
    }
    None
}

/// Whether two rules are about the same requests: where they are the same in every cell that both cover, this makes
/// them the same everywhere.
fn is_twin(rule: &Rule, other: &Rule) -> bool {
    let covers = |a: &Rule, b: &Rule| a.paths.iter().all(|path| b.paths.iter().any(|other| other.contains(path)));
    let methods = |rule: &Rule| rule.methods.as_ref().map(|methods| methods.iter().cloned().collect::<BTreeSet<_>>());
    let ports = |rule: &Rule| rule.ports.iter().cloned().collect::<BTreeSet<_>>();
    let callers = |a: &From, b: &From| match (a, b) {
        (From::Services(a), From::Services(b)) => {
            a.iter().collect::<BTreeSet<_>>() == b.iter().collect::<BTreeSet<_>>()
        }
        (
            From::Gateway { gateway: a, hosts: at, credential: x },
            From::Gateway { gateway: b, hosts: there, credential: y },
        ) => {
            a == b
                && at.iter().collect::<BTreeSet<_>>() == there.iter().collect()
                && std::mem::discriminant(x) == std::mem::discriminant(y)
        }
        (From::Federated(a), From::Federated(b)) => a == b,
        (From::Services(_), From::Gateway { .. } | From::Federated(_))
        | (From::Gateway { .. }, From::Services(_) | From::Federated(_))
        | (From::Federated(_), From::Services(_) | From::Gateway { .. }) => false,
    };
    covers(rule, other)
        && covers(other, rule)
        && methods(rule) == methods(other)
        && ports(rule) == ports(other)
        && callers(&rule.from, &other.from)
        && rule.on_behalf_of.as_ref().map(|user| &user.issuer) == other.on_behalf_of.as_ref().map(|user| &user.issuer)
}

pub(super) fn of(rule: &Rule, code: &'static str, message: String, help: String) -> Finding {
    let RuleId { access, source, .. } = &rule.id;
    Finding {
        code,
        severity: Severity::Warning,
        kind: "Access",
        document: access.clone(),
        at: source.clone(),
        message,
        help,
    }
}
