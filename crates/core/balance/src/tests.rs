//! What choosing, ejecting and retrying must hold, for any history.

use crate::{
    Balancer, Budget, Concurrency, Ended, Health, How, MS, Node, Outlier, OutlierLimits, Ring, Standing, Strain,
    Thresholds, View, draw, hash,
};
use proptest::prelude::*;

const SECOND: u64 = 1_000 * MS;

fn ready(cost: f64) -> View {
    View { standing: Standing::Ready, in_flight: 0, cost, warmth_per_mille: 1_000 }
}

fn names(count: usize) -> Vec<u64> {
    (0..count).map(|index| hash(format!("10.0.0.{index}:8080").as_bytes())).collect()
}

fn any_how() -> impl Strategy<Value = How> {
    prop_oneof![Just(How::LeastLatency), Just(How::RoundRobin), any::<u64>().prop_map(How::Hash)]
}

proptest! {
    #[test]
    fn what_is_down_or_tried_is_never_chosen_and_what_is_ready_is_found(
        standings in prop::collection::vec(prop_oneof![Just(Standing::Ready), Just(Standing::Doubtful), Just(Standing::Down)], 0..40),
        near in 0_usize..40, how in any_how(), seed: u64, tried in prop::collection::vec(0_usize..40, 0..3),
    ) {
        let view = |index: usize| View { standing: standings[index], ..ready(1.0) };
        let mut balancer = Balancer::new(near, standings.len(), Ring::new(&names(standings.len())));
        let chosen = balancer.choose(how, &view, &tried, (0, seed));
        let of = |wanted: Standing| {
            let standings = standings.clone();
            (0..standings.len()).any(|i| !tried.contains(&i) && standings[i] == wanted)
        };
        match chosen {
            None => prop_assert!(!of(Standing::Ready) && !of(Standing::Doubtful)),
            Some(index) => {
                prop_assert!(!tried.contains(&index));
                let expected = if of(Standing::Ready) { Standing::Ready } else { Standing::Doubtful };
                prop_assert_eq!(standings[index], expected);
            }
        }
    }

    #[test]
    fn retries_stay_within_their_share_of_the_requests(history in prop::collection::vec(any::<bool>(), 0..5_000)) {
        let (mut budget, mut requests, mut retries) = (Budget::new(200), 0_u64, 0_u64);
        for fails in history {
            requests += 1;
            budget.earn();
            while fails && budget.spend() {
                retries += 1;
            }
            prop_assert!(retries * 5 <= requests + 50, "{retries} of {requests}");
        }
    }

    #[test]
    fn a_key_keeps_its_endpoint_when_another_goes(key: u64, count in 2_usize..30, gone in 0_usize..30) {
        let gone = gone % count;
        let mut balancer = Balancer::new(count, count, Ring::new(&names(count)));
        let before = balancer.choose(How::Hash(key), &|_| ready(1.0), &[], (0, 1)).unwrap();
        let view = |index: usize| View { standing: if index == gone { Standing::Down } else { Standing::Ready }, ..ready(1.0) };
        let after = balancer.choose(How::Hash(key), &view, &[], (0, 2)).unwrap();
        prop_assert!(after == before || before == gone);
    }

    #[test]
    fn a_limit_stays_between_its_bounds_whatever_happens(
        max in 1_u32..2_000, history in prop::collection::vec((any::<bool>(), 0_u64..SECOND), 0..500),
    ) {
        let (mut limit, mut now) = (Concurrency::new(max), 0);
        for (strained, later) in history {
            now += later;
            let before = limit.in_flight();
            if limit.begin() {
                limit.end(now, if strained { Strain::Overloaded } else { Strain::None });
            }
            prop_assert_eq!(limit.in_flight(), before);
            prop_assert!(limit.limit() <= max && limit.limit() >= 16.min(max));
        }
    }

    #[test]
    fn an_ejection_ends_and_never_lasts_longer_than_the_longest(history in prop::collection::vec((any::<bool>(), 0_u64..60 * SECOND), 0..300)) {
        let limits = OutlierLimits::default();
        let (mut outlier, mut now) = (Outlier::default(), 0);
        for (failed, later) in history {
            now += later;
            if outlier.note(now, failed, &limits) {
                outlier.eject(now, &limits);
            }
            prop_assert!(outlier.until() <= now + limits.ejection_max_ms * MS);
        }
        prop_assert!(!outlier.is_ejected(now + limits.ejection_max_ms * MS));
    }
}

#[test]
fn the_slow_one_of_three_gets_the_least() {
    let mut counts = [0_u32; 3];
    let mut balancer = Balancer::new(3, 3, Ring::default());
    let mut nodes = [Node::new(0), Node::new(0), Node::new(0)];
    let limits = OutlierLimits::default();
    let mut seed = 7;
    for step in 0..3_000_u64 {
        let now = step * MS;
        let view = |index: usize| nodes[index].view(now, false, 0);
        let chosen = balancer.choose(How::LeastLatency, &view, &[], (now, draw(&mut seed))).unwrap();
        counts[chosen] += 1;
        nodes[chosen].begin();
        nodes[chosen].end(now, Ended::Answered(if chosen == 1 { 50 * MS } else { MS }), &limits);
    }
    assert!(counts[1] * 10 < counts[0] && counts[1] * 10 < counts[2], "{counts:?}");
}

