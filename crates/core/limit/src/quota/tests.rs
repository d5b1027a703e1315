//! Windows against a plain calendar, and that a quota is never exceeded.

use super::*;
use proptest::prelude::*;

const OCTOBER_31: u64 = 1_793_404_800; // 2026-10-31T00:00:00Z

/// Walks from 1970, day by day.
fn walked(days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut month, mut day) = (1970, 1, 1);
    for _ in 0..days {
        let length = match month {
            2 if leap(year) => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        };
        day += 1;
        if day > length {
            (month, day) = (month + 1, 1);
        }
        if month > 12 {
            (year, month) = (year + 1, 1);
        }
    }
    (year, month, day)
}

#[test]
fn a_day_ends_at_midnight_and_a_month_on_the_first() {
    assert_eq!(date(OCTOBER_31 / DAY_S), (2026, 10, 31));
    assert_eq!(Window::Day.left_s(OCTOBER_31 + 10), DAY_S - 10);
    assert_eq!(Window::Month.left_s(OCTOBER_31 + 10), DAY_S - 10);
    assert_eq!(Window::Month.left_s(OCTOBER_31 + DAY_S), 30 * DAY_S);
    assert_eq!(Window::Month.length_s(OCTOBER_31 + 10), 31 * DAY_S);
}

#[test]
fn a_quota_is_whole_again_in_the_next_window_and_not_before() {
    let quota = Quota { count: 2, window: Window::Day };
    let mut used = Used::default();
    let taken = |used: &mut Used, now| used.take(&quota, now).admitted;
    assert!(taken(&mut used, OCTOBER_31) && taken(&mut used, OCTOBER_31));
    let over = used.take(&quota, OCTOBER_31 + DAY_S - 1);
    assert_eq!((over.admitted, over.remaining, over.retry_ms), (false, 0, 1_000));
    assert!(!used.is_idle(OCTOBER_31 + DAY_S - 1));
    assert!(used.is_idle(OCTOBER_31 + DAY_S));
    assert!(taken(&mut used, OCTOBER_31 + DAY_S));
}

#[test]
fn a_day_is_never_taken_for_a_month() {
    let month = Quota { count: 1, window: Window::Month };
    let mut used = Used::default();
    assert!(used.take(&month, OCTOBER_31).admitted);
    assert!(!used.take(&month, OCTOBER_31).admitted);
    assert!(!used.is_idle(OCTOBER_31));
    assert_eq!(Used::from_bits(used.to_bits()), used);
}

proptest! {
    #[test]
    fn dates_are_those_of_a_plain_calendar(days in 0_u64..60_000) {
        prop_assert_eq!(date(days), walked(days));
        let (now, month) = (days * DAY_S + 77, walked(days).1);
        let end = (now + Window::Month.left_s(now)) / DAY_S;
        prop_assert_ne!(walked(end).1, month);
        prop_assert_eq!(walked(end).2, 1);
        prop_assert_eq!(walked(end - 1).1, month);
    }
}
