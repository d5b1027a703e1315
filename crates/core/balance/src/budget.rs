//! A budget of retries: a share of the requests, so that a service in trouble is not buried under second tries.

/// Retries that may be saved up, in requests: what a burst of failures may spend at once.
const SAVED_MAX: u64 = 100;
/// Retries that there are before a request has come.
const SAVED_FIRST: u64 = 10;
/// A retry costs this; a request earns its share of it.
const RETRY: u64 = 1_000;

/// How many retries are left.
#[derive(Debug, Clone)]
pub struct Budget {
    /// Thousandths of a retry that one request earns.
    earns: u64,
    saved: u64,
}

impl Budget {
    /// A budget of so many retries for a thousand requests; none at all for 0.
    pub fn new(per_mille: u32) -> Budget {
        let saved = if per_mille == 0 { 0 } else { SAVED_FIRST * RETRY };
        Budget { earns: per_mille.into(), saved }
    }

    /// Notes a request, which earns its share of a retry.
    pub fn earn(&mut self) {
        self.saved = (self.saved + self.earns).min(SAVED_MAX * RETRY);
    }

    /// Whether a retry may be made; it is paid for then.
    pub fn spend(&mut self) -> bool {
        let left = self.saved.checked_sub(RETRY);
        self.saved = left.unwrap_or(self.saved);
        left.is_some()
    }
}
