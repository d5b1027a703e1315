//! API keys: `svk_`, an id by which one is looked up, and a secret of 256 random bits of which we keep a hash alone.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use std::fmt::Write;

/// So that a key is known as one, also by those who look for lost secrets in sources.
const PREFIX: &str = "svk_";
/// Hexadecimal digits of the id.
const ID_DIGITS: usize = 16;
/// Characters of the secret in base 64.
const SECRET_CHARACTERS: usize = 43;
/// Bytes of the secret.
const SECRET_BYTES: usize = 32;

/// A key as a caller showed it: well formed, and not compared yet.
pub struct ShownKey<'a> {
    /// The id by which it is looked up.
    pub id: &'a str,
    sha256: [u8; 32],
}

/// A new key.
pub struct NewKey {
    /// Its id.
    pub id: String,
    /// All of it, for its owner alone.
    pub text: String,
    /// SHA-256 of the secret, in hexadecimal: what is kept.
    pub sha256: String,
}

/// Reads a key. `None`: it is none, and refused.
pub fn shown_key(value: &[u8]) -> Option<ShownKey<'_>> {
    let rest = std::str::from_utf8(value).ok()?.strip_prefix(PREFIX)?;
    let (id, secret) = rest.split_once('_')?;
    let digits = id.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
    if id.len() != ID_DIGITS || !digits || secret.len() != SECRET_CHARACTERS {
        return None;
    }
    let secret = URL_SAFE_NO_PAD.decode(secret).ok().filter(|secret| secret.len() == SECRET_BYTES)?;
    Some(ShownKey { id, sha256: hash(&secret) })
}

/// The key in the value of an `Authorization` field: `ApiKey` and the key. `None`: another scheme.
pub fn key_scheme(authorization: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = authorization.split_at_checked("ApiKey ".len())?;
    scheme.eq_ignore_ascii_case(b"ApiKey ").then_some(rest)
}

/// Makes a key of random bytes.
pub fn new_key(id: [u8; ID_DIGITS / 2], secret: &[u8; SECRET_BYTES]) -> NewKey {
    let id = hex(&id);
    let text = format!("{PREFIX}{id}_{}", URL_SAFE_NO_PAD.encode(secret));
    NewKey { id, text, sha256: hex(&hash(secret)) }
}

impl ShownKey<'_> {
    /// Whether it is the key with this hash; in constant time.
    pub fn is(&self, sha256: &[u8; 32]) -> bool {
        verify_slices_are_equal(&self.sha256, sha256).is_ok()
    }
}

fn hash(secret: &[u8]) -> [u8; 32] {
    // SHA-256 has 32 bytes; a hash of none would be equal to no key's.
    digest(&SHA256, secret).as_ref().try_into().unwrap_or_default()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_hash_and_no_other_is() {
        let (key, other) = (new_key([7; 8], &[1; 32]), new_key([7; 8], &[2; 32]));
        let kept = hash(&[1; 32]);
        assert_eq!(key.sha256, hex(&kept));
        assert!(shown_key(key.text.as_bytes()).is_some_and(|shown| shown.id == key.id && shown.is(&kept)));
        assert!(shown_key(other.text.as_bytes()).is_some_and(|shown| !shown.is(&kept)));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let text = new_key([0xab; 8], &[1; 32]).text;
        let (shorter, longer) = (text.get(1..).unwrap_or_default(), format!("{text}A"));
        let (upper, padded) = (text.replace("abab", "ABAB"), format!("{}=", text.get(..63).unwrap_or_default()));
        for bad in
            ["", "svk_", "svk__", shorter, &longer, &upper, &padded, &format!(" {text}"), &text.replace("svk_", "SVK_")]
        {
            assert!(shown_key(bad.as_bytes()).is_none(), "{bad}");
        }
        // The last character has two bits to spare: a second spelling of one secret is no key.
        let twin = format!("{}B", text.get(..text.len() - 1).unwrap_or_default());
        assert!(shown_key(twin.as_bytes()).is_none_or(|shown| !shown.is(&hash(&[1; 32]))));
        assert!(shown_key(b"svk_\xff").is_none());
    }

    #[test]
    fn the_scheme_is_read_in_any_case_and_another_is_none() {
        assert_eq!(key_scheme(b"apikey svk_1"), Some(b"svk_1".as_slice()));
        for other in [b"Bearer svk_1".as_slice(), b"ApiKey", b"", b"ApiKeys x"] {
            assert_eq!(key_scheme(other), None);
        }
    }
}
