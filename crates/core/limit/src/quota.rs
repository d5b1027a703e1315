//! Quotas: so many in a calendar day or month, in UTC.

use crate::{Standing, State};

const DAY_S: u64 = 86_400;
/// Marks the number of a month, so that it is never that of a day.
const MONTH: u32 = 1 << 31;

/// So many in a calendar window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// How many; not zero.
    pub count: u32,
    /// In what.
    pub window: Window,
}

/// A calendar window, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// From midnight to midnight.
    Day,
    /// From the first to the first.
    Month,
}

/// The state of one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// The number of the window that is counted.
    window: u32,
    count: u32,
}

impl Window {
    /// The number of the window that a time is in.
    fn number(self, now_s: u64) -> u32 {
        match self {
            Window::Day => u32::try_from(now_s / DAY_S).unwrap_or(MONTH - 1) & !MONTH,
            Window::Month => {
                let (year, month, _) = date(now_s / DAY_S);
                MONTH | u32::try_from(year * 12 + month).unwrap_or(MONTH - 1)
            }
        }
    }

    /// Seconds from a time to the end of its window.
    pub fn left_s(self, now_s: u64) -> u64 {
        match self {
            Window::Day => DAY_S - now_s % DAY_S,
            Window::Month => {
                let today = now_s / DAY_S;
                let (_, month, day) = date(today);
                // At most 31 steps to the first day of another month.
                let days = (1..=32 - day.min(31)).find(|ahead| date(today + ahead).1 != month).unwrap_or(1);
                days * DAY_S - now_s % DAY_S
            }
        }
    }

    /// The length of the window that a time is in, in seconds.
    pub fn length_s(self, now_s: u64) -> u64 {
        match self {
            Window::Day => DAY_S,
            Window::Month => {
                let (_, _, day) = date(now_s / DAY_S);
                self.left_s(now_s) + (day - 1) * DAY_S + now_s % DAY_S
            }
        }
    }
}

impl Used {
    /// Asks for one at `now_s`, seconds since 1970.
    pub fn take(&mut self, quota: &Quota, now_s: u64) -> Standing {
        let window = quota.window.number(now_s);
        if self.window != window {
            *self = Used { window, count: 0 };
        }
        let admitted = self.count < quota.count;
        if admitted {
            self.count += 1;
        }
        let remaining = u64::from(quota.count.saturating_sub(self.count));
        let reset_ms = quota.window.left_s(now_s) * 1_000;
        Standing { admitted, remaining, reset_ms, retry_ms: if remaining == 0 { reset_ms } else { 0 } }
    }

    /// Gives one back that was taken and not used.
    pub fn give_back(&mut self) {
        self.count = self.count.saturating_sub(1);
    }

    /// The state in eight bytes, to be kept across restarts.
    pub fn to_bits(self) -> u64 {
        (u64::from(self.window) << 32) | u64::from(self.count)
    }

    /// The state of those bits.
    pub fn from_bits(bits: u64) -> Used {
        Used { window: (bits >> 32) as u32, count: bits as u32 }
    }
}

impl State for Used {
    /// `now` is in seconds since 1970: a count of a window that has ended is of no more use.
    fn is_idle(&self, now_s: u64) -> bool {
        let window = if self.window & MONTH == 0 { Window::Day } else { Window::Month };
        self.count == 0 || self.window != window.number(now_s)
    }
}

/// Year, month and day of a day since 1970, in the Gregorian calendar: counted in eras of 400 years from 1 March.
fn date(day: u64) -> (u64, u64, u64) {
    let shifted = day + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (year_of_era + era * 400 + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests;
