//! A table of keys of fixed size, which no number of keys can grow or make forget what counts.
//!
//! It is set-associative: a key has one set, of eight places. A place is given away only when its state is idle, which is
//! as good as none: so nothing that counts is ever forgotten. A key that finds all eight in use shares the set's overflow
//! with all others that come too late, and that is limited like one key: a flood limits itself, and those that were there
//! before it do not feel it.
//!
//! Each set has a lock of its own. A limit of 100 a second must be that in sum over all workers, however connections fall
//! to them, so its state is shared; and finding a key, giving away a place and counting have to be one step, or two workers
//! would give one key two places. The lock is held for some 20 ns, over no call that waits, and two workers meet only in
//! the same set.

use crate::Key;
use std::sync::{Mutex, PoisonError};

/// Places of a set.
const WAYS: usize = 8;

/// What is kept of a key.
pub trait State: Copy + Default {
    /// Whether it is as good as none at this time.
    fn is_idle(&self, now: u64) -> bool;
}

/// A table of keys.
#[derive(Debug)]
pub struct Table<S> {
    sets: Box<[Mutex<Set<S>>]>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Set<S> {
    /// Zero where the place is empty.
    keys: [u64; WAYS],
    states: [S; WAYS],
    overflow: S,
}

/// Where a key's state was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In a place of its own.
    Own,
    /// In what its set shares.
    Overflow,
}

impl<S: State> Table<S> {
    /// A table for about so many keys: rounded up to a power of two, at least eight.
    pub fn new(keys: usize) -> Table<S> {
        let sets = keys.div_ceil(WAYS).max(1).next_power_of_two();
        Table { sets: (0..sets).map(|_| Mutex::new(Set::default())).collect() }
    }

    /// How many keys can have a place of their own.
    pub fn capacity(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// Bytes that the table takes, whatever happens.
    pub fn bytes(&self) -> usize {
        std::mem::size_of_val::<[_]>(&self.sets)
    }

    /// The state of a key, made when absent. `now` is what the states count in.
    pub fn with<R>(&self, key: Key, now: u64, take: impl FnOnce(&mut S) -> R) -> (Place, R) {
        self.locked(key, |set| match set.place(key, now) {
            Some(state) => (Place::Own, take(state)),
            None => (Place::Overflow, take(&mut set.overflow)),
        })
    }

    /// The state of a key where it was found before, to give something back.
    pub fn again(&self, key: Key, place: Place, give: impl FnOnce(&mut S)) {
        self.locked(key, |set| match place {
            Place::Own => set.find(key).map(give).unwrap_or_default(),
            Place::Overflow => give(&mut set.overflow),
        });
    }

    /// Every key with a place of its own whose state counts.
    pub fn active(&self, now: u64, mut each: impl FnMut(u64, S)) {
        for set in &self.sets {
            let set = *set.lock().unwrap_or_else(PoisonError::into_inner);
            let active = set.keys.iter().zip(&set.states).filter(|(key, state)| **key != 0 && !state.is_idle(now));
            active.for_each(|(key, state)| each(*key, *state));
        }
    }

    /// Puts a state in that was kept. Where there is no place it becomes the set's overflow: what was used stays used.
    pub fn restore(&self, key: u64, now: u64, state: S) {
        self.with(Key::of(key), now, |place| *place = state);
    }

    fn locked<R>(&self, key: Key, then: impl FnOnce(&mut Set<S>) -> R) -> R {
        // INVARIANT: the number of sets is a power of two, and at least one.
        let index = (key.0 as usize) & (self.sets.len() - 1);
        match self.sets.get(index) {
            // A set is plain data that no panic can leave half written.
            Some(set) => then(&mut set.lock().unwrap_or_else(PoisonError::into_inner)),
            None => then(&mut Set::default()),
        }
    }
}

impl<S: State> Set<S> {
    fn find(&mut self, key: Key) -> Option<&mut S> {
        let at = self.keys.iter().position(|k| *k == key.0)?;
        self.states.get_mut(at)
    }

    /// The key's own place, taken from an idle key if need be.
    fn place(&mut self, key: Key, now: u64) -> Option<&mut S> {
        let own = self.keys.iter().position(|k| *k == key.0);
        let at = own.or_else(|| self.states.iter().position(|state| state.is_idle(now)))?;
        if own.is_none() {
            *self.keys.get_mut(at)? = key.0;
            *self.states.get_mut(at)? = S::default();
        }
        self.states.get_mut(at)
    }
}

#[cfg(test)]
mod tests;
