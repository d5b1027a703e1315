//! An issuer's public keys (JWKS, RFC 7517), each bound to the one algorithm that it verifies.

use aws_lc_rs::signature::{self, RsaPublicKeyComponents, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Bytes of a JWKS document.
const JWKS_BYTES_MAX: usize = 256 * 1024;
/// Keys in a set.
const KEYS_MAX: usize = 64;
/// Bytes of the shortest RSA modulus: 2,048 bits (RFC 7518 §3.3).
const RSA_BYTES_MIN: usize = 256;

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
    /// Not an object with a list `keys`.
    #[error("the document is no key set")]
    Malformed,
    /// Not one key that can verify a signature with a permitted algorithm.
    #[error("the key set has no usable key")]
    NoKeys,
}

#[derive(Debug)]
struct Key {
    id: Option<String>,
    material: Material,
}

#[derive(Debug)]
enum Material {
    /// ES256: an uncompressed point on P-256.
    P256(Vec<u8>),
    /// EdDSA with Ed25519.
    Ed25519(Vec<u8>),
    /// RS256.
    Rsa { modulus: Vec<u8>, exponent: Vec<u8> },
}

impl KeySet {
    /// Reads a key set. Keys of other kinds or for other uses are passed over; symmetric keys always are.
    ///
    /// # Errors
    /// When the document is too large, malformed, or has no usable key.
    pub fn parse(jwks: &[u8]) -> Result<KeySet, JwksError> {
        if jwks.len() > JWKS_BYTES_MAX {
            return Err(JwksError::TooLarge);
        }
        let document: Value = serde_json::from_slice(jwks).map_err(|_| JwksError::Malformed)?;
        let keys = document.get("keys").and_then(Value::as_array).ok_or(JwksError::Malformed)?;
        if keys.len() > KEYS_MAX {
            return Err(JwksError::TooLarge);
        }
        let keys: Vec<Key> = keys.iter().filter_map(Key::parse).collect();
        if keys.is_empty() { Err(JwksError::NoKeys) } else { Ok(KeySet { keys }) }
    }

    /// Whether a key of this id is known. A token without an id may be verified by any key.
    pub(crate) fn knows(&self, id: Option<&str>) -> bool {
        self.keys.iter().any(|key| key.is_called(id))
    }

    /// Whether some key of this id and algorithm made the signature. The id only selects.
    pub(crate) fn verifies(&self, algorithm: &str, id: Option<&str>, message: &[u8], signature: &[u8]) -> bool {
        let mut candidates = self.keys.iter().filter(|key| key.is_called(id));
        candidates.any(|key| key.material.algorithm() == algorithm && key.material.verifies(message, signature))
    }
}

impl Key {
    fn parse(jwk: &Value) -> Option<Key> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(text(name)?).ok();
        if text("use").is_some_and(|purpose| purpose != "sig") {
            return None;
        }
        let material = match (text("kty")?, text("crv")) {
            ("EC", Some("P-256")) => Material::P256(point(bytes("x")?, bytes("y")?)?),
            ("OKP", Some("Ed25519")) => Material::Ed25519(bytes("x").filter(|x| x.len() == 32)?),
            ("RSA", None) => {
                Material::Rsa { modulus: bytes("n").filter(|n| n.len() >= RSA_BYTES_MIN)?, exponent: bytes("e")? }
            }
            _ => return None,
        };
        if text("alg").is_some_and(|algorithm| algorithm != material.algorithm()) {
            return None;
        }
        Some(Key { id: text("kid").map(str::to_owned), material })
    }

    fn is_called(&self, id: Option<&str>) -> bool {
        id.is_none() || self.id.as_deref() == id
    }
}

fn point(x: Vec<u8>, y: Vec<u8>) -> Option<Vec<u8>> {
    (x.len() == 32 && y.len() == 32).then(|| [vec![4], x, y].concat())
}

impl Material {
    fn algorithm(&self) -> &'static str {
        match self {
            Material::P256(_) => "ES256",
            Material::Ed25519(_) => "EdDSA",
            Material::Rsa { .. } => "RS256",
        }
    }

    fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Material::P256(point) => {
                UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            Material::Ed25519(key) => {
                UnparsedPublicKey::new(&signature::ED25519, key).verify(message, signature).is_ok()
            }
            Material::Rsa { modulus, exponent } => RsaPublicKeyComponents { n: modulus, e: exponent }
                .verify(&signature::RSA_PKCS1_2048_8192_SHA256, message, signature)
                .is_ok(),
        }
    }
}
