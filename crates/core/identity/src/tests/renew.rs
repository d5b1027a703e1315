//! When a leaf is renewed.

use super::*;
use crate::renew::renew_at;
use proptest::prelude::*;

#[test]
fn an_hour_is_renewed_at_half_with_jitter() {
    assert_eq!(renew_at(NOW - 60, NOW + 3600, 0), NOW + 1620);
    assert_eq!(renew_at(NOW - 60, NOW + 3600, 180), NOW + 1800);
    assert_eq!(renew_at(NOW - 60, NOW + 3600, 360), NOW + 1980);
    assert_eq!(renew_at(NOW - 60, NOW + 3600, 361), NOW + 1620);
}

#[test]
fn a_leaf_of_seconds_is_not_overdue_when_it_is_issued() {
    assert!(renew_at(NOW - 60, NOW + 4, 0) > NOW);
    assert!(svid(&authority()).renew_at(1) > NOW);
}

proptest! {
    #[test]
    fn renewal_is_always_within_the_life(not_before: u64, life in 0..u64::MAX / 2, random: u64) {
        let not_after = not_before.saturating_add(life);
        let at = renew_at(not_before, not_after, random);
        prop_assert!(not_before <= at && at <= not_after);
    }
}
