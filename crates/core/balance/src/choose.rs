//! Choosing an endpoint: by least latency, in turn, or by a key; those in doubt last, those that are down never.

use crate::draw;
use crate::ring::Ring;

/// Draws of a random endpoint before all are looked through.
const DRAWS_MAX: usize = 8;
/// How many are up nearby is counted again after so many microseconds, so that a choice costs the same with a thousand.
const COUNT_EVERY_US: u64 = 100_000;
/// Thousandths of the endpoints nearby that must be up for all requests to stay there (an overprovisioning of 1.4).
const NEAR_ENOUGH: usize = 714;
/// A key moves on from an endpoint with more than so many hundredths of the average load (bounded loads).
const LOAD_MAX: usize = 125;

/// Whether an endpoint may be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// Yes.
    Ready,
    /// It failed a moment ago: only when no other is left.
    Doubtful,
    /// Its active checks fail: not at all.
    Down,
}

/// How an endpoint looks at the moment.
#[derive(Debug, Clone, Copy)]
pub struct View {
    /// Whether it may be chosen.
    pub standing: Standing,
    /// Requests under way.
    pub in_flight: u32,
    /// What one more request there costs, in microseconds: latency times load.
    pub cost: f64,
    /// How much of its share it takes yet, in thousandths.
    pub warmth_per_mille: u32,
}

/// By what an endpoint is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum How {
    /// The cheaper of two that chance names.
    LeastLatency,
    /// One after the other.
    RoundRobin,
    /// The one that a key belongs to.
    Hash(u64),
}

/// Chooses among the endpoints of one port of a service. Those of our own zone are the first `near` of `count`.
#[derive(Debug, Clone, Default)]
pub struct Balancer {
    near: usize,
    count: usize,
    turn: usize,
    ring: Ring,
    near_ready: usize,
    counted_at: Option<u64>,
}

impl Balancer {
    /// For these endpoints, given by the hashes of their names where keys are to be hashed. Without a zone of our own,
    /// `near` is all of them.
    pub fn new(near: usize, count: usize, ring: Ring) -> Balancer {
        Balancer { near: near.min(count), count, turn: 0, ring, near_ready: 0, counted_at: None }
    }

    /// An endpoint that is not among `tried`. `None`: all are down, or were tried.
    pub fn choose(
        &mut self,
        how: How,
        view: &dyn Fn(usize) -> View,
        tried: &[usize],
        (now, seed): (u64, u64),
    ) -> Option<usize> {
        let mut seed = seed;
        let is_ready = |index: &usize| !tried.contains(index) && view(*index).standing == Standing::Ready;
        let chosen = match how {
            How::Hash(key) => self.by_key(key, view, &is_ready),
            How::LeastLatency | How::RoundRobin => {
                let (first, last) = if self.stays_near(view, now, draw(&mut seed)) {
                    (0..self.near, self.near..self.count)
                } else {
                    (self.near..self.count, 0..self.near)
                };
                self.within(first, how, view, &is_ready, &mut seed)
                    .or_else(|| self.within(last, how, view, &is_ready, &mut seed))
            }
        };
        let is_left = |index: &usize| !tried.contains(index) && view(*index).standing != Standing::Down;
        chosen.or_else(|| self.from(draw(&mut seed) as usize, 0..self.count).find(is_left))
    }

    /// Whether this request stays in our own zone: all do while most of it is up; of the rest a part goes elsewhere.
    fn stays_near(&mut self, view: &dyn Fn(usize) -> View, now: u64, chance: u64) -> bool {
        if self.near == 0 || self.near == self.count {
            return self.near > 0;
        }
        if self.counted_at.is_none_or(|at| now.saturating_sub(at) >= COUNT_EVERY_US) {
            self.near_ready = (0..self.near).filter(|index| view(*index).standing == Standing::Ready).count();
            self.counted_at = Some(now);
        }
        let enough = (self.near * NEAR_ENOUGH).max(1);
        (chance % enough as u64) < (self.near_ready * 1_000) as u64
    }

    fn within(
        &mut self,
        range: std::ops::Range<usize>,
        how: How,
        view: &dyn Fn(usize) -> View,
        is_ready: &dyn Fn(&usize) -> bool,
        seed: &mut u64,
    ) -> Option<usize> {
        match how {
            How::LeastLatency => {
                let first = self.any(range.clone(), is_ready, seed)?;
                let second = self.any(range, &|index| *index != first && is_ready(index), seed);
                let cheaper = second.filter(|second| view(*second).cost < view(first).cost);
                cheaper.or(Some(first))
            }
            How::RoundRobin | How::Hash(_) => {
                self.turn = self.turn.wrapping_add(1);
                let mut ready = self.from(self.turn, range.clone()).filter(is_ready);
                // One that has just started takes only a part of its turns.
                let takes = |index: &usize| draw(seed) % 1_000 < u64::from(view(*index).warmth_per_mille);
                let first = self.from(self.turn, range).find(is_ready);
                ready.find(takes).or(first)
            }
        }
    }

    /// A random one that is ready: by a few draws, and by looking through all when chance finds none.
    fn any(&self, range: std::ops::Range<usize>, is_ready: &dyn Fn(&usize) -> bool, seed: &mut u64) -> Option<usize> {
        if range.is_empty() {
            return None;
        }
        let length = range.len() as u64;
        for _ in 0..DRAWS_MAX {
            let index = range.start + (draw(seed) % length) as usize;
            if is_ready(&index) {
                return Some(index);
            }
        }
        self.from(draw(seed) as usize, range).find(|index| is_ready(index))
    }

    /// A range once round, from some place in it.
    fn from(&self, start: usize, range: std::ops::Range<usize>) -> impl Iterator<Item = usize> + use<> {
        let length = range.len().max(1);
        range.clone().map(move |index| range.start + (index - range.start + start % length) % length)
    }

    fn by_key(&self, key: u64, view: &dyn Fn(usize) -> View, is_ready: &dyn Fn(&usize) -> bool) -> Option<usize> {
        let total: usize = (0..self.count).map(|index| view(index).in_flight as usize).sum();
        let load_max = ((total + 1) * LOAD_MAX).div_ceil(self.count.max(1) * 100);
        let has_room = |index: &usize| (view(*index).in_flight as usize) < load_max;
        let own = self.ring.from(key).find(|index| is_ready(index) && has_room(index));
        own.or_else(|| self.ring.from(key).find(is_ready))
    }
}
