//! When a leaf is renewed: at half of its life, spread so that a fleet does not ask at once.

/// Seconds that our leaves are dated back, so that a peer whose clock is behind accepts a new one.
pub(crate) const SKEW_S: u64 = 60;

/// Half of the life ± 10 % of that half. The seconds dated back were never lived, so they do not count: a leaf of ten
/// seconds would otherwise be overdue when it is issued. A life within that span was not dated back by us.
pub(crate) fn renew_at(not_before: u64, not_after: u64, random: u64) -> u64 {
    let life = not_after.saturating_sub(not_before);
    let start = if life > SKEW_S { not_before.saturating_add(SKEW_S) } else { not_before };
    let half = not_after.saturating_sub(start) / 2;
    let spread = half / 10;
    let jitter = random.checked_rem(spread.saturating_mul(2).saturating_add(1)).unwrap_or_default();
    start.saturating_add(half).saturating_sub(spread).saturating_add(jitter)
}
