//! Terms that were met, and which of them can hold at once.

use super::term::{Clock, Presence, Range, Term, Text};
use ahash::RandomState;
use std::collections::{BTreeMap, HashMap};

/// A term that must hold, or must not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Literal(u32);

impl Literal {
    /// The opposite.
    pub(super) fn not(self) -> Literal {
        Literal(self.0 ^ 1)
    }

    /// Whether the term must hold.
    pub(super) fn holds(self) -> bool {
        self.0 & 1 == 0
    }
}

/// Every term that was met, each once.
#[derive(Debug, Default)]
pub(super) struct Terms {
    all: Vec<Term>,
    known: HashMap<Term, u32, RandomState>,
}

impl Terms {
    /// The literal that says that the term holds.
    pub(super) fn literal(&mut self, term: Term) -> Literal {
        let next = u32::try_from(self.all.len()).unwrap_or(u32::MAX / 2);
        let index = *self.known.entry(term.clone()).or_insert(next);
        if index == next {
            self.all.push(term);
        }
        Literal(index * 2)
    }

    /// The term of a literal.
    pub(super) fn term(&self, literal: Literal) -> Option<&Term> {
        self.all.get((literal.0 / 2) as usize)
    }

    /// Whether all these can hold at once. Sorted, so a term and its opposite are neighbours.
    pub(super) fn consistent(&self, literals: &[Literal]) -> bool {
        if literals.windows(2).any(|pair| matches!(pair, [a, b] if *b == a.not())) {
            return false;
        }
        let simple = |literal: &Literal| matches!(self.term(*literal), Some(Term::User(..)));
        // A user may have any scopes and groups.
        if literals.iter().all(simple) {
            return true;
        }
        let mut said = Said::default();
        for literal in literals {
            if let Some(term) = self.term(*literal) {
                said.add(term, literal.holds());
            }
        }
        said.is_possible()
    }
}

/// What literals say, by what they are about.
#[derive(Debug, Default)]
struct Said<'a> {
    texts: BTreeMap<&'a Text, Vec<(TextTest<'a>, bool)>>,
    client: Vec<(&'a Range, bool)>,
    clocks: BTreeMap<Clock, Vec<(i64, bool)>>,
    present: Vec<&'a Presence>,
    absent: Vec<&'a Presence>,
    user: bool,
}

#[derive(Debug, Clone, Copy)]
enum TextTest<'a> {
    Is(&'a str),
    Begins(&'a str),
}

impl<'a> Said<'a> {
    fn add(&mut self, term: &'a Term, holds: bool) {
        match term {
            Term::User(..) => self.user |= holds,
            Term::Is(text, value) => self.text(text, TextTest::Is(value), holds),
            Term::Begins(text, value) => self.text(text, TextTest::Begins(value), holds),
            Term::Client(range) => self.client.push((range, holds)),
            Term::AtLeast(clock, least) => self.clocks.entry(*clock).or_default().push((*least, holds)),
            Term::Has(presence) if holds => self.present.push(presence),
            Term::Has(presence) => self.absent.push(presence),
            Term::CallerLabel(_) | Term::ServiceLabel(_) | Term::Residual(_) => {}
        }
    }

    fn text(&mut self, text: &'a Text, test: TextTest<'a>, holds: bool) {
        self.texts.entry(text).or_default().push((test, holds));
        if holds && matches!(text, Text::Issuer | Text::Subject) {
            self.user = true;
        }
    }

    fn is_possible(&self) -> bool {
        self.are_present()
            && self.texts.values().all(|tests| text_is_possible(tests))
            && self.clocks.iter().all(|(clock, bounds)| clock_is_possible(*clock, bounds))
            && client_is_possible(&self.client)
    }

    /// Whether the text must pass some test.
    fn is_said(&self, text: &Text) -> bool {
        self.texts.get(text).into_iter().flatten().any(|(_, holds)| *holds)
    }

    /// Nothing that is absent has a value.
    fn are_present(&self) -> bool {
        self.absent.iter().all(|absent| match absent {
            Presence::User => !self.user,
            Presence::Client => !self.client.iter().any(|(_, holds)| *holds),
            Presence::Header(name) => !self.is_said(&Text::Header(name.clone())),
            Presence::Capture(name) => !self.is_said(&Text::Capture(name.clone())),
            Presence::Tls => !["version", "cipher", "group"].iter().any(|what| self.is_said(&Text::Tls(what))),
        })
    }
}

/// Whether some text passes the tests. There are infinitely many texts with any beginning, so only what must hold can
/// exclude each other or be excluded.
fn text_is_possible(tests: &[(TextTest<'_>, bool)]) -> bool {
    let passes = |text: &str| {
        tests.iter().all(|(test, holds)| match test {
            TextTest::Is(value) => (*value == text) == *holds,
            TextTest::Begins(start) => text.starts_with(start) == *holds,
        })
    };
    let exact = tests.iter().find_map(|(test, holds)| match test {
        TextTest::Is(value) if *holds => Some(*value),
        TextTest::Is(_) | TextTest::Begins(_) => None,
    });
    if let Some(exact) = exact {
        return passes(exact);
    }
    let start = tests.iter().filter_map(|(test, holds)| match test {
        TextTest::Begins(start) if *holds => Some(*start),
        TextTest::Begins(_) | TextTest::Is(_) => None,
    });
    let longest = start.max_by_key(|start| start.len()).unwrap_or_default();
    tests.iter().all(|(test, holds)| match test {
        TextTest::Begins(start) => longest.starts_with(start) == *holds,
        TextTest::Is(_) => true,
    })
}

fn clock_is_possible(clock: Clock, bounds: &[(i64, bool)]) -> bool {
    let (mut low, mut high) = clock.range();
    for (least, holds) in bounds {
        if *holds {
            low = low.max(*least);
        } else {
            high = high.min(least.saturating_sub(1));
        }
    }
    low <= high
}

/// Whether some address is in all networks that must have it and in none that must not.
fn client_is_possible(ranges: &[(&Range, bool)]) -> bool {
    let wanted: Vec<&Range> = ranges.iter().filter(|(_, holds)| *holds).map(|(range, _)| *range).collect();
    let Some(narrowest) = wanted.iter().max_by_key(|range| range.prefix) else { return true };
    if !wanted.iter().all(|range| range.contains(narrowest)) {
        return false;
    }
    let unwanted: Vec<&Range> = ranges.iter().filter(|(_, holds)| !*holds).map(|(range, _)| *range).collect();
    !covered(narrowest, &unwanted)
}

/// Whether the networks together have every address of the range.
fn covered(range: &Range, by: &[&Range]) -> bool {
    if by.iter().any(|other| other.contains(range)) {
        return true;
    }
    let inside: Vec<&Range> = by.iter().copied().filter(|other| range.contains(other)).collect();
    !inside.is_empty() && range.halves().is_some_and(|halves| halves.iter().all(|half| covered(half, &inside)))
}
