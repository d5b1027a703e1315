//! Conditions: what was lowered, and what stayed Cedar. Only that can fail or allocate.

use super::residual::Residual;
use crate::lower::{Atom, View};
use std::sync::Arc;

/// A condition: it holds when each of its conjuncts does.
#[derive(Debug)]
pub(crate) struct Condition {
    /// In the order written.
    pub(crate) conjuncts: Vec<Conjunct>,
    /// Whether it may name what patterns capture.
    pub(crate) captures: bool,
}

/// One part of a condition.
#[derive(Debug)]
pub(crate) struct Conjunct {
    /// As written.
    pub(crate) text: Arc<str>,
    pub(crate) test: Test,
}

/// What a conjunct tests.
#[derive(Debug)]
pub(crate) enum Test {
    Atom(Atom),
    Not(Box<Test>),
    All(Vec<Test>),
    Any(Vec<Test>),
    /// Cedar's own: it stands alone, never inside another test.
    Residual(Residual),
}

/// The outcome of a condition.
#[derive(Debug)]
pub(crate) enum Held<'a> {
    Yes,
    /// This part is false.
    No(&'a Conjunct),
    /// It could not be evaluated, and why.
    Error(Arc<str>),
}

impl Condition {
    /// Tests a rule's condition: what was lowered first, so that Cedar is asked only when all else holds. The order of
    /// the rest does not matter, since neither what is false nor what fails lets the rule hold.
    pub(crate) fn holds(&self, view: &View<'_>) -> Held<'_> {
        let lowered = |conjunct: &&Conjunct| !matches!(conjunct.test, Test::Residual(_));
        if let Some(failed) = self.conjuncts.iter().filter(lowered).find(|conjunct| !conjunct.test.is(view)) {
            return Held::No(failed);
        }
        let residual = self.conjuncts.iter().filter(|conjunct| !lowered(conjunct));
        in_order(residual, view)
    }

    /// Tests a guardrail's condition in the order written, as Cedar does: what stands before a part that fails may
    /// keep it from being asked, and nothing else may, since there a failure denies.
    pub(crate) fn matches(&self, view: &View<'_>) -> Held<'_> {
        in_order(self.conjuncts.iter(), view)
    }
}

fn in_order<'a>(conjuncts: impl Iterator<Item = &'a Conjunct>, view: &View<'_>) -> Held<'a> {
    for conjunct in conjuncts {
        let holds = match &conjunct.test {
            Test::Residual(residual) => residual.evaluate(view),
            test => Ok(test.is(view)),
        };
        match holds {
            Ok(true) => {}
            Ok(false) => return Held::No(conjunct),
            Err(error) => return Held::Error(error),
        }
    }
    Held::Yes
}

impl Test {
    /// Whether it is so.
    pub(crate) fn is(&self, view: &View<'_>) -> bool {
        match self {
            Test::Atom(atom) => atom.is(view),
            Test::Not(test) => !test.is(view),
            Test::All(tests) => tests.iter().all(|test| test.is(view)),
            Test::Any(tests) => tests.iter().any(|test| test.is(view)),
            // INVARIANT: residuals are evaluated above; here one would have no answer, and no answer is no.
            Test::Residual(_) => false,
        }
    }
}
