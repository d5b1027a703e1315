//! How many at once.

use crate::{Standing, State};

/// How many of one key are under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct InUse {
    count: u32,
}

impl InUse {
    /// Asks for one more, of `most` at once.
    pub fn take(&mut self, most: u32) -> Standing {
        let admitted = self.count < most;
        if admitted {
            self.count += 1;
        }
        let remaining = u64::from(most.saturating_sub(self.count));
        // Nobody knows when one ends: a second is a guess that does no harm.
        Standing { admitted, remaining, reset_ms: 0, retry_ms: if remaining == 0 { 1_000 } else { 0 } }
    }

    /// One has ended.
    pub fn give_back(&mut self) {
        self.count = self.count.saturating_sub(1);
    }
}

impl State for InUse {
    fn is_idle(&self, _now: u64) -> bool {
        self.count == 0
    }
}
