//! Decision ids: what a client is given, and what an operator looks up.

use std::fmt;

/// 128 bits: 48 of milliseconds since 1970, so that ids sort by time, then 80 random ones (the layout of a ULID).
///
/// Printed as 26 characters of Crockford's base 32. Every hop of one request carries the same id.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DecisionId(u128);

/// A text that is no decision id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a decision id has 26 characters of 0-9 and A-Z without I, L, O and U")]
pub struct DecisionIdError;

const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl DecisionId {
    /// An id from the time in milliseconds and random bits, of which 80 are used.
    pub fn new(time_ms: u64, random: u128) -> DecisionId {
        DecisionId((u128::from(time_ms) << 80) | (random & ((1 << 80) - 1)))
    }

    /// Parses the printed form; lower case is accepted, since people type ids.
    ///
    /// # Errors
    /// When it is not 26 characters of the alphabet, or over 128 bits.
    pub fn parse(text: &str) -> Result<DecisionId, DecisionIdError> {
        if text.len() != 26 {
            return Err(DecisionIdError);
        }
        let mut value: u128 = 0;
        for byte in text.bytes().map(|b| b.to_ascii_uppercase()) {
            let digit = ALPHABET.iter().position(|a| *a == byte).ok_or(DecisionIdError)?;
            if value >> 123 != 0 {
                return Err(DecisionIdError);
            }
            value = (value << 5) | digit as u128;
        }
        Ok(DecisionId(value))
    }

    /// The time in it, in milliseconds since 1970.
    pub fn time_ms(self) -> u64 {
        (self.0 >> 80) as u64
    }

    /// The id on the wire of a protocol that is not text: 16 bytes, big endian.
    pub fn bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }

    /// The id of those 16 bytes.
    pub fn from_bytes(bytes: [u8; 16]) -> DecisionId {
        DecisionId(u128::from_be_bytes(bytes))
    }

    /// The printed form, without allocating.
    pub fn text(self) -> [u8; 26] {
        let mut out = [0; 26];
        for (i, slot) in out.iter_mut().enumerate() {
            let digit = (self.0 >> (5 * (25 - i))) & 31;
            *slot = ALPHABET.get(digit as usize).copied().unwrap_or(b'0');
        }
        out
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.text().iter().try_for_each(|b| fmt::Write::write_char(f, char::from(*b)))
    }
}

impl fmt::Debug for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl serde::Serialize for DecisionId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // The alphabet is ASCII.
        serializer.serialize_str(std::str::from_utf8(&self.text()).unwrap_or_default())
    }
}

impl<'de> serde::Deserialize<'de> for DecisionId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<DecisionId, D::Error> {
        DecisionId::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_survives_its_printed_form() {
        let id = DecisionId::new(1_790_000_000_123, u128::MAX);
        assert_eq!(DecisionId::parse(&id.to_string().to_lowercase()), Ok(id));
        assert_eq!(id.time_ms(), 1_790_000_000_123);
    }

    #[test]
    fn what_is_no_id_is_refused() {
        for text in ["", "I0000000000000000000000000", "80000000000000000000000000", "../../../etc/passwd-000000"] {
            assert_eq!(DecisionId::parse(text), Err(DecisionIdError), "{text}");
        }
    }
}
