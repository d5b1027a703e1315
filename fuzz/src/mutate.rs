//! New inputs from old ones.

use crate::random::Random;

/// Bytes of an input; more is slow and finds no more.
const INPUT_BYTES_MAX: usize = 64 * 1024;
/// Changes to one input.
const CHANGES_MAX: usize = 6;

/// Pieces that parsers treat in their own way.
const PIECES: &[&str] = &[
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    " ",
    "\t",
    "\0",
    "\x0b",
    "\x0c",
    "\x7f",
    "\u{e9}",
    ":",
    ": ",
    ";",
    ",",
    ".",
    "..",
    "/",
    "//",
    "/../",
    "/./",
    "\\",
    "%",
    "%2e",
    "%2F",
    "%5c",
    "%00",
    "%25",
    "%zz",
    "%c3%a9",
    "?",
    "#",
    "@",
    "*",
    "*.",
    "**",
    "{a}",
    "[::1]",
    "0",
    "-1",
    "+1",
    "0x10",
    "ffffffffffffffff",
    "18446744073709551616",
    "HTTP/1.1",
    "HTTP/1.0",
    "Host: a.example\r\n",
    "Content-Length: 5\r\n",
    "Transfer-Encoding: chunked\r\n",
    "Connection: close\r\n",
    "chunked",
    "\"",
    "'",
    "\n- ",
    "\n  ",
    ": &a ",
    ": *a",
    "<<: *a",
    "|\n",
    ">\n",
    "~",
    "null",
    "true",
    "---\n",
    "[",
    "]",
    "{",
    "}",
    "spiffe://",
    "alg",
    "none",
    "kid",
    "exp",
    "1e999",
];

/// Changes a copy of one input, sometimes with a part of another.
pub(crate) fn mutate(inputs: &[Vec<u8>], random: &mut Random) -> Vec<u8> {
    let mut data = random.one_of(inputs).cloned().unwrap_or_default();
    for _ in 0..=random.below(CHANGES_MAX) {
        change(&mut data, inputs, random);
    }
    data.truncate(INPUT_BYTES_MAX);
    data
}

fn change(data: &mut Vec<u8>, inputs: &[Vec<u8>], random: &mut Random) {
    let at = random.below(data.len() + 1);
    let end = (at + random.below(32)).min(data.len());
    match random.below(10) {
        0 => flip(data, at, random),
        1 => data.truncate(at),
        2 => drop(data.drain(at..end)),
        3 => {
            let part = data[at..end].to_vec();
            let to = random.below(data.len() + 1);
            data.splice(to..to, part);
        }
        4 => {
            let noise: Vec<u8> = (0..random.below(8)).map(|_| random.byte()).collect();
            data.splice(at..at, noise);
        }
        5 => {
            let other = random.one_of(inputs).cloned().unwrap_or_default();
            let from = random.below(other.len() + 1);
            let to = (from + random.below(256)).min(other.len());
            data.splice(at..end, other[from..to].iter().copied());
        }
        6 => data.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.byte()),
        7 | 8 => {
            let piece = random.one_of(PIECES).copied().unwrap_or_default();
            data.splice(at..at, piece.bytes());
        }
        _ => {
            let piece = random.one_of(PIECES).copied().unwrap_or_default();
            data.splice(at..end, piece.bytes());
        }
    }
}

fn flip(data: &mut [u8], at: usize, random: &mut Random) {
    let bit = 1 << random.below(8);
    data.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= bit);
}
