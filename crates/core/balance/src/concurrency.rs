//! How many requests a service is given at once: fewer when it shows strain, slowly more again (AIMD).

/// The least that a limit falls to: with fewer, a service that recovers would not show it.
const LIMIT_MIN: f64 = 16.0;
/// What is left of the limit after a sign of strain.
const BACKS_OFF: f64 = 0.9;
/// After a sign of strain, further ones count again after so many microseconds: one spell of trouble is one sign.
const ONE_SPELL_US: u64 = 100_000;

/// What an answer says of the load.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strain {
    /// It came in time.
    None,
    /// It did not come in time, or the service said that it has too much to do.
    Overloaded,
}

/// A limit on the requests of one service that are under way.
#[derive(Debug, Clone)]
pub struct Concurrency {
    limit: f64,
    limit_max: f64,
    in_flight: u32,
    strained_at: Option<u64>,
}

impl Concurrency {
    /// A limit that begins at its highest value.
    pub fn new(limit_max: u32) -> Concurrency {
        let limit_max = f64::from(limit_max.max(1));
        Concurrency { limit: limit_max, limit_max, in_flight: 0, strained_at: None }
    }

    /// Whether one more request may be sent; it is counted then.
    pub fn begin(&mut self) -> bool {
        let has_room = f64::from(self.in_flight) < self.limit;
        self.in_flight += u32::from(has_room);
        has_room
    }

    /// Notes how a request that was counted ended.
    pub fn end(&mut self, now: u64, strain: Strain) {
        self.in_flight = self.in_flight.saturating_sub(1);
        match strain {
            // About one more for each round of requests, as long as the limit is what holds them back.
            Strain::None if f64::from(self.in_flight + 1) * 2.0 >= self.limit => {
                self.limit = (self.limit + 1.0 / self.limit).min(self.limit_max);
            }
            Strain::None => {}
            Strain::Overloaded => {
                if self.strained_at.is_none_or(|at| now.saturating_sub(at) >= ONE_SPELL_US) {
                    // From what was really under way: a limit far above that would take long to come down to matter.
                    let from = self.limit.min(f64::from(self.in_flight + 1) * 2.0);
                    self.limit = (from * BACKS_OFF).max(LIMIT_MIN.min(self.limit_max));
                    self.strained_at = Some(now);
                }
            }
        }
    }

    /// The limit at the moment, in requests.
    pub fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// Requests that are under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight
    }
}
