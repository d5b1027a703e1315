//! Rules and guardrails as grants and prohibitions: each one conjunction of terms, over some of the cells of a frame.

use super::class::Place;
use super::condition::Cube;
use super::identity::Identity;
use super::term::{Known, Term, Text};
use super::terms::{Literal, Terms};
use selvedge_config::checked::{CredentialRule, From, Rule};
use selvedge_model::Source;
use std::sync::Arc;

/// A conjunction: terms that must hold (`true`), or must not.
pub(super) type Conjunction = Vec<(Term, bool)>;

/// A guardrail, as the ways in which it denies.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    pub(super) id: Arc<str>,
    pub(super) source: Source,
    pub(super) any: Vec<Conjunction>,
}

/// One policy, as far as it is about one port of one service.
pub(super) struct Side<'a> {
    pub(super) known: Known<'a>,
    pub(super) grants: Vec<Grant<'a>>,
    pub(super) forbids: Vec<Forbid<'a>>,
}

/// One way in which a rule holds: a rule with alternatives, such as several groups, is several grants.
pub(super) struct Grant<'a> {
    pub(super) rule: &'a Rule,
    pub(super) clause: Clause,
}

/// One way in which a guardrail denies.
pub(super) struct Forbid<'a> {
    pub(super) guard: &'a Guard,
    pub(super) clause: Clause,
}

/// A conjunction without what the service decides.
#[derive(Debug)]
pub(super) struct Clause {
    literals: Vec<(Term, Literal)>,
    /// Whether what stays open is not the same in every cell.
    pub(super) varies: bool,
}

impl Clause {
    /// `None` when it cannot hold for this service.
    fn of(conjunction: &[(Term, bool)], known: &Known<'_>, terms: &mut Terms) -> Option<Clause> {
        let mut literals = Vec::new();
        for (term, holds) in conjunction {
            match term.for_service(known) {
                Some(truth) if truth != *holds => return None,
                Some(_) => {}
                None => {
                    let literal = terms.literal(term.clone());
                    literals.push((term.clone(), if *holds { literal } else { literal.not() }));
                }
            }
        }
        let varies = literals.iter().any(|(term, _)| term.is_about_a_cell());
        Some(Clause { literals, varies })
    }

    /// Whether it may hold there.
    pub(super) fn may_hold(&self, truth: impl Fn(&Term) -> Option<bool>) -> bool {
        self.literals.iter().all(|(term, literal)| truth(term).is_none_or(|truth| truth == literal.holds()))
    }

    /// What is still open where some terms are decided.
    pub(super) fn open(&self, truth: impl Fn(&Term) -> Option<bool>) -> Cube {
        Cube::of(self.literals.iter().filter(|(term, _)| truth(term).is_none()).map(|(_, literal)| *literal))
    }

    /// Its terms.
    pub(super) fn terms(&self) -> impl Iterator<Item = &Term> {
        self.literals.iter().map(|(term, _)| term)
    }
}

impl<'a> Side<'a> {
    /// The grants of these rules, each with the ways in which its `when` holds, and the prohibitions of these guardrails.
    pub(super) fn of(
        known: Known<'a>,
        rules: impl Iterator<Item = (&'a Rule, &'a [Conjunction])>,
        guards: &'a [Guard],
        terms: &mut Terms,
    ) -> Side<'a> {
        let mut grants = Vec::new();
        for (rule, when) in rules {
            for granted in granted(rule) {
                for when in when {
                    let conjunction: Conjunction = granted.iter().chain(when).cloned().collect();
                    let clause = Clause::of(&conjunction, &known, terms);
                    grants.extend(clause.map(|clause| Grant { rule, clause }));
                }
            }
        }
        let mut forbids = Vec::new();
        for guard in guards {
            let clauses = guard.any.iter().filter_map(|any| Clause::of(any, &known, terms));
            forbids.extend(clauses.map(|clause| Forbid { guard, clause }));
        }
        Side { known, grants, forbids }
    }

    /// Whether the two say the same in the same words: then there is no need to look at what they mean.
    pub(super) fn are_one(sides: &[Side<'_>; 2]) -> bool {
        let [old, new] = sides;
        let one = |a: &Grant<'_>, b: &Grant<'_>| {
            let (x, y) = (a.rule, b.rule);
            (std::ptr::eq(x, y) || (x.from == y.from && x.methods == y.methods && x.paths == y.paths))
                && a.clause.literals == b.clause.literals
        };
        // What callers are is said elsewhere in the documents.
        let alike = |term: &Term| match term {
            Term::Is(text, _) | Term::Begins(text, _) => *text != Text::CallerId,
            term => !matches!(term, Term::CallerLabel(_)),
        };
        old.grants.len() == new.grants.len()
            && old.forbids.len() == new.forbids.len()
            && old.grants.iter().zip(&new.grants).all(|(a, b)| one(a, b))
            && old.forbids.iter().zip(&new.forbids).all(|(a, b)| a.clause.literals == b.clause.literals)
            && old.terms().all(alike)
    }

    /// Every term of its clauses.
    pub(super) fn terms(&self) -> impl Iterator<Item = &Term> {
        let forbids = self.forbids.iter().flat_map(|forbid| forbid.clause.terms());
        self.grants.iter().flat_map(|grant| grant.clause.terms()).chain(forbids)
    }
}

impl Grant<'_> {
    /// `named`: whether its rule names the caller, which is a service.
    pub(super) fn for_caller(&self, identity: &Identity, named: bool, known: &Known<'_>) -> bool {
        (named || identity.comes_by(&self.rule.from)) && self.clause.may_hold(|term| term.for_caller(identity, known))
    }

    pub(super) fn for_method(&self, method: Option<&str>) -> bool {
        let named = |method: &str| self.rule.methods.as_ref().is_none_or(|all| all.iter().any(|m| **m == *method));
        let takes = method.map_or(self.rule.methods.is_none(), named);
        takes && self.clause.may_hold(|term| term.for_method(method))
    }

    /// `covered`: whether some pattern of the rule covers the place.
    pub(super) fn for_place(&self, place: &Place, covered: bool) -> bool {
        let takes = match place {
            Place::Path(_) => covered,
            Place::Connection => self.rule.paths.is_empty(),
        };
        takes && self.clause.may_hold(|term| term.for_place(place))
    }
}

/// The scopes and groups of a rule, as alternatives. At a gateway the token is part of who calls; inside, a service may
/// call for a user or for itself, so that the user is a condition.
fn granted(rule: &Rule) -> Vec<Conjunction> {
    use super::term::Grantee;
    let (issuer, scopes, groups) = match (&rule.from, &rule.on_behalf_of) {
        (From::Gateway { credential: CredentialRule::Token { scopes, groups, .. }, .. }, _) => (None, scopes, groups),
        (From::Services(_), Some(user)) => (Some(&user.issuer), &user.scopes, &user.groups),
        (From::Gateway { credential: CredentialRule::Anonymous, .. } | From::Federated(_), _)
        | (From::Services(_), None) => {
            return vec![Vec::new()];
        }
    };
    let issuer = issuer.map(|issuer| (Term::Is(Text::Issuer, issuer.as_str().into()), true));
    let scopes = scopes.iter().map(|scope| (Term::User(Grantee::Scope, scope.clone()), true));
    let scopes: Conjunction = issuer.into_iter().chain(scopes).collect();
    if groups.is_empty() {
        return vec![scopes];
    }
    let with = |group: &Arc<str>| {
        let group = (Term::User(Grantee::Group, group.clone()), true);
        scopes.iter().cloned().chain([group]).collect()
    };
    groups.iter().map(with).collect()
}
