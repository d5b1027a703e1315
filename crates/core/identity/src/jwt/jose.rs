//! The little of JOSE that JWT-SVIDs need: base64url, and ECDSA signatures as a pair of numbers (RFC 7518 §3.4).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Bytes of one coordinate, or one number of a signature, on P-256.
const P256_BYTES: usize = 32;

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url without padding, and nothing else.
pub(super) fn decode(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// A signature on P-256 as JOSE writes it: both numbers in 32 bytes each. The input is ASN.1 (RFC 3279 §2.2.3).
pub(super) fn pair_of(signature: &[u8]) -> Option<Vec<u8>> {
    let [0x30, length, body @ ..] = signature else { return None };
    if usize::from(*length) != body.len() {
        return None;
    }
    let (r, rest) = number(body)?;
    let (s, rest) = number(rest)?;
    rest.is_empty().then(|| [r, s].concat())
}

/// One INTEGER, in 32 bytes; and what follows it.
fn number(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let [0x02, length, rest @ ..] = bytes else { return None };
    let (mut digits, rest) = rest.split_at_checked(usize::from(*length))?;
    while let [0, more @ ..] = digits {
        digits = more;
    }
    let pad = P256_BYTES.checked_sub(digits.len())?;
    Some(([vec![0; pad].as_slice(), digits].concat(), rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_has_64_bytes_whatever_the_numbers_are() {
        let short = [0x30, 0x07, 0x02, 0x01, 0x05, 0x02, 0x02, 0x00, 0xff];
        let pair = pair_of(&short).unwrap();
        assert_eq!((pair.len(), pair[31], pair[63], pair[0]), (64, 5, 0xff, 0));
    }

    #[test]
    fn what_is_no_signature_gives_no_pair() {
        let long = [vec![0x30, 0x26, 0x02, 0x21], vec![1; 33], vec![0x02, 0x01, 0x01]].concat();
        for bytes in [&[][..], &[0x30], &[0x30, 0x00], &[0x30, 0x03, 0x02, 0x01, 0x05], &long, &[0x31, 0x00]] {
            assert_eq!(pair_of(bytes), None, "{bytes:?}");
        }
    }
}
