use super::*;

/// A HEADERS frame of stream 1 with this block.
fn headers(flags: u8, payload: &[u8]) -> Vec<u8> {
    let [_, a, b, c] = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[a, b, c, HEADERS, flags, 0, 0, 0, 1], payload].concat()
}

fn fed(pieces: impl Iterator<Item = Vec<u8>>) -> Vec<u8> {
    let (mut rewriter, mut out) = (Rewriter::new(), BytesMut::new());
    pieces.for_each(|piece| rewriter.feed(&piece, &mut out));
    out.to_vec()
}

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

#[test]
fn an_authority_is_replaced_wherever_the_pieces_end() {
    // `:method: POST`, a literal path, the authority with a new index, a literal field with a literal name.
    let block = |authority: &[u8]| {
        [&[0x83, 0x04, 0x02, b'/', b'x', 0x41][..], authority, &[0x00, 0x01, b'a', 0x01, b'b']].concat()
    };
    let stream = [PREFACE, SETTINGS, &headers(END_HEADERS, &block(b"\x07tmp%2Fx")), SETTINGS].concat();
    let expected = [PREFACE, SETTINGS, &headers(END_HEADERS, &block(b"\x01w")), SETTINGS].concat();
    for size in [1, 2, 7, 9, 33, stream.len()] {
        assert_eq!(fed(stream.chunks(size).map(<[u8]>::to_vec)), expected, "{size}");
    }
}

#[test]
fn a_name_that_is_written_out_is_known_too() {
    let block = |authority: &[u8]| [&[0x83, 0x40][..], NAME, authority, &[0x86]].concat();
    let stream = [PREFACE, &headers(END_HEADERS, &block(b"\x07tmp%2Fx"))].concat();
    assert_eq!(fed([stream].into_iter()), [PREFACE, &headers(END_HEADERS, &block(b"\x01w"))].concat());
}

#[test]
fn padding_and_priority_stay_in_their_places() {
    let payload = |authority: &[u8]| [&[2, 0, 0, 0, 0, 16, 0x11][..], authority, &[0, 0]].concat();
    let flags = END_HEADERS | PADDED | PRIORITY;
    let stream = [PREFACE, &headers(flags, &payload(b"\x83abc"))].concat();
    assert_eq!(fed([stream].into_iter()), [PREFACE, &headers(flags, &payload(b"\x01w"))].concat());
}

#[test]
fn what_is_not_understood_is_passed_on_as_it_came() {
    for frame in [
        headers(END_HEADERS, &[0x41, 0x00]),
        headers(END_HEADERS, &[0x41, 0x7f]),
        headers(END_HEADERS, &[0x41, 0x09, b'x']),
        headers(END_HEADERS, &[0xff, 0xff, 0xff, 0xff, 0xff]),
        headers(0, &[0x41, 0x02, b'%', b'%']),
        headers(END_HEADERS | PADDED, &[0xff, 0x41, 0x02, b'%', b'%']),
        headers(END_HEADERS | PADDED, &[]),
        headers(END_HEADERS | PRIORITY, &[0, 0]),
        headers(END_HEADERS, &[]),
    ] {
        let stream = [PREFACE, &frame, SETTINGS].concat();
        assert_eq!(fed([stream.clone()].into_iter()), stream, "{frame:?}");
    }
}
