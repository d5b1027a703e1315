//! A JWT bundle: the keys that verify the JWT-SVIDs of one trust domain, as the JWKS that the SPIFFE bundle standard §4
//! describes.

use super::JwtAuthority;
use selvedge_model::TrustDomain;
use serde_json::{Value, json};

/// Bytes of a JWKS.
const JWKS_BYTES_MAX: usize = 256 * 1024;
/// Keys in one bundle.
const KEYS_MAX: usize = 64;

/// The keys of one trust domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JwtBundle {
    /// Whose keys they are; they vouch for no other's workloads.
    pub trust_domain: TrustDomain,
    /// The keys.
    pub keys: Vec<JwtAuthority>,
    /// Which version of the bundle this is; it grows with each change.
    pub sequence: u64,
    /// After how many seconds it is worth fetching again.
    pub refresh_hint_s: u64,
}

impl JwtBundle {
    /// The JWKS: `keys`, `spiffe_sequence`, `spiffe_refresh_hint`.
    pub fn to_jwks(&self) -> String {
        let keys: Vec<Value> = self.keys.iter().map(JwtAuthority::to_jwk).collect();
        json!({ "keys": keys, "spiffe_sequence": self.sequence, "spiffe_refresh_hint": self.refresh_hint_s })
            .to_string()
    }

    /// Reads a JWKS. Keys of another use, or of a kind that is not verified here, are passed over, as the standard asks.
    ///
    /// # Errors
    /// When it is no JWKS, is too large, or names a key twice.
    pub fn parse(trust_domain: &TrustDomain, text: &str) -> Result<JwtBundle, &'static str> {
        if text.len() > JWKS_BYTES_MAX {
            return Err("the JWKS has over 256 KiB");
        }
        let document: Value = serde_json::from_str(text).map_err(|_| "the JWKS is no JSON")?;
        let keys = document.get("keys").and_then(Value::as_array).ok_or("the JWKS has no array `keys`")?;
        if keys.len() > KEYS_MAX {
            return Err("the JWKS has over 64 keys");
        }
        let ours = |jwk: &&Value| jwk.get("use").and_then(Value::as_str) == Some("jwt-svid");
        let keys: Vec<JwtAuthority> = keys.iter().filter(ours).filter_map(JwtAuthority::of_jwk).collect();
        let mut names: Vec<&str> = keys.iter().map(|key| key.kid.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| matches!(pair, [a, b] if a == b)) {
            return Err("the JWKS has two keys of one `kid`");
        }
        let number = |name: &str| document.get(name).and_then(Value::as_u64).unwrap_or_default();
        Ok(JwtBundle {
            trust_domain: trust_domain.clone(),
            keys,
            sequence: number("spiffe_sequence"),
            refresh_hint_s: number("spiffe_refresh_hint"),
        })
    }
}
