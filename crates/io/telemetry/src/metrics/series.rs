//! The counters of one role and service in one worker.

use selvedge_model::{Outcome, Record};
use std::sync::atomic::{AtomicU64, Ordering};

/// Upper bounds of the duration buckets: microseconds, and the same in seconds as the text of the label `le`.
pub(super) const BUCKETS: [(u64, &str); 15] = [
    (250, "0.00025"),
    (500, "0.0005"),
    (1_000, "0.001"),
    (2_500, "0.0025"),
    (5_000, "0.005"),
    (10_000, "0.01"),
    (25_000, "0.025"),
    (50_000, "0.05"),
    (100_000, "0.1"),
    (250_000, "0.25"),
    (500_000, "0.5"),
    (1_000_000, "1"),
    (2_500_000, "2.5"),
    (10_000_000, "10"),
    (60_000_000, "60"),
];
/// The label `outcome`.
pub(super) const OUTCOMES: [&str; 4] = ["allowed", "denied", "faulted", "observed"];
/// The label `status_class`; `none` for TCP, which has no status.
pub(super) const CLASSES: [&str; 6] = ["none", "1xx", "2xx", "3xx", "4xx", "5xx"];

/// Aligned to two cache lines, since processors fetch them in pairs: no worker's counters share one with another's.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct Series {
    hops: [[AtomicU64; CLASSES.len()]; OUTCOMES.len()],
    /// Hops up to each bound and over the one before; the last is for those over every bound.
    buckets: [AtomicU64; BUCKETS.len() + 1],
    duration_us: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

/// The same of all workers, added up.
#[derive(Default)]
pub(super) struct Sums {
    pub(super) hops: [[u64; CLASSES.len()]; OUTCOMES.len()],
    pub(super) buckets: [u64; BUCKETS.len() + 1],
    pub(super) duration_us: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
}

impl Series {
    pub(super) fn count(&self, record: &Record) {
        let outcome = match &record.outcome {
            Outcome::Allowed(_) => 0,
            Outcome::Denied(_) => 1,
            Outcome::Faulted { .. } => 2,
            Outcome::Observed(_) => 3,
        };
        let class = usize::from(record.status / 100);
        let class = if class < CLASSES.len() { class } else { 0 };
        add(self.hops.get(outcome).and_then(|classes| classes.get(class)), 1);
        let bucket = BUCKETS.partition_point(|(bound, _)| *bound < record.duration_us);
        add(self.buckets.get(bucket), 1);
        add(Some(&self.duration_us), record.duration_us);
        add(Some(&self.bytes_in), record.bytes_in);
        add(Some(&self.bytes_out), record.bytes_out);
    }
}

impl Sums {
    pub(super) fn add(&mut self, series: &Series) {
        let hops = self.hops.iter_mut().flatten().zip(series.hops.iter().flatten());
        hops.chain(self.buckets.iter_mut().zip(&series.buckets)).for_each(|(sum, cell)| *sum += read(cell));
        self.duration_us += read(&series.duration_us);
        self.bytes_in += read(&series.bytes_in);
        self.bytes_out += read(&series.bytes_out);
    }

    /// All hops: the buckets' own total, so that a histogram agrees with itself while workers count on.
    pub(super) fn count(&self) -> u64 {
        self.buckets.iter().sum()
    }
}

fn add(cell: Option<&AtomicU64>, amount: u64) {
    if let Some(cell) = cell
        && amount > 0
    {
        cell.fetch_add(amount, Ordering::Relaxed);
    }
}

fn read(cell: &AtomicU64) -> u64 {
    cell.load(Ordering::Relaxed)
}
