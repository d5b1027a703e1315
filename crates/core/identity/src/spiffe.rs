//! A trust bundle in the SPIFFE bundle format (SPIFFE Trust Domain and Bundle §4): a JWKS with the roots as `x509-svid`
//! and the keys of tokens as `jwt-svid`.

mod read;

pub use read::{Federated, ForeignBundle, ForeignBundleError};

use crate::bundle::TrustBundle;
use crate::certificate::facts;
use crate::jwt::JwtAuthority;
use crate::key::p256_point;
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

impl TrustBundle {
    /// The bundle as a SPIFFE bundle document; it is worth fetching again after `refresh_hint_s` seconds.
    pub fn to_spiffe(&self, refresh_hint_s: u64) -> String {
        let root = |der: &Vec<u8>| {
            let public = facts(der).ok()?.public_der;
            let (x, y) = p256_point(&public)?.get(1..)?.split_at_checked(32)?;
            let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
            Some(
                json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y, "use": "x509-svid", "x5c": [STANDARD.encode(der)] }),
            )
        };
        let roots = self.roots.iter().filter_map(root);
        let keys: Vec<Value> = roots.chain(self.jwt_keys.iter().map(JwtAuthority::to_jwk)).collect();
        json!({ "keys": keys, "spiffe_sequence": self.sequence, "spiffe_refresh_hint": refresh_hint_s }).to_string()
    }
}
