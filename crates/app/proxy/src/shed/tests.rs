//! Who is let in, who is not, and that room is given back.

use super::Gate;
use std::sync::Arc;

#[test]
fn a_client_has_so_many_connections_and_others_have_theirs() {
    let gate = Arc::new(Gate::new(1_000));
    let of = |text: &str| Some((text.parse().unwrap(), 2));
    let held: Vec<_> = [of("192.0.2.1"), of("192.0.2.1")].into_iter().map(|who| gate.admit(who)).collect();
    assert!(held.iter().all(Option::is_some));
    assert!(gate.admit(of("192.0.2.1")).is_none() && gate.admit(of("::ffff:192.0.2.1")).is_none());
    assert!(gate.admit(of("192.0.2.2")).is_some() && gate.admit(None).is_some());
    drop(held);
    assert!(gate.admit(of("192.0.2.1")).is_some());
    assert!(gate.clients.iter().all(|clients| clients.lock().unwrap().is_empty()), "an address is kept for ever");
}

#[test]
fn addresses_of_one_network_of_ipv6_are_one_client() {
    let gate = Arc::new(Gate::new(1_000));
    let _held = gate.admit(Some(("2001:db8::1".parse().unwrap(), 1))).unwrap();
    assert!(gate.admit(Some(("2001:db8::ffff:2".parse().unwrap(), 1))).is_none());
    assert!(gate.admit(Some(("2001:db8:0:1::1".parse().unwrap(), 1))).is_some());
}

#[test]
fn a_part_of_the_descriptors_is_left_for_upstreams() {
    let gate = Arc::new(Gate::new(100));
    let held: Vec<_> = (0..60).map(|_| gate.admit(None).unwrap()).collect();
    assert!(gate.admit(None).is_none());
    drop(held);
    assert!(gate.admit(None).is_some());
}

#[test]
fn short_of_memory_nobody_is_let_in_until_there_is_more() {
    let gate = Arc::new(Gate::new(1_000));
    for (used, taken) in [(84_000, true), (86_000, false), (80_000, false), (74_000, true), (80_000, true)] {
        gate.look_at_memory(used, 100_000);
        assert_eq!(gate.admit(None).is_some(), taken, "{used}");
    }
}
