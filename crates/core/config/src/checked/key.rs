//! API keys: sets of them, and each with what it may do. Of a key's secret there is only a hash here.

use selvedge_model::{Name, Source};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

/// A set of API keys, which stands where an issuer could: its keys' owners are principals of the set's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeySet {
    /// Its name.
    pub name: Name,
    /// The request field that carries a key, in lower case: the key alone, or after `ApiKey ` in `authorization`.
    pub header: Arc<str>,
    /// Its keys, by id.
    pub keys: BTreeMap<Arc<str>, ApiKey>,
}

/// One API key.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// The part by which it is looked up: 16 hexadecimal digits, also in the key itself.
    pub id: Arc<str>,
    /// Whom it speaks for: the subject of the principal.
    pub owner: Arc<str>,
    /// What it was granted.
    pub scopes: Vec<Arc<str>>,
    /// SHA-256 of its secret, which is 256 random bits: there is nothing to guess, so that no slow hash is needed.
    pub sha256: [u8; 32],
    /// Until when it counts, in seconds since 1970.
    pub expires_s: u64,
    /// Whether it no longer counts.
    pub revoked: bool,
    /// Where it is written.
    pub source: Source,
}

/// All that is enforced, so that a plan's hash follows it; where it is written is not.
impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ApiKey { id, owner, scopes, sha256, expires_s, revoked, source: _ } = self;
        write!(f, "ApiKey({id:?}, {owner:?}, {scopes:?}, {sha256:?}, {expires_s}, {revoked})")
    }
}
