//! How limits stand, as fields of an answer (draft-ietf-httpapi-ratelimit-headers; structured fields, RFC 9651).

use crate::limiter::Told;
use selvedge_config::checked::Amount;
use std::fmt::Write;

/// The fields, as names and values.
pub(crate) type ToldFields = Vec<(&'static str, Vec<u8>)>;

/// `RateLimit-Policy` and `RateLimit`; `Retry-After` too where a limit refused (RFC 9110 §10.2.3).
pub(crate) fn fields(told: &[Told]) -> ToldFields {
    let (mut policy, mut standing, mut out) = (String::new(), String::new(), ToldFields::new());
    for one in told {
        // A number at once has no window, and so no place in these fields.
        let quota = match one.amount {
            Amount::Rate(rate) if rate.period_ms() < 1_000 => u64::from(rate.count()) * 1_000 / rate.period_ms(),
            Amount::Rate(rate) => u64::from(rate.count()),
            Amount::Quota(quota) => u64::from(quota.count),
            Amount::Concurrency(_) => continue,
        };
        let comma = if policy.is_empty() { "" } else { ", " };
        let reset_s = one.standing.reset_ms.div_ceil(1_000);
        // INVARIANT: writing to a string does not fail.
        let _ = write!(policy, "{comma}\"{}\";q={quota};w={}", one.name, one.window_s);
        let _ = write!(standing, "{comma}\"{}\";r={};t={reset_s}", one.name, one.standing.remaining);
    }
    if !policy.is_empty() {
        out.push(("ratelimit-policy", policy.into_bytes()));
        out.push(("ratelimit", standing.into_bytes()));
    }
    if let Some(over) = told.iter().find(|one| !one.standing.admitted) {
        let retry_s = over.standing.retry_ms.div_ceil(1_000).max(1);
        out.push(("retry-after", retry_s.to_string().into_bytes()));
    }
    out
}
