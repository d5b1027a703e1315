//! One public key (JWK, RFC 7517 §4, RFC 7518 §6, RFC 8037 §2), bound to the one algorithm that it verifies.

use crate::json::{Object, text};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256, RsaPublicKeyComponents,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Bits of the shortest RSA modulus (RFC 7518 §3.3).
const RSA_BITS_MIN: usize = 2048;
/// Bits of the longest RSA modulus: verifying takes time that grows with its square, and anyone may ask for it.
const RSA_BITS_MAX: usize = 8192;
/// The least RSA exponent (FIPS 186-5 §5.1).
const RSA_EXPONENT_MIN: u64 = 65_537;
/// Bytes of the longest RSA exponent: each bit of it is a multiplication.
const RSA_EXPONENT_BYTES_MAX: usize = 4;
/// Bytes of a coordinate of P-256, and of a public key of Ed25519.
const CURVE_BYTES: usize = 32;
/// What only a private or symmetric key has (RFC 7518 §6.2.2, §6.3.2, §6.4): once published, anyone signs with it.
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

#[derive(Debug)]
pub(crate) struct Key {
    id: Option<String>,
    algorithm: &'static str,
    public: ParsedPublicKey,
}

impl Key {
    /// Reads a key; none when it is not one that verifies signatures with a permitted algorithm.
    pub(super) fn parse(jwk: &Object) -> Option<Key> {
        let of_type = |name: &str| text(jwk, name).ok();
        let bytes = |name: &str| URL_SAFE_NO_PAD.decode(of_type(name)??).ok();
        if !is_for_verifying(jwk)? || PRIVATE.iter().any(|name| jwk.contains_key(*name)) {
            return None;
        }
        let (algorithm, public) = match (of_type("kty")??, of_type("crv")?) {
            ("EC", Some("P-256")) => ("ES256", p256(&bytes("x")?, &bytes("y")?)?),
            ("OKP", Some("Ed25519")) => ("EdDSA", ed25519(&bytes("x")?)?),
            ("RSA", None) => ("RS256", rsa(&bytes("n")?, &bytes("e")?)?),
            _ => return None,
        };
        if of_type("alg")?.is_some_and(|named| named != algorithm) {
            return None;
        }
        Some(Key { id: of_type("kid")?.map(str::to_owned), algorithm, public })
    }

    /// Whether the key has this id; every key has the id that a token does not give.
    pub(super) fn is_called(&self, id: Option<&str>) -> bool {
        id.is_none() || self.id.as_deref() == id
    }

    /// The name of the algorithm (RFC 7518 §3.1, RFC 8037 §3.1).
    pub(super) fn algorithm(&self) -> &'static str {
        self.algorithm
    }

    /// Whether this key made the signature.
    pub(crate) fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        self.public.verify_sig(message, signature).is_ok()
    }
}

/// `use` and `key_ops` (RFC 7517 §4.2, §4.3): what is there must permit it. None when one is of another type.
fn is_for_verifying(jwk: &Object) -> Option<bool> {
    let by_use = text(jwk, "use").ok()?.is_none_or(|purpose| purpose == "sig");
    let by_operations = match jwk.get("key_ops") {
        Some(operations) => operations.as_array()?.iter().filter_map(Value::as_str).any(|one| one == "verify"),
        None => true,
    };
    Some(by_use && by_operations)
}

/// Refused unless the point is on the curve (RFC 8725 §3.4).
fn p256(x: &[u8], y: &[u8]) -> Option<ParsedPublicKey> {
    if x.len() != CURVE_BYTES || y.len() != CURVE_BYTES {
        return None;
    }
    ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, [&[4], x, y].concat()).ok()
}

fn ed25519(x: &[u8]) -> Option<ParsedPublicKey> {
    let x = <[u8; CURVE_BYTES]>::try_from(x).ok()?;
    if is_of_small_order(x) { None } else { ParsedPublicKey::new(&ED25519, x).ok() }
}

/// Refused unless the modulus is odd and of permitted length, the exponent odd and permitted, and both without leading
/// zeros (RFC 7518 §6.3.1): a short modulus is no longer one because zeros stand before it.
fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<ParsedPublicKey> {
    let leading = usize::try_from(modulus.first()?.leading_zeros()).ok()?;
    let bits = modulus.len().checked_mul(8)?.checked_sub(leading)?;
    let is_odd = |bytes: &[u8]| bytes.last().is_some_and(|byte| byte & 1 == 1);
    let no_zeros = modulus.first() != Some(&0) && exponent.first() != Some(&0);
    let value = exponent.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
    let exponent_fits = exponent.len() <= RSA_EXPONENT_BYTES_MAX && value >= RSA_EXPONENT_MIN;
    if !(RSA_BITS_MIN..=RSA_BITS_MAX).contains(&bits) || !no_zeros || !exponent_fits {
        return None;
    }
    if !is_odd(modulus) || !is_odd(exponent) {
        return None;
    }
    RsaPublicKeyComponents { n: modulus, e: exponent }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256).ok()
}

/// The eight points of small order verify signatures that nobody made, and a key of nothing but zeros is one of them. These
/// are their `y` (RFC 8032 §5.1.3), whatever the sign of `x`, and the two that the field's prime can be added to.
fn is_of_small_order(mut key: [u8; CURVE_BYTES]) -> bool {
    const ORDER_8: [[u8; CURVE_BYTES]; 2] = [
        [
            0x26, 0xe8, 0x95, 0x8f, 0xc2, 0xb2, 0x27, 0xb0, 0x45, 0xc3, 0xf4, 0x89, 0xf2, 0xef, 0x98, 0xf0, 0xd5, 0xdf,
            0xac, 0x05, 0xd3, 0xc6, 0x33, 0x39, 0xb1, 0x38, 0x02, 0x88, 0x6d, 0x53, 0xfc, 0x05,
        ],
        [
            0xc7, 0x17, 0x6a, 0x70, 0x3d, 0x4d, 0xd8, 0x4f, 0xba, 0x3c, 0x0b, 0x76, 0x0d, 0x10, 0x67, 0x0f, 0x2a, 0x20,
            0x53, 0xfa, 0x2c, 0x39, 0xcc, 0xc6, 0x4e, 0xc7, 0xfd, 0x77, 0x92, 0xac, 0x03, 0x7a,
        ],
    ];
    let [.., last] = &mut key;
    *last &= 0x7f;
    match key {
        // 0 and 1.
        [0 | 1, rest @ ..] if rest == [0; 31] => true,
        // The prime less 1, the prime, and the prime and 1.
        [0xec..=0xee, rest @ .., 0x7f] if rest == [0xff; 30] => true,
        _ => ORDER_8.contains(&key),
    }
}
