//! Active checks: an endpoint is down after some failures in a row, and up again after some successes.

/// How many checks in a row change the verdict.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Thresholds {
    /// Failures that make it down.
    pub unhealthy: u32,
    /// Successes that make it up again.
    pub healthy: u32,
}

/// What checks have said of one endpoint. It is up until they say otherwise.
#[derive(Debug, Clone, Copy, Default)]
pub struct Health {
    is_down: bool,
    /// Checks in a row that speak against the verdict.
    against: u32,
}

impl Health {
    /// Notes a check. Whether the endpoint is down now.
    pub fn note(&mut self, passed: bool, thresholds: &Thresholds) -> bool {
        self.against = if passed == self.is_down { self.against.saturating_add(1) } else { 0 };
        let needed = if self.is_down { thresholds.healthy } else { thresholds.unhealthy };
        if self.against >= needed {
            (self.is_down, self.against) = (!self.is_down, 0);
        }
        self.is_down
    }
}
