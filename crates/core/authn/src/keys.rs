//! An issuer's public keys (JWKS, RFC 7517).

mod key;

use crate::json;
use key::Key;
use serde_json::Value;

/// Bytes of a JWKS document.
const JWKS_BYTES_MAX: usize = 256 * 1024;
/// Keys in a set.
const KEYS_MAX: usize = 64;

/// Public keys of one issuer.
#[derive(Debug, Default)]
pub struct KeySet {
    keys: Vec<Key>,
}

/// Why a document is no usable key set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwksError {
    /// Over 256 KiB or 64 keys.
    #[error("the key set is too large")]
    TooLarge,
    /// Not an object with a list `keys`, or ambiguous: a key stands twice somewhere.
    #[error("the document is no key set")]
    Malformed,
    /// Not one key that can verify a signature with a permitted algorithm.
    #[error("the key set has no usable key")]
    NoKeys,
}

impl KeySet {
    /// Reads a key set. Keys of other kinds, for other uses, or with parameters that are weak or invalid are passed over;
    /// symmetric keys, and keys whose private half is published with them, always are.
    ///
    /// # Errors
    /// When the document is too large, malformed, or has no usable key.
    pub fn parse(jwks: &[u8]) -> Result<KeySet, JwksError> {
        if jwks.len() > JWKS_BYTES_MAX {
            return Err(JwksError::TooLarge);
        }
        let document = json::object(jwks).ok_or(JwksError::Malformed)?;
        let keys = document.get("keys").and_then(Value::as_array).ok_or(JwksError::Malformed)?;
        if keys.len() > KEYS_MAX {
            return Err(JwksError::TooLarge);
        }
        let keys: Vec<Key> = keys.iter().filter_map(|jwk| Key::parse(jwk.as_object()?)).collect();
        if keys.is_empty() { Err(JwksError::NoKeys) } else { Ok(KeySet { keys }) }
    }

    /// Whether a key of this id is known. A token without an id may be verified by any key.
    pub(crate) fn knows(&self, id: Option<&str>) -> bool {
        self.keys.iter().any(|key| key.is_called(id))
    }

    /// The keys of this id and algorithm. The id only selects.
    pub(crate) fn candidates<'a>(
        &'a self,
        algorithm: &'a str,
        id: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Key> + Clone {
        self.keys.iter().filter(move |key| key.is_called(id) && key.algorithm() == algorithm)
    }
}
