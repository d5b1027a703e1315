//! What one worker knows of one endpoint.

use crate::choose::{Standing, View};
use crate::latency::Latency;
use crate::outlier::{Outlier, OutlierLimits};

/// After a failed connection an endpoint is tried last for so long, in microseconds.
const REST_US: u64 = 1_000_000;
/// The least part of its share that an endpoint gets when it starts, in thousandths.
const WARMTH_MIN: u64 = 100;

/// What one worker knows of one endpoint.
#[derive(Debug, Clone)]
pub struct Node {
    latency: Latency,
    outlier: Outlier,
    in_flight: u32,
    rests_until: u64,
    /// Since when it is there, where that is not long ago.
    since: Option<u64>,
}

/// How a request to an endpoint ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// An answer came after so many microseconds.
    Answered(u64),
    /// The endpoint failed, after so many microseconds: no answer, or one that says so.
    Failed(u64),
    /// Its caller went away, or was at fault: that says nothing of the endpoint.
    Unknown,
}

impl Node {
    /// An endpoint that was just found.
    pub fn new(now: u64) -> Node {
        Node { latency: Latency::new(now), outlier: Outlier::default(), in_flight: 0, rests_until: 0, since: Some(now) }
    }

    /// Notes that a request goes there.
    pub fn begin(&mut self) {
        self.in_flight = self.in_flight.saturating_add(1);
    }

    /// Notes how it ended. `true`: the endpoint should be ejected, if its service has enough others.
    pub fn end(&mut self, now: u64, ended: Ended, limits: &OutlierLimits) -> bool {
        self.in_flight = self.in_flight.saturating_sub(1);
        match ended {
            Ended::Answered(took) => {
                self.latency.sample(now, took, false);
                self.outlier.note(now, false, limits)
            }
            Ended::Failed(took) => {
                self.latency.sample(now, took, true);
                self.outlier.note(now, true, limits)
            }
            Ended::Unknown => false,
        }
    }

    /// Notes whether a connection could be made.
    pub fn connected(&mut self, now: u64, made: bool) {
        self.rests_until = if made { 0 } else { now + REST_US };
    }

    /// Leaves it alone for a while.
    pub fn eject(&mut self, now: u64, limits: &OutlierLimits) {
        self.outlier.eject(now, limits);
    }

    /// Notes that it is there again: it starts slowly.
    pub fn back(&mut self, now: u64) {
        self.since = Some(now);
    }

    /// Gives it its full share at once: no other is there whose share it would take.
    pub fn settle(&mut self) {
        self.since = None;
    }

    /// Whether it is ejected.
    pub fn is_ejected(&self, now: u64) -> bool {
        self.outlier.is_ejected(now)
    }

    /// Requests that are under way there.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }

    /// How it looks to who chooses. `down`: active checks say so. `slow_start_ms`: how long it takes to its full share.
    pub fn view(&self, now: u64, down: bool, slow_start_ms: u64) -> View {
        let standing = match down {
            true => Standing::Down,
            false if self.outlier.is_ejected(now) || now < self.rests_until => Standing::Doubtful,
            false => Standing::Ready,
        };
        let ejected_until = Some(self.outlier.until()).filter(|until| *until > 0);
        let began = self.since.max(ejected_until.map(|until| until.min(now)));
        let window = slow_start_ms.saturating_mul(crate::MS);
        let age = began.map(|began| now.saturating_sub(began));
        let share = age.and_then(|age| age.saturating_mul(1_000).checked_div(window)).unwrap_or(1_000);
        let warmth = share.clamp(WARMTH_MIN, 1_000);
        let cost = self.latency.read(now) * f64::from(self.in_flight + 1) * 1_000.0 / warmth as f64;
        View { standing, in_flight: self.in_flight, cost, warmth_per_mille: warmth as u32 }
    }
}
