//! Which endpoint a request goes to, whether it may be tried again, and when a service is asked no more for a while.
//!
//! Pure: times are microseconds of any clock that only goes forward, and chance is a seed, both given as arguments. One
//! worker keeps one of each state, so nothing here is shared or locked.

mod budget;
mod choose;
mod concurrency;
mod health;
mod latency;
mod node;
mod outlier;
mod ring;

pub use budget::Budget;
pub use choose::{Balancer, How, Standing, View};
pub use concurrency::{Concurrency, Strain};
pub use health::{Health, Thresholds};
pub use latency::Latency;
pub use node::{Ended, Node};
pub use outlier::{Outlier, OutlierLimits};
pub use ring::{Ring, hash};

/// Microseconds of a millisecond.
pub const MS: u64 = 1_000;

/// The next number of a small generator (SplitMix64): good enough to choose by, and worth nothing as a secret.
pub fn draw(seed: &mut u64) -> u64 {
    *seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
    ring::mix(*seed)
}

#[cfg(test)]
mod tests;
