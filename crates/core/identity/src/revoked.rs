//! What is believed no more before its time: single leaves by serial number, and everything that was issued to an
//! identity before a moment. It travels in the signed bundle of documents.

use crate::bundle::Peer;
use crate::renew::SKEW_S;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Entries of a list: what is revoked leaves it when it would have ended by itself, within a day.
const ENTRIES_MAX: usize = 10_000;
/// Hex characters of a serial number (RFC 5280 §4.1.2.2: 20 bytes).
const SERIAL_CHARS_MAX: usize = 40;
/// Seconds that an identity's entry stays: the longest life of an SVID, and a little.
const IDENTITY_S: u64 = 25 * 3600;

/// A list of what is revoked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revoked {
    /// Serial numbers (hex, lower case), each with the second at which the leaf ends by itself.
    serials: BTreeMap<String, u64>,
    /// SPIFFE IDs, each with the second before which nothing counts that was issued to it.
    identities: BTreeMap<String, u64>,
}

/// Why something is not revoked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RevokedError {
    /// The text is no serial number.
    #[error("`{0}` is no serial number: it is 1 to 40 hex digits, as `selvedge status` shows them")]
    Serial(String),
    /// The list is full.
    #[error("10000 certificates and identities are revoked, which is the most: taint the root in place of them")]
    Full,
}

impl Revoked {
    /// Whether nothing is revoked.
    pub fn is_empty(&self) -> bool {
        self.serials.is_empty() && self.identities.is_empty()
    }

    /// Whether a peer's leaf is revoked.
    pub fn has(&self, peer: &Peer) -> bool {
        self.has_leaf(peer.id.as_str(), &peer.serial, peer.not_before)
    }

    /// Whether a leaf is revoked; `not_before` is the leaf's own, dated back as it is.
    pub fn has_leaf(&self, id: &str, serial: &str, not_before: u64) -> bool {
        let issued_at = not_before.saturating_add(SKEW_S);
        self.serials.contains_key(serial) || self.identities.get(id).is_some_and(|before| issued_at < *before)
    }

    /// Whether a token is revoked, by whom it names and when it was issued.
    pub fn has_token(&self, id: &str, issued_at: u64) -> bool {
        self.identities.get(id).is_some_and(|before| issued_at < *before)
    }

    /// Revokes one leaf, which ends by itself at `not_after`.
    ///
    /// # Errors
    /// When `serial` is none, or the list is full.
    pub fn serial(&mut self, serial: &str, not_after: u64) -> Result<(), RevokedError> {
        let digits = serial.to_ascii_lowercase().replace(':', "");
        let digits = digits.trim_start_matches("00");
        let is_hex = digits.bytes().all(|b| b.is_ascii_hexdigit());
        if digits.is_empty() || digits.len() > SERIAL_CHARS_MAX || !is_hex {
            return Err(RevokedError::Serial(serial.chars().take(64).collect()));
        }
        self.room()?;
        self.serials.insert(digits.to_owned(), not_after);
        Ok(())
    }

    /// Revokes everything that was issued to an identity before `now`: what is issued to it from then on counts.
    ///
    /// # Errors
    /// When the list is full.
    pub fn identity(&mut self, id: &str, now: u64) -> Result<(), RevokedError> {
        self.room()?;
        self.identities.insert(id.to_owned(), now);
        Ok(())
    }

    /// Forgets what has ended by itself. `true`: something was.
    pub fn forget(&mut self, now: u64) -> bool {
        let before = self.serials.len() + self.identities.len();
        self.serials.retain(|_, not_after| *not_after >= now);
        self.identities.retain(|_, moment| moment.saturating_add(IDENTITY_S) >= now);
        before != self.serials.len() + self.identities.len()
    }

    /// Serial numbers and identities, for people.
    pub fn entries(&self) -> impl Iterator<Item = (&str, u64)> {
        self.serials.iter().chain(&self.identities).map(|(name, at)| (name.as_str(), *at))
    }

    fn room(&self) -> Result<(), RevokedError> {
        if self.serials.len() + self.identities.len() >= ENTRIES_MAX { Err(RevokedError::Full) } else { Ok(()) }
    }
}
