//! Answers as values that a person or a program reads.

use super::condition::Cube;
use super::frame::{Frame, Ways};
use super::identity::Identity;
use super::region::Requests;
use super::term::Term;
use super::terms::Terms;
use selvedge_model::{Name, RuleId, Source};
use serde::{Serialize, Serializer};
use std::fmt;
use std::sync::Arc;

/// What some callers may do at one port.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Answer {
    /// The callers: the same holds for each.
    pub callers: Vec<Identity>,
    /// The service that is called.
    pub service: Name,
    /// Its port.
    pub port: Name,
    /// The requests that this is about.
    pub requests: Requests,
    /// Whether they are allowed, by what, and when.
    pub access: Access,
}

/// Whether requests are allowed: when one of the ways holds and no guardrail forbids. No way at all is a denial.
#[derive(Debug, Clone, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Access {
    /// The ways, in the order of the rules. One that another makes needless is left out.
    pub ways: Vec<Way>,
    /// The guardrails that may still forbid.
    pub unless: Vec<Unless>,
}

/// A rule that allows, under conditions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Way {
    /// The rule's name, `access/rule`.
    pub rule: String,
    /// Where it is written.
    pub source: Source,
    /// All of these must hold; none: always.
    pub conditions: Vec<Condition>,
}

/// A guardrail that forbids, under conditions.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Unless {
    /// Its `@id`.
    pub guardrail: Arc<str>,
    /// Where it is written.
    pub source: Source,
    /// It forbids when all of these hold; none: always.
    pub conditions: Vec<Condition>,
}

/// A term that must hold, or must not.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Condition {
    /// The term.
    pub term: Term,
    /// Whether it must hold.
    pub holds: bool,
}

impl Access {
    /// Whether nothing is allowed.
    pub fn is_denied(&self) -> bool {
        self.ways.is_empty()
    }

    /// Whether everything is allowed, without a condition.
    pub fn is_unconditional(&self) -> bool {
        self.ways.iter().any(|way| way.conditions.is_empty()) && self.unless.is_empty()
    }

    pub(super) fn of(ways: &Ways, side: usize, frame: &Frame<'_>, terms: &Terms) -> Access {
        let Some(policy) = frame.sides.get(side) else { return Access::default() };
        let any = ways.any.iter().filter_map(|(at, cube)| {
            let RuleId { access, rule, source } = &policy.grants.get(*at)?.rule.id;
            let conditions = conditions(cube, terms);
            Some(Way { rule: format!("{access}/{rule}"), source: source.clone(), conditions })
        });
        let unless = ways.none.iter().filter_map(|(at, cube)| {
            let guard = policy.forbids.get(*at)?.guard;
            let conditions = conditions(cube, terms);
            Some(Unless { guardrail: guard.id.clone(), source: guard.source.clone(), conditions })
        });
        Access { ways: any.collect(), unless: unless.collect() }
    }
}

fn conditions(cube: &Cube, terms: &Terms) -> Vec<Condition> {
    let condition = |literal: &super::terms::Literal| {
        Some(Condition { term: terms.term(*literal)?.clone(), holds: literal.holds() })
    };
    cube.literals().iter().filter_map(condition).collect()
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.holds, &self.term) {
            (true, term) => write!(f, "{term}"),
            (false, Term::AtLeast(clock, least)) => write!(f, "{clock} < {least}"),
            (false, Term::Is(text, value)) => write!(f, "{text} != \"{value}\""),
            (false, Term::Residual(text)) => write!(f, "not ({text})"),
            (false, Term::Has(presence)) => write!(f, "has no {presence}"),
            (false, term) => write!(f, "not {term}"),
        }
    }
}

impl Serialize for Condition {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Identity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        match self {
            Identity::Service(name) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("service", name)?;
                map.end()
            }
            Identity::Federated(id) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("workload", id)?;
                map.end()
            }
            Identity::Outside { gateway, hosts, shown } => {
                let mut map = serializer.serialize_map(Some(3))?;
                map.serialize_entry("gateway", gateway)?;
                map.serialize_entry("host", &hosts.to_string())?;
                map.serialize_entry("credential", &shown.to_string())?;
                map.end()
            }
        }
    }
}
