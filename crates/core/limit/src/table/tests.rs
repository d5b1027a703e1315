//! That the table forgets nothing that counts, and lets nobody through without a count.

use crate::{Gcra, InUse, Key, Keys, Place, Rate, Table};
use proptest::prelude::*;
use std::collections::HashMap;

const SECOND: u64 = 1_000_000_000;

fn keys() -> Keys {
    Keys::new([1, 2, 3, 4])
}

fn key(text: &str) -> Key {
    keys().key([text.as_bytes()])
}

#[test]
fn a_flood_of_keys_costs_no_more_than_the_table_and_evicts_no_key_in_use() {
    let (table, rate, keys) = (Table::<Gcra>::new(1024), Rate::new(1, 1_000, 3).unwrap(), keys());
    let bytes = table.bytes();
    assert!(bytes <= 1024 * 18);
    let honest: Vec<Key> = (0..100).map(|i| key(&format!("honest {i}"))).collect();
    for key in &honest {
        assert!(table.with(*key, SECOND, |state| state.take(&rate, SECOND)).1.admitted);
    }
    let through = (0..200_000_u32).filter(|i| {
        let (_, taken) = table.with(keys.key([i.to_be_bytes().as_slice()]), SECOND, |s| s.take(&rate, SECOND));
        taken.admitted
    });
    // Each place lets its key through, and each set's overflow one burst in all.
    assert!(through.count() <= table.capacity() + table.capacity() / 8 * 3);
    assert_eq!(table.bytes(), bytes);
    for key in &honest {
        let taken = table.with(*key, SECOND, |state| state.take(&rate, SECOND));
        assert_eq!((taken.0, taken.1.admitted, taken.1.remaining), (Place::Own, true, 1));
    }
    // What is over is over: the places are free again.
    let later = 10 * SECOND;
    assert_eq!(table.with(key("new"), later, |state| state.take(&rate, later)).0, Place::Own);
}

#[test]
fn what_is_under_way_is_given_back_where_it_was_taken() {
    let table = Table::<InUse>::new(8);
    let places: Vec<Place> = (0..10).map(|i| table.with(key(&i.to_string()), 0, |s| s.take(1)).0).collect();
    assert_eq!(places.iter().filter(|place| **place == Place::Overflow).count(), 2);
    // The overflow is one key's worth.
    assert!(!table.with(key("late"), 0, |s| s.take(1)).1.admitted);
    let late = places.iter().position(|place| *place == Place::Overflow).unwrap();
    table.again(key(&late.to_string()), Place::Overflow, InUse::give_back);
    assert!(table.with(key("late"), 0, |s| s.take(1)).1.admitted);
    table.again(key("0"), Place::Own, InUse::give_back);
    assert_eq!(table.with(key("later"), 0, |s| s.take(1)).0, Place::Own);
}

#[test]
fn parts_of_keys_are_told_apart() {
    let keys = keys();
    let two = |a: &str, b: &str| (keys.key([a.as_bytes(), b.as_bytes()]), keys.lasting([a.as_bytes(), b.as_bytes()]));
    let one = |a: &str| (keys.key([a.as_bytes()]), keys.lasting([a.as_bytes()]));
    assert_ne!(two("a", "b").0, two("ab", "").0);
    assert_ne!(two("a", "b").1, two("ab", "").1);
    assert_ne!(one("ab").0, two("a", "b").0);
    assert_ne!(one("a").1, Keys::new([1, 2, 3, 5]).lasting([b"a".as_slice()]));
}

#[test]
fn what_was_kept_counts_again() {
    let (table, rate) = (Table::<Gcra>::new(64), Rate::new(1, 60_000, 1).unwrap());
    assert!(table.with(key("a"), SECOND, |state| state.take(&rate, SECOND)).1.admitted);
    let (again, mut kept) = (Table::<Gcra>::new(64), Vec::new());
    table.active(SECOND, |key, state| kept.push((key, state)));
    assert_eq!(kept.len(), 1);
    kept.into_iter().for_each(|(key, state)| again.restore(key, SECOND, state));
    assert!(!again.with(key("a"), SECOND, |state| state.take(&rate, SECOND)).1.admitted);
}

#[test]
fn workers_together_let_through_no_more_than_one_would() {
    let (table, rate) = (Table::<Gcra>::new(64), Rate::new(1, 1_000_000, 1_000).unwrap());
    let through: usize = std::thread::scope(|scope| {
        let work = || (0..1_000).filter(|_| table.with(key("k"), SECOND, |s| s.take(&rate, SECOND)).1.admitted).count();
        let workers: Vec<_> = (0..4).map(|_| scope.spawn(work)).collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).sum()
    });
    assert_eq!(through, 1_000);
}

proptest! {
    /// A key never gets more from a small, crowded table than it would get alone, but for one burst of the overflow.
    #[test]
    fn no_key_gets_more_than_twice_its_burst_and_its_rate(
        asks in prop::collection::vec((0_u8..40, 0_u64..50_000_000), 1..1_500),
    ) {
        let (table, rate, keys) = (Table::<Gcra>::new(8), Rate::new(20, 1_000, 4).unwrap(), keys());
        let (mut now, mut own, mut shared) = (SECOND, HashMap::<u8, u64>::new(), 0_u64);
        for (who, step) in asks {
            now += step;
            match table.with(keys.key([[who].as_slice()]), now, |state| state.take(&rate, now)) {
                (Place::Own, taken) => *own.entry(who).or_default() += u64::from(taken.admitted),
                (Place::Overflow, taken) => shared += u64::from(taken.admitted),
            }
        }
        let most = 4 + (now - SECOND) / 50_000_000 + 1;
        prop_assert!(own.values().all(|count| *count <= most), "{own:?} > {most}");
        prop_assert!(shared <= most, "{shared} > {most}");
    }
}
