//! What holds in the cells of a frame, worked out once for cells that are alike.

use super::answer::Access;
use super::bits::Bits;
use super::condition::Formula;
use super::frame::{Applying, Cell, Frame, Ways};
use super::region::Region;
use super::terms::Terms;
use ahash::RandomState;
use std::collections::HashMap;
use std::rc::Rc;

/// What holds in a cell.
#[derive(Debug)]
pub(super) struct Holding {
    pub(super) formula: Formula,
    /// Whether no request of the cell is allowed.
    pub(super) is_never: bool,
}

/// The cells of a frame, as one of its policies has them.
pub(super) struct Cells<'f, 'a> {
    frame: &'f Frame<'a>,
    side: usize,
    terms: &'f Terms,
    known: HashMap<(usize, Applying, Option<Cell>), Rc<Holding>, RandomState>,
}

impl<'f, 'a> Cells<'f, 'a> {
    pub(super) fn new(frame: &'f Frame<'a>, side: usize, terms: &'f Terms) -> Cells<'f, 'a> {
        Cells { frame, side, terms, known: HashMap::default() }
    }

    /// What holds in a cell.
    pub(super) fn at(&mut self, cell: Cell) -> Rc<Holding> {
        let applying = self.frame.applying(self.side, cell);
        let varies = self.frame.varies(self.side, &applying);
        let key = (cell.caller, applying, varies.then_some(cell));
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let formula = self.frame.ways(self.side, &key.1, cell, self.terms).formula();
        let is_never = formula.is_never(self.terms);
        let holding = Rc::new(Holding { is_never, formula });
        self.known.insert(key, holding.clone());
        holding
    }

    /// When a request of a cell is allowed, in the words of the policy; nothing where none is.
    pub(super) fn words(&self, cell: Cell, holding: &Holding) -> Ways {
        if holding.is_never {
            return Ways::default();
        }
        self.frame.ways_in_words(self.side, &self.frame.applying(self.side, cell), cell, self.terms)
    }

    /// Whether requests of a region are allowed. Prohibitions that apply nowhere in it are left out.
    pub(super) fn access(&self, words: &Ways, caller: usize, region: &Region) -> Access {
        let mut forbids = Bits::default();
        for (method, place) in region.methods.iter().flat_map(|m| region.places.iter().map(move |place| (*m, place))) {
            forbids.join(&self.frame.applying(self.side, Cell { caller, method, place }).forbids);
        }
        Access::of(&words.only(&forbids), self.side, self.frame, self.terms)
    }
}
