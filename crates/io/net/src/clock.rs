//! The real clock. Everything in `core` takes the time as an argument; this is where it comes from.

use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970. A clock before 1970 reads as 0, at which no certificate or token is valid.
pub fn now_s() -> u64 {
    now_ms() / 1000
}

/// Milliseconds since 1970; 0 before it.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
