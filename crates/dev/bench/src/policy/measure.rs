//! Time and allocations of decisions: warm-up, then batches over all facts until the time is up, then the median batch.

use stats_alloc::{Region, Stats};
use std::alloc::System;
use std::time::{Duration, Instant};

/// The allocator of `bench-policy`, which counts.
pub type Counting = stats_alloc::StatsAlloc<System>;

/// What decisions cost.
#[derive(Debug, Clone, Copy)]
pub struct Cost {
    /// Nanoseconds of a decision: the median over batches.
    pub median_ns: f64,
    /// Nanoseconds of a decision in the batch that 99 of 100 are below.
    pub p99_ns: f64,
    /// Allocations of a decision, the mean of one pass.
    pub allocations: f64,
    /// How many were timed.
    pub decisions: usize,
}

/// How to measure.
#[derive(Clone, Copy)]
pub struct Meter {
    /// Which counts.
    pub allocator: &'static Counting,
    /// How long; a tenth of it goes before, as warm-up.
    pub time: Duration,
    /// Decisions that share one reading of the clock: reading it costs as much as a fifth of a quick decision.
    pub batch: usize,
}

impl Meter {
    /// Decides over and over. `touch` reads the facts of a batch before the clock runs: where decisions are made, facts
    /// have just been parsed. All zero without facts.
    pub fn cost<T>(&self, facts: &[T], touch: impl Fn(&T), decide: impl Fn(&T)) -> Cost {
        drop(self.rounds(facts, self.time / 10, &touch, &decide));
        // Allocations are counted in one pass apart from the timing, whose list grows.
        let region = Region::new(self.allocator);
        let counted = facts.iter().take(10_000);
        let passes = counted.len().max(1);
        counted.for_each(&decide);
        let allocated = region.change();
        let mut spent = self.rounds(facts, self.time, &touch, &decide);
        spent.sort_by(f64::total_cmp);
        Cost {
            median_ns: at(&spent, 50),
            p99_ns: at(&spent, 99),
            allocations: (allocated.allocations + allocated.reallocations) as f64 / passes as f64,
            decisions: spent.len() * self.batch,
        }
    }

    /// What `make` holds when it is done, in bytes, and how long it took.
    pub fn held<T>(&self, make: impl FnOnce() -> T) -> (T, u64, Duration) {
        let region = Region::new(self.allocator);
        let begun = Instant::now();
        let made = make();
        let took = begun.elapsed();
        (made, held(&region.change()), took)
    }

    /// Nanoseconds of a decision, for each batch. What does not fill a batch is left out.
    fn rounds<T>(&self, facts: &[T], time: Duration, touch: &impl Fn(&T), decide: &impl Fn(&T)) -> Vec<f64> {
        let mut spent = Vec::new();
        if facts.len() < self.batch {
            return spent;
        }
        let end = Instant::now() + time;
        for batch in facts.chunks_exact(self.batch.max(1)).cycle() {
            batch.iter().for_each(touch);
            let begun = Instant::now();
            batch.iter().for_each(decide);
            let ended = Instant::now();
            spent.push((ended - begun).as_nanos() as f64 / self.batch as f64);
            if ended >= end {
                break;
            }
        }
        spent
    }
}

/// Growth and shrinking by reallocation are among both.
fn held(change: &Stats) -> u64 {
    change.bytes_allocated.saturating_sub(change.bytes_deallocated) as u64
}

fn at(sorted: &[f64], percent: usize) -> f64 {
    let index = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(index).copied().unwrap_or(0.0)
}
