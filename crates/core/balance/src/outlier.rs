//! Passive ejection: an endpoint that fails is left alone for a while, longer each time.

/// When an endpoint is ejected, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutlierLimits {
    /// Failures in a row that eject.
    pub consecutive: u32,
    /// Thousandths of an interval's requests that must succeed…
    pub success_per_mille: u32,
    /// …once there were so many of them.
    pub requests_min: u32,
    /// Milliseconds of such an interval.
    pub interval_ms: u64,
    /// Milliseconds of the first ejection; each further one is twice as long.
    pub ejection_ms: u64,
    /// Milliseconds of the longest.
    pub ejection_max_ms: u64,
    /// Thousandths of a service's endpoints that may be ejected at once.
    pub share_per_mille: u32,
}

impl Default for OutlierLimits {
    fn default() -> OutlierLimits {
        OutlierLimits {
            consecutive: 5,
            success_per_mille: 500,
            requests_min: 20,
            interval_ms: 10_000,
            ejection_ms: 30_000,
            ejection_max_ms: 300_000,
            share_per_mille: 500,
        }
    }
}

/// What is remembered of one endpoint.
#[derive(Debug, Clone, Default)]
pub struct Outlier {
    in_a_row: u32,
    interval_began: u64,
    requests: u32,
    failures: u32,
    /// How often it was ejected without a good interval in between.
    times: u32,
    until: u64,
}

impl Outlier {
    /// Notes an answer. `true`: the endpoint should be ejected, if its service has enough others.
    pub fn note(&mut self, now: u64, failed: bool, limits: &OutlierLimits) -> bool {
        if now.saturating_sub(self.interval_began) >= limits.interval_ms.saturating_mul(super::MS) {
            if self.requests > 0 && self.failures == 0 {
                self.times = self.times.saturating_sub(1);
            }
            (self.interval_began, self.requests, self.failures) = (now, 0, 0);
        }
        self.requests = self.requests.saturating_add(1);
        self.failures = self.failures.saturating_add(u32::from(failed));
        self.in_a_row = if failed { self.in_a_row.saturating_add(1) } else { 0 };
        let succeeded = u64::from(self.requests - self.failures) * 1_000;
        let often = self.requests >= limits.requests_min
            && succeeded < u64::from(self.requests) * u64::from(limits.success_per_mille);
        failed && (self.in_a_row >= limits.consecutive || often)
    }

    /// Ejects it: for `ejection_ms`, twice that the next time, and so on.
    pub fn eject(&mut self, now: u64, limits: &OutlierLimits) {
        let doubled = limits.ejection_ms.saturating_mul(1_u64.checked_shl(self.times.min(32)).unwrap_or(u64::MAX));
        self.times = self.times.saturating_add(1);
        self.until = now.saturating_add(doubled.min(limits.ejection_max_ms).saturating_mul(super::MS));
        (self.in_a_row, self.interval_began, self.requests, self.failures) = (0, self.until, 0, 0);
    }

    /// Whether it is left alone now.
    pub fn is_ejected(&self, now: u64) -> bool {
        now < self.until
    }

    /// When its ejection ends or ended; 0 for one that never was.
    pub fn until(&self) -> u64 {
        self.until
    }

    /// Whether one more of `count` endpoints may be ejected, when `ejected` are.
    pub fn may_eject(count: usize, ejected: usize, limits: &OutlierLimits) -> bool {
        (ejected + 1).saturating_mul(1_000) <= count.saturating_mul(limits.share_per_mille as usize)
    }
}
