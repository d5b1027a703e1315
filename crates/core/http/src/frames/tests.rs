//! Floods are seen however they are cut into pieces, and decent traffic is let be.

use super::{ALLOWANCES, Flood, Frames};
use proptest::prelude::*;

fn frame(kind: u8, flags: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, 1], payload].concat()
}

/// One frame of each kind of flood.
fn cheap(flood: Flood) -> Vec<u8> {
    match flood {
        Flood::Resets => frame(3, 0, &[0, 0, 0, 8]),
        Flood::Settings => frame(4, 0, &[]),
        Flood::Pings => frame(6, 0, &[0; 8]),
        Flood::EmptyData => frame(0, 0, &[]),
        Flood::Priorities => frame(2, 0, &[0; 5]),
        Flood::Updates => frame(8, 0, &[0, 0, 0, 1]),
        Flood::Continuations => frame(9, 0, &[]),
    }
}

#[test]
fn each_kind_has_its_allowance_and_not_one_more_and_gets_it_back_with_time() {
    for (flood, allowance) in ALLOWANCES {
        let mut frames = Frames::of_server(0);
        for number in 0..allowance.burst {
            assert_eq!(frames.follow(&cheap(flood), 0), Ok(()), "{flood:?} {number}");
        }
        // After an error there is nothing more to follow: a copy meets it.
        assert_eq!(frames.clone().follow(&cheap(flood), 0), Err(flood));
        for _ in 0..allowance.per_second {
            assert_eq!(frames.follow(&cheap(flood), 1_000), Ok(()), "{flood:?}");
        }
        assert_eq!(frames.follow(&cheap(flood), 1_000), Err(flood));
    }
}

#[test]
fn what_a_decent_client_sends_without_end_is_let_be() {
    let mut frames = Frames::of_client(0);
    frames.follow(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 0).unwrap();
    for number in 0..10_000 {
        for bytes in [frame(1, 5, b"head"), frame(0, 0, &[7; 900]), frame(0, 1, &[]), frame(8, 0, &[0, 0, 64, 0])] {
            frames.follow(&bytes, number).unwrap();
        }
        // Acknowledgements are answers to ours.
        frames.follow(&[frame(4, 1, &[]), frame(6, 1, &[0; 8])].concat(), number).unwrap();
    }
}

#[test]
fn frames_inside_a_payload_are_data() {
    let mut frames = Frames::of_server(0);
    let inside = cheap(Flood::Settings).repeat(1_000);
    frames.follow(&frame(0, 0, &inside), 0).unwrap();
    assert_eq!(frames.follow(&inside, 0), Err(Flood::Settings));
}

proptest! {
    #[test]
    fn how_it_is_cut_changes_nothing(
        kinds in prop::collection::vec((0_u8..12, any::<u8>(), prop::collection::vec(any::<u8>(), 0..20)), 0..400),
        size in 1_usize..50,
    ) {
        let bytes: Vec<u8> = kinds.iter().flat_map(|(kind, flags, payload)| frame(*kind, *flags, payload)).collect();
        let whole = Frames::of_server(0).follow(&bytes, 0);
        let mut cut = Frames::of_server(0);
        let pieces = bytes.chunks(size).try_for_each(|piece| cut.follow(piece, 0));
        prop_assert_eq!(whole, pieces);
    }
}
