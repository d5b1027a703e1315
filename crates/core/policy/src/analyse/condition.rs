//! Conditions as formulas: an `or` of `and`s of terms, each term being something that a request may bring or not.
//!
//! Two conditions are compared by their meaning: one implies the other unless there is an assignment of the terms that
//! makes the first true and the second false. Terms that are about one thing, such as two address ranges, are not
//! independent: [`terms`](super::terms) says which sets of them can hold at once.

use super::terms::{Literal, Terms};

/// How many steps one comparison may take. Beyond it the answer is the careful one: that there is a difference.
const STEPS_MAX: usize = 20_000;

/// Literals that all hold, sorted, none twice. The empty one always holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Cube(Vec<Literal>);

impl Cube {
    /// The cube of these.
    pub(super) fn of(literals: impl IntoIterator<Item = Literal>) -> Cube {
        let mut literals: Vec<Literal> = literals.into_iter().collect();
        literals.sort();
        literals.dedup();
        Cube(literals)
    }

    /// This and that.
    pub(super) fn and(&self, other: &Cube) -> Cube {
        Cube::of(self.0.iter().chain(&other.0).copied())
    }

    fn with(&self, literal: Literal) -> Cube {
        Cube::of(self.0.iter().copied().chain([literal]))
    }

    /// The literals, sorted.
    pub(super) fn literals(&self) -> &[Literal] {
        &self.0
    }

    /// Whether it holds whenever the other does, as far as their literals tell.
    fn within(&self, other: &Cube) -> bool {
        self.0.iter().all(|literal| other.0.binary_search(literal).is_ok())
    }
}

/// When a request is allowed: one of `any` holds, and none of `none`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Formula {
    pub(super) any: Vec<Cube>,
    pub(super) none: Vec<Cube>,
}

impl Formula {
    /// Whether no request is allowed.
    pub(super) fn is_never(&self, terms: &Terms) -> bool {
        !satisfiable(self, &Formula::default(), terms)
    }

    /// Whether all that this allows is allowed by the other too.
    pub(super) fn implies(&self, other: &Formula, terms: &Terms) -> bool {
        self == other || !satisfiable(self, other, terms)
    }
}

/// Whether some assignment makes the first true and the second false.
fn satisfiable(yes: &Formula, no: &Formula, terms: &Terms) -> bool {
    let mut search = Search { terms, steps: 0 };
    let refuted: Vec<&Cube> = yes.none.iter().chain(&no.any).collect();
    if yes.any.iter().any(|cube| search.escapes(cube, &refuted)) {
        return true;
    }
    let refuted: Vec<&Cube> = yes.none.iter().collect();
    let forbidden = no.none.iter().flat_map(|forbid| yes.any.iter().map(move |cube| cube.and(forbid)));
    forbidden.into_iter().any(|cube| search.escapes(&cube, &refuted))
}

/// Removes cubes that another one makes needless, keeping the earlier of two that are equal. What is left is in the
/// order given.
pub(super) fn absorb<T>(cubes: Vec<(T, Cube)>) -> Vec<(T, Cube)> {
    let needless: Vec<bool> = cubes
        .iter()
        .enumerate()
        .map(|(at, (_, cube))| {
            let mut others = cubes.iter().enumerate().filter(|(other, _)| *other != at);
            others.any(|(other, (_, wider))| wider.within(cube) && (wider != cube || other < at))
        })
        .collect();
    cubes.into_iter().zip(needless).filter(|(_, needless)| !needless).map(|(cube, _)| cube).collect()
}

struct Search<'a> {
    terms: &'a Terms,
    steps: usize,
}

impl Search<'_> {
    /// Whether the cube can hold while none of `refuted` does. Each of those is made false by one of its literals.
    fn escapes(&mut self, cube: &Cube, refuted: &[&Cube]) -> bool {
        self.steps += 1;
        if self.steps > STEPS_MAX {
            return true;
        }
        if !self.terms.consistent(cube.literals()) || refuted.iter().any(|other| other.within(cube)) {
            return false;
        }
        let open = |other: &&&Cube| !other.literals().iter().any(|l| cube.literals().binary_search(&l.not()).is_ok());
        let Some(next) = refuted.iter().filter(open).min_by_key(|other| other.literals().len()) else { return true };
        let choices: Vec<Literal> = next.literals().iter().map(|literal| literal.not()).collect();
        choices.into_iter().any(|literal| self.escapes(&cube.with(literal), refuted))
    }
}