#[test]
fn in_turn_gives_each_the_same_and_a_key_spreads_over_all() {
    let mut balancer = Balancer::new(4, 4, Ring::new(&names(4)));
    let mut counts = [[0_u32; 4]; 2];
    for step in 0..4_000 {
        counts[0][balancer.choose(How::RoundRobin, &|_| ready(1.0), &[], (0, step)).unwrap()] += 1;
        counts[1][balancer.choose(How::Hash(hash(&step.to_be_bytes())), &|_| ready(1.0), &[], (0, step)).unwrap()] += 1;
    }
    assert_eq!(counts[0], [1_000; 4]);
    assert!(counts[1].iter().all(|count| (700..1_300).contains(count)), "{counts:?}");
}

#[test]
fn a_key_moves_on_from_an_endpoint_that_has_more_than_its_load() {
    let mut balancer = Balancer::new(3, 3, Ring::new(&names(3)));
    let own = balancer.choose(How::Hash(5), &|_| ready(1.0), &[], (0, 1)).unwrap();
    let view = |index: usize| View { in_flight: if index == own { 100 } else { 1 }, ..ready(1.0) };
    assert_ne!(balancer.choose(How::Hash(5), &view, &[], (0, 1)).unwrap(), own);
}

#[test]
fn requests_stay_in_their_zone_while_most_of_it_is_up_and_spill_over_in_part() {
    let near_share = |down: usize| {
        let mut balancer = Balancer::new(4, 8, Ring::default());
        let view =
            |index: usize| View { standing: if index < down { Standing::Down } else { Standing::Ready }, ..ready(1.0) };
        (0..4_000).filter(|seed| balancer.choose(How::LeastLatency, &view, &[], (0, *seed)).unwrap() < 4).count()
    };
    assert_eq!((near_share(0), near_share(1)), (4_000, 4_000));
    assert!((2_400..3_200).contains(&near_share(2)), "{}", near_share(2));
    assert!((1_000..1_800).contains(&near_share(3)), "{}", near_share(3));
    assert_eq!(near_share(4), 0);
}

#[test]
fn five_failures_in_a_row_eject_and_each_time_for_longer() {
    let limits = OutlierLimits::default();
    let mut node = Node::new(0);
    let mut now = 0;
    for seconds in [30, 60, 120, 240, 300, 300] {
        let verdicts: Vec<bool> = (0..5)
            .map(|_| {
                node.begin();
                node.end(now, Ended::Failed(MS), &limits)
            })
            .collect();
        assert_eq!(verdicts, [false, false, false, false, true]);
        node.eject(now, &limits);
        assert!(node.is_ejected(now + seconds * SECOND - 1) && !node.is_ejected(now + seconds * SECOND));
        now += seconds * SECOND;
    }
}

#[test]
fn one_endpoint_alone_is_never_ejected_and_of_three_one() {
    let limits = OutlierLimits::default();
    assert!(!Outlier::may_eject(1, 0, &limits));
    assert!(Outlier::may_eject(2, 0, &limits) && !Outlier::may_eject(2, 1, &limits));
    assert!(Outlier::may_eject(3, 0, &limits) && !Outlier::may_eject(3, 1, &limits));
}

#[test]
fn an_endpoint_that_comes_back_starts_with_a_tenth_of_its_share() {
    let mut node = Node::new(0);
    node.back(100 * SECOND);
    let warmth = |at: u64| node.view(at * SECOND, false, 10_000).warmth_per_mille;
    assert_eq!((warmth(100), warmth(105), warmth(110), warmth(200)), (100, 500, 1_000, 1_000));
    let costly = node.view(100 * SECOND, false, 10_000).cost;
    assert!(costly > 5.0 * node.view(110 * SECOND, false, 10_000).cost);
}

#[test]
fn a_failed_connection_is_a_reason_for_a_moment_alone() {
    let mut node = Node::new(0);
    node.connected(0, false);
    assert_eq!(node.view(0, false, 0).standing, Standing::Doubtful);
    assert_eq!(node.view(SECOND, false, 0).standing, Standing::Ready);
    assert_eq!(node.view(SECOND, true, 0).standing, Standing::Down);
}

#[test]
fn checks_change_their_verdict_after_some_in_a_row() {
    let thresholds = Thresholds { unhealthy: 3, healthy: 2 };
    let mut health = Health::default();
    let down: Vec<bool> = [false, false, true, false, false, false, true, false, true, true]
        .map(|passed| health.note(passed, &thresholds))
        .into();
    assert_eq!(down, [false, false, false, false, false, true, true, true, true, false]);
}

#[test]
fn a_limit_falls_under_strain_and_comes_back() {
    let mut limit = Concurrency::new(1_000);
    for spell in 0..100 {
        assert!(limit.begin());
        limit.end(spell * SECOND, Strain::Overloaded);
    }
    assert_eq!(limit.limit(), 16);
    let under_way: usize = (0..20).filter(|_| limit.begin()).count();
    assert_eq!(under_way, 16, "what is over the limit is not sent");
    for round in 0..20_000_u64 {
        limit.end(200 * SECOND + round, Strain::None);
        while limit.begin() {}
    }
    assert!(limit.limit() > 100, "{}", limit.limit());
}
