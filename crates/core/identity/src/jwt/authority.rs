//! A key that verifies JWT-SVIDs, as a bundle has it: a JWK with the use `jwt-svid` (SPIFFE bundle standard §4.2.2).

use super::jose;
use crate::key::p256_point;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256, RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512,
    RsaParameters, RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Characters of a key's name.
const KID_CHARS_MAX: usize = 256;
/// Bytes of an RSA modulus: 8,192 bits, which is the most that is verified.
const MODULUS_BYTES_MAX: usize = 1024;
/// Bytes of a public exponent.
const EXPONENT_BYTES_MAX: usize = 8;

/// A public key that signs JWT-SVIDs of one trust domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Value", into = "Value")]
pub struct JwtAuthority {
    /// Its name, which tokens carry.
    pub kid: String,
    key: PublicKey,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum PublicKey {
    /// An uncompressed point on P-256.
    P256(Vec<u8>),
    /// An uncompressed point on P-384.
    P384(Vec<u8>),
    /// Modulus and exponent.
    Rsa(Vec<u8>, Vec<u8>),
}

impl JwtAuthority {
    /// Of a key on P-256, given as SubjectPublicKeyInfo (DER); `None` for every other kind.
    pub(super) fn of_p256(kid: String, public_der: &[u8]) -> Option<JwtAuthority> {
        Some(JwtAuthority { kid, key: PublicKey::P256(p256_point(public_der)?.to_vec()) })
    }

    /// Reads a JWK; that its use is `jwt-svid` is looked at by the bundle.
    pub(crate) fn of_jwk(jwk: &Value) -> Option<JwtAuthority> {
        let text = |name: &str| jwk.get(name).and_then(Value::as_str);
        let bytes = |name: &str| text(name).and_then(jose::decode);
        let kid = text("kid").filter(|kid| !kid.is_empty() && kid.len() <= KID_CHARS_MAX)?.to_owned();
        let point = |half: usize| {
            let (x, y) = (bytes("x")?, bytes("y")?);
            (x.len() == half && y.len() == half).then(|| [&[4][..], &x, &y].concat())
        };
        let key = match (text("kty")?, text("crv")) {
            ("EC", Some("P-256")) => PublicKey::P256(point(32)?),
            ("EC", Some("P-384")) => PublicKey::P384(point(48)?),
            ("RSA", None) => {
                let (n, e) = (bytes("n")?, bytes("e")?);
                let fits = n.len() <= MODULUS_BYTES_MAX && e.len() <= EXPONENT_BYTES_MAX;
                PublicKey::Rsa(n, e).filter(fits)?
            }
            _ => return None,
        };
        Some(JwtAuthority { kid, key })
    }

    /// The JWK, with the use `jwt-svid`.
    pub fn to_jwk(&self) -> Value {
        let point = |name: &str, point: &[u8]| {
            let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
            json!({ "kty": "EC", "crv": name, "x": jose::encode(x), "y": jose::encode(y),
                    "kid": self.kid, "use": "jwt-svid" })
        };
        match &self.key {
            PublicKey::P256(bytes) => point("P-256", bytes),
            PublicKey::P384(bytes) => point("P-384", bytes),
            PublicKey::Rsa(n, e) => {
                json!({ "kty": "RSA", "n": jose::encode(n), "e": jose::encode(e), "kid": self.kid, "use": "jwt-svid" })
            }
        }
    }

    /// Whether this key signed `message` under the algorithm that a header names. The key says which algorithms are its
    /// own, so that no token can choose a weaker one.
    pub(super) fn signed(&self, algorithm: &str, message: &[u8], signature: &[u8]) -> bool {
        match (&self.key, algorithm) {
            (PublicKey::P256(point), "ES256") => {
                UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(message, signature).is_ok()
            }
            (PublicKey::P384(point), "ES384") => {
                UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(message, signature).is_ok()
            }
            (PublicKey::Rsa(n, e), name) => {
                rsa(name).is_some_and(|kind| RsaPublicKeyComponents { n, e }.verify(kind, message, signature).is_ok())
            }
            (PublicKey::P256(_) | PublicKey::P384(_), _) => false,
        }
    }
}

impl PublicKey {
    fn filter(self, keep: bool) -> Option<PublicKey> {
        keep.then_some(self)
    }
}

fn rsa(algorithm: &str) -> Option<&'static RsaParameters> {
    Some(match algorithm {
        "RS256" => &RSA_PKCS1_2048_8192_SHA256,
        "RS384" => &RSA_PKCS1_2048_8192_SHA384,
        "RS512" => &RSA_PKCS1_2048_8192_SHA512,
        "PS256" => &RSA_PSS_2048_8192_SHA256,
        "PS384" => &RSA_PSS_2048_8192_SHA384,
        "PS512" => &RSA_PSS_2048_8192_SHA512,
        _ => return None,
    })
}

impl TryFrom<Value> for JwtAuthority {
    type Error = &'static str;

    fn try_from(jwk: Value) -> Result<JwtAuthority, &'static str> {
        JwtAuthority::of_jwk(&jwk).ok_or("not a key that verifies JWT-SVIDs")
    }
}

impl From<JwtAuthority> for Value {
    fn from(authority: JwtAuthority) -> Value {
        authority.to_jwk()
    }
}
