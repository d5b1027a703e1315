//! Rates: the generic cell rate algorithm (GCRA, ITU-T I.371), with a burst.
//!
//! One number for each key, the theoretical arrival time. A key whose time has passed is as good as one that was never
//! seen, so that it may be forgotten without loss.

use crate::{Standing, State};
use std::fmt;

/// Nanoseconds in a millisecond.
const NS_PER_MS: u64 = 1_000_000;
/// The shortest interval between two: a million a second.
const INTERVAL_NS_MIN: u64 = 1_000;
/// The longest time that a whole burst may take to come back, in milliseconds.
const SPAN_MS_MAX: u64 = 31 * 86_400_000;

/// So many in a time, and so many at once.
///
/// In any span of `t` at most `burst + t * count / period` are let through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    count: u32,
    period_ms: u64,
    burst: u32,
    interval_ns: u64,
}

/// Why numbers are no [`Rate`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RateError {
    /// A count, period or burst of zero: nothing would be let through, ever.
    Zero,
    /// Over a million a second.
    TooFast,
    /// A burst would take longer than 31 days to come back.
    TooSlow,
}

/// The state of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Gcra {
    /// When the next would be due if all came evenly, in nanoseconds of the caller's clock.
    due_ns: u64,
}

impl Rate {
    /// `count` in each `period_ms`, and up to `burst` at once.
    ///
    /// # Errors
    /// When a number is zero, or the rate is too fast or too slow to be counted.
    pub fn new(count: u32, period_ms: u64, burst: u32) -> Result<Rate, RateError> {
        if count == 0 || period_ms == 0 || burst == 0 {
            return Err(RateError::Zero);
        }
        let period_ns = period_ms.checked_mul(NS_PER_MS).ok_or(RateError::TooSlow)?;
        // Rounded up: never more than what was written.
        let interval_ns = period_ns.div_ceil(u64::from(count));
        if interval_ns < INTERVAL_NS_MIN {
            return Err(RateError::TooFast);
        }
        let span_ns = interval_ns.checked_mul(u64::from(burst)).ok_or(RateError::TooSlow)?;
        if span_ns > SPAN_MS_MAX * NS_PER_MS {
            return Err(RateError::TooSlow);
        }
        Ok(Rate { count, period_ms, burst, interval_ns })
    }

    /// How many in each period.
    pub fn count(&self) -> u32 {
        self.count
    }

    /// The period, in milliseconds.
    pub fn period_ms(&self) -> u64 {
        self.period_ms
    }

    /// How many at once.
    pub fn burst(&self) -> u32 {
        self.burst
    }

    fn span_ns(&self) -> u64 {
        // INVARIANT: `new` has multiplied these without overflow.
        self.interval_ns.saturating_mul(u64::from(self.burst))
    }
}

impl Gcra {
    /// Asks for one at `now_ns`.
    pub fn take(&mut self, rate: &Rate, now_ns: u64) -> Standing {
        let due = self.due_ns.max(now_ns).saturating_add(rate.interval_ns);
        let admitted = due - now_ns <= rate.span_ns();
        if admitted {
            self.due_ns = due;
        }
        let debt = self.due_ns.saturating_sub(now_ns);
        let room = rate.span_ns().saturating_sub(debt);
        Standing {
            admitted,
            remaining: room / rate.interval_ns.max(1),
            reset_ms: debt.div_ceil(NS_PER_MS),
            retry_ms: rate.interval_ns.saturating_sub(room).div_ceil(NS_PER_MS),
        }
    }

    /// Gives one back that was taken and not used.
    pub fn give_back(&mut self, rate: &Rate) {
        self.due_ns = self.due_ns.saturating_sub(rate.interval_ns);
    }
}

impl State for Gcra {
    fn is_idle(&self, now_ns: u64) -> bool {
        self.due_ns <= now_ns
    }
}

impl fmt::Display for RateError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RateError::Zero => "write numbers from 1",
            RateError::TooFast => "at most a million a second can be counted",
            RateError::TooSlow => "a burst must come back within 31 days: write a smaller `burst`, or a `quota`",
        })
    }
}

impl std::error::Error for RateError {}

#[cfg(test)]
mod tests;
