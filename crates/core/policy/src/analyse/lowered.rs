//! Conditions and guardrails of a compiled policy, as alternatives of terms.

use super::grant::{Conjunction, Guard};
use super::term::{Clock, Grantee, Presence, Range, Term, Text};
use crate::Policy;
use crate::cedar::{Condition, Conjunct, Test};
use crate::lower::{Atom, Field, List, Order, Part, Present};
use selvedge_model::PathPattern;
use std::sync::Arc;

/// How many alternatives one condition may have. What has more is one term, by its text: still exact where the same
/// text is compared with itself.
const ALTERNATIVES_MAX: usize = 64;

/// Whose condition it is.
#[derive(Debug, Clone, Copy)]
enum Of<'a> {
    /// A rule's, with its patterns: captures of other patterns are other texts.
    Rule(&'a [PathPattern]),
    /// A guardrail's.
    Guardrail,
}

/// The ways in which the `when` of a rule holds. Rules are counted as they are written.
pub(super) fn when(policy: &Policy, rule: usize) -> Vec<Conjunction> {
    let when = policy.condition(rule).map(|(when, patterns)| alternatives(when, Of::Rule(patterns)));
    when.unwrap_or_else(|| vec![Vec::new()])
}

/// The guardrails, each as the ways in which it forbids.
pub(super) fn guards(policy: &Policy) -> Vec<Guard> {
    let guard = |guardrail: &crate::cedar::Guardrail| {
        let caller = guardrail.caller.as_ref().map(|name| (caller(name), true));
        let service = guardrail.service.as_ref().map(|name| (Term::Is(Text::Service, name.clone()), true));
        let scope: Conjunction = caller.into_iter().chain(service).collect();
        let ways = alternatives(&guardrail.condition, Of::Guardrail);
        let any = ways.into_iter().map(|way| scope.iter().cloned().chain(way).collect()).collect();
        Guard { id: guardrail.id.clone(), source: guardrail.source.clone(), any }
    };
    policy.guardrails.all.iter().map(guard).collect()
}

/// Whether the caller is this entity.
fn caller(name: &Arc<str>) -> Term {
    match name.strip_prefix("gateway/") {
        Some(gateway) => Term::Is(Text::Gateway, gateway.into()),
        None if name.contains("://") => Term::Is(Text::CallerId, name.clone()),
        None => Term::Is(Text::CallerService, name.clone()),
    }
}

/// The ways in which a condition holds.
fn alternatives(condition: &Condition, of: Of<'_>) -> Vec<Conjunction> {
    let mut ways: Vec<Conjunction> = vec![Vec::new()];
    for conjunct in &condition.conjuncts {
        let expanded = of.expand(&conjunct.test, true).unwrap_or_else(|| of.whole(conjunct));
        let product = all(ways.clone(), &expanded);
        ways = product.unwrap_or_else(|| all(ways, &of.whole(conjunct)).unwrap_or_default());
    }
    ways
}

/// Every alternative of the first with every one of the second; `None` when there are too many.
fn all(first: Vec<Conjunction>, second: &[Conjunction]) -> Option<Vec<Conjunction>> {
    if first.len() * second.len() > ALTERNATIVES_MAX {
        return None;
    }
    let with =
        |one: &Conjunction| second.iter().map(|two| one.iter().chain(two).cloned().collect()).collect::<Vec<_>>();
    Some(first.iter().flat_map(with).collect())
}

