//! The latency of an endpoint, as a moving average that jumps up at once and comes down slowly ("peak EWMA").

/// In so many microseconds an old sample loses about two thirds of its weight.
const DECAY_US: f64 = 10_000_000.0;
/// What an endpoint without a sample is taken for, in microseconds.
const UNKNOWN_US: f64 = 1_000.0;
/// What a failure counts as, at least: an endpoint that fails quickly must not look like the best of all.
const FAILURE_US: f64 = 1_000_000.0;

/// A moving average of latencies.
#[derive(Debug, Clone, Copy)]
pub struct Latency {
    average_us: f64,
    at: u64,
}

impl Latency {
    /// Nothing is known yet.
    pub fn new(now: u64) -> Latency {
        Latency { average_us: UNKNOWN_US, at: now }
    }

    /// Takes a sample, in microseconds.
    pub fn sample(&mut self, now: u64, latency_us: u64, failed: bool) {
        let sample = if failed { (latency_us as f64).max(FAILURE_US) } else { latency_us as f64 };
        let average = self.average_us;
        let keeps = (-(now.saturating_sub(self.at) as f64) / DECAY_US).exp();
        // A peak counts at once: one slow answer tells more than a hundred quick ones before it.
        self.average_us = if sample > average { sample } else { average * keeps + sample * (1.0 - keeps) };
        self.at = now;
    }

    /// The average as of `now`: a peak that no sample has confirmed is slowly forgotten, or its endpoint would never be
    /// asked again.
    pub fn read(&self, now: u64) -> f64 {
        let keeps = (-(now.saturating_sub(self.at) as f64) / DECAY_US).exp();
        UNKNOWN_US.min(self.average_us).max(self.average_us * keeps)
    }
}
