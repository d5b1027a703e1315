//! The rate against a plain reference, and its bounds.

use super::*;
use proptest::prelude::*;

fn rate(count: u32, period_ms: u64, burst: u32) -> Rate {
    Rate::new(count, period_ms, burst).unwrap()
}

/// A bucket of exact fractions: tokens in units of one part in `period_ms * 10^6`.
struct Bucket {
    parts: u128,
    at_ns: u64,
}

impl Bucket {
    fn full(rate: &Rate) -> Bucket {
        Bucket { parts: u128::from(rate.burst()) * Bucket::whole(rate), at_ns: 0 }
    }

    fn whole(rate: &Rate) -> u128 {
        u128::from(rate.period_ms()) * 1_000_000
    }

    fn take(&mut self, rate: &Rate, now_ns: u64) -> bool {
        let gained = u128::from(now_ns - self.at_ns) * u128::from(rate.count());
        let most = u128::from(rate.burst()) * Bucket::whole(rate);
        (self.parts, self.at_ns) = (most.min(self.parts + gained), now_ns);
        let enough = self.parts >= Bucket::whole(rate);
        if enough {
            self.parts -= Bucket::whole(rate);
        }
        enough
    }
}

#[test]
fn a_burst_is_let_through_at_once_and_then_one_an_interval() {
    let (rate, mut state) = (rate(10, 1_000, 3), Gcra::default());
    let second = 1_000_000_000;
    let taken: Vec<bool> = (0..5).map(|_| state.take(&rate, second).admitted).collect();
    assert_eq!(taken, [true, true, true, false, false]);
    let over = state.take(&rate, second);
    assert_eq!((over.remaining, over.retry_ms, over.reset_ms), (0, 100, 300));
    assert!(!state.take(&rate, second + 99_999_999).admitted);
    assert!(state.take(&rate, second + 100_000_000).admitted);
    assert!(!state.take(&rate, second + 100_000_000).admitted);
}

#[test]
fn what_is_given_back_can_be_taken_again() {
    let (rate, mut state) = (rate(1, 1_000, 1), Gcra::default());
    assert!(state.take(&rate, 5).admitted);
    assert!(!state.take(&rate, 5).admitted);
    state.give_back(&rate);
    assert!(state.take(&rate, 5).admitted);
}

#[test]
fn numbers_that_cannot_be_counted_are_no_rate() {
    for (count, period_ms, burst, error) in [
        (0, 1_000, 1, RateError::Zero),
        (1, 0, 1, RateError::Zero),
        (1, 1_000, 0, RateError::Zero),
        (2_000_000, 1_000, 1, RateError::TooFast),
        (1, 86_400_000, 32, RateError::TooSlow),
        (1, u64::MAX, 1, RateError::TooSlow),
        (1, 86_400_000, u32::MAX, RateError::TooSlow),
    ] {
        assert_eq!(Rate::new(count, period_ms, burst), Err(error), "{count} {period_ms} {burst}");
    }
}

proptest! {
    /// Never more than an exact bucket of tokens, and no less but for the rounding of the interval.
    #[test]
    fn it_lets_through_what_a_bucket_of_tokens_would(
        (count, period_ms, burst) in (1_u32..2_000, prop::sample::select(vec![1_000_u64, 60_000]), 1_u32..50),
        steps in prop::collection::vec(0_u64..200_000_000, 1..400),
    ) {
        let rate = rate(count, period_ms, burst);
        let (mut state, mut bucket) = (Gcra::default(), Bucket::full(&rate));
        let (mut now, mut ours, mut theirs) = (0, 0_u64, 0_u64);
        for step in steps {
            now += step;
            ours += u64::from(state.take(&rate, now).admitted);
            theirs += u64::from(bucket.take(&rate, now));
            prop_assert!(ours <= theirs, "{ours} > {theirs}");
            prop_assert!(theirs <= ours + 1, "{theirs} > {ours} + 1");
        }
    }

    /// `remaining` and `retry_ms` tell the truth.
    #[test]
    fn the_standing_says_what_would_be_let_through(
        (count, burst) in (1_u32..1_000, 1_u32..20),
        steps in prop::collection::vec(0_u64..20_000_000, 1..60),
    ) {
        let rate = rate(count, 1_000, burst);
        let (mut state, mut now) = (Gcra::default(), 1);
        for step in steps {
            now += step;
            let standing = state.take(&rate, now);
            let mut ahead = state;
            let more = (0..=u64::from(burst)).take_while(|_| ahead.take(&rate, now).admitted).count() as u64;
            prop_assert_eq!(standing.remaining, more);
            prop_assert!(state.clone().take(&rate, now + standing.retry_ms * 1_000_000).admitted);
            prop_assert!(state.is_idle(now + standing.reset_ms * 1_000_000));
        }
    }
}