impl Of<'_> {
    /// A part as one term.
    fn whole(self, conjunct: &Conjunct) -> Vec<Conjunction> {
        let text = match self {
            Of::Rule(patterns) if conjunct.text.contains("captures") => {
                format!("{} in {}", conjunct.text, list(patterns))
            }
            Of::Rule(_) => conjunct.text.to_string(),
            // A guardrail that cannot be evaluated denies, and a rule does not hold: so these are two terms.
            Of::Guardrail => format!("{} or its failure", conjunct.text),
        };
        vec![vec![(Term::Residual(text.into()), true)]]
    }

    /// The alternatives of a test, or of its opposite; `None` when there are too many, or it is Cedar's own.
    fn expand(self, test: &Test, holds: bool) -> Option<Vec<Conjunction>> {
        match (test, holds) {
            (Test::Residual(_), _) => None,
            (Test::Atom(atom), _) => self.atom(atom, holds),
            (Test::Not(test), _) => self.expand(test, !holds),
            (Test::All(tests), true) | (Test::Any(tests), false) => {
                tests.iter().try_fold(vec![Vec::new()], |ways, test| all(ways, &self.expand(test, holds)?))
            }
            (Test::Any(tests), true) | (Test::All(tests), false) => {
                let ways = tests.iter().map(|test| self.expand(test, holds)).collect::<Option<Vec<_>>>()?.concat();
                (ways.len() <= ALTERNATIVES_MAX).then_some(ways)
            }
        }
    }

    fn atom(self, atom: &Atom, holds: bool) -> Option<Vec<Conjunction>> {
        let one = |term: Term| Some(vec![vec![(term, holds)]]);
        // One of these; or, for the opposite, none of these.
        let one_of = |terms: Vec<Term>| {
            Some(match holds {
                true => terms.into_iter().map(|term| vec![(term, true)]).collect(),
                false => vec![terms.into_iter().map(|term| (term, false)).collect()],
            })
        };
        match atom {
            Atom::Always(always) => Some(if *always == holds { vec![Vec::new()] } else { Vec::new() }),
            Atom::Has(present) => one(Term::Has(self.presence(present))),
            Atom::Is(field, text) => one(Term::Is(self.text(field), text.clone())),
            Atom::OneOf(field, texts) => {
                one_of(texts.iter().map(|text| Term::Is(self.text(field), text.clone())).collect())
            }
            Atom::Begins(field, start) => one(Term::Begins(self.text(field), start.clone())),
            Atom::Contains(list, text) => one(member(*list, text)),
            Atom::ContainsAny(list, texts) => one_of(texts.iter().map(|text| member(*list, text)).collect()),
            Atom::ContainsAll(list, texts) => {
                // Of none it is so where there is a list at all.
                let there = matches!(list, List::Scopes | List::Groups | List::Amr);
                let there = there.then_some(Term::Has(Presence::User));
                let terms: Vec<Term> = there.into_iter().chain(texts.iter().map(|text| member(*list, text))).collect();
                Some(match holds {
                    true => vec![terms.into_iter().map(|term| (term, true)).collect()],
                    false => terms.into_iter().map(|term| vec![(term, false)]).collect(),
                })
            }
            Atom::ClientIn(network) => one(Term::Client(Range::of(network))),
            Atom::Time(part, order, number) => Some(time(clock(*part), *order, *number, holds)),
            Atom::Caller(name) => one(caller(name)),
            // The two sides are not about one thing, so the test is a term of its own.
            Atom::Same(first, second) => one(self.own(&format!("{} == {}", self.text(first), self.text(second)))),
            Atom::ContainsField(list, field) => one(self.own(&format!("{list:?} contain {}", self.text(field)))),
            Atom::IsEmpty(list) => one(self.own(&format!("{list:?} are empty"))),
        }
    }

    fn own(self, text: &str) -> Term {
        Term::Residual(text.into())
    }

    fn text(self, field: &Field) -> Text {
        match field {
            Field::Method => Text::Method,
            Field::Path => Text::Path,
            Field::CallerKind => Text::CallerKind,
            Field::CallerId => Text::CallerId,
            Field::CallerService => Text::CallerService,
            Field::Gateway => Text::Gateway,
            Field::Host => Text::Host,
            Field::Service => Text::Service,
            Field::Port => Text::Port,
            Field::Issuer => Text::Issuer,
            Field::Subject => Text::Subject,
            Field::Header(name) => Text::Header(name.clone()),
            Field::Capture(name) => Text::Capture(self.capture(name)),
            Field::TlsVersion => Text::Tls("version"),
            Field::TlsCipher => Text::Tls("cipher"),
            Field::TlsGroup => Text::Tls("group"),
        }
    }

    fn presence(self, present: &Present) -> Presence {
        match present {
            Present::User => Presence::User,
            Present::Client => Presence::Client,
            Present::Tls => Presence::Tls,
            Present::Header(name) => Presence::Header(name.clone()),
            Present::Capture(name) => Presence::Capture(self.capture(name)),
        }
    }

    /// A capture is named with the patterns that it is of: two of one name in two rules are two texts.
    fn capture(self, name: &str) -> Arc<str> {
        match self {
            Of::Rule(patterns) => format!("{{{name}}} of {}", list(patterns)).into(),
            Of::Guardrail => format!("{{{name}}}").into(),
        }
    }
}

fn list(patterns: &[PathPattern]) -> String {
    patterns.iter().map(PathPattern::as_str).collect::<Vec<_>>().join(" ")
}

fn member(list: List, text: &Arc<str>) -> Term {
    match list {
        List::Scopes => Term::User(Grantee::Scope, text.clone()),
        List::Groups => Term::User(Grantee::Group, text.clone()),
        List::Amr => Term::User(Grantee::Amr, text.clone()),
        List::CallerLabels => Term::CallerLabel(text.clone()),
        List::ServiceLabels => Term::ServiceLabel(text.clone()),
    }
}

fn clock(part: Part) -> Clock {
    match part {
        Part::Epoch => Clock::Epoch,
        Part::Hour => Clock::Hour,
        Part::Minute => Clock::Minute,
        Part::Weekday => Clock::Weekday,
    }
}

/// A comparison with a number, by whether the time is at least it, and at least the next.
fn time(clock: Clock, order: Order, number: i64, holds: bool) -> Vec<Conjunction> {
    let at_least = |number, holds| (Term::AtLeast(clock, number), holds);
    // After the last number there is none.
    let Some(next) = number.checked_add(1) else {
        return vec![vec![(Term::Residual(format!("{clock} {order:?} {number}").into()), holds)]];
    };
    match (order, holds) {
        (Order::GreaterOrEqual, _) => vec![vec![at_least(number, holds)]],
        (Order::Greater, _) => vec![vec![at_least(next, holds)]],
        (Order::Less, _) => vec![vec![at_least(number, !holds)]],
        (Order::LessOrEqual, _) => vec![vec![at_least(next, !holds)]],
        (Order::Equal, true) => vec![vec![at_least(number, true), at_least(next, false)]],
        (Order::Equal, false) => vec![vec![at_least(number, false)], vec![at_least(next, true)]],
    }
}
