//! P-256 private keys. Key generation and ECDSA nonces use the crypto library's own generator: the one randomness here.

use crate::pem::{self, Blocks, PemError};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Bytes of a PKCS#8 key; one on P-256 has about 140.
const PKCS8_BYTES_MAX: usize = 1024;
/// What stands before the uncompressed point in the SubjectPublicKeyInfo of every P-256 key (RFC 5480 §2).
const P256_SPKI_PREFIX: [u8; 27] = [
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04,
];
/// Bytes of the two coordinates of a point.
const P256_COORDINATES_BYTES: usize = 64;

/// A P-256 key. Clones share one secret, which is zeroed when the last of them goes; `Debug` prints `[secret]`.
#[derive(Clone)]
pub struct PrivateKey(Arc<Secret>);

struct Secret {
    pkcs8: Zeroizing<Vec<u8>>,
    /// Zeroed by the crypto library when it is dropped.
    pair: EcdsaKeyPair,
    public_der: Vec<u8>,
}

/// Why there is no key, or no signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// The crypto library's generator failed.
    #[error("the crypto library could not make a key")]
    Generate,
    /// Not a PKCS#8 key on P-256, or its halves do not belong together.
    #[error(
        "not a private key on P-256 in PKCS#8; make one with `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256`"
    )]
    Malformed,
    /// The text is no PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// The text has no key, or several.
    #[error("the text has `{0}` blocks `PRIVATE KEY`; give exactly one")]
    Count(usize),
    /// The crypto library could not sign.
    #[error("the crypto library could not sign")]
    Sign,
    /// The key is an upstream authority's.
    #[error("the key of the root is held by the upstream authority: it signs there")]
    Elsewhere,
    /// The token that holds the key failed.
    #[error("the PKCS#11 token could not sign: is it plugged in, and its PIN right?")]
    Token,
}

impl PrivateKey {
    /// Makes a new key, from the crypto library's own generator.
    ///
    /// # Errors
    /// [`KeyError::Generate`] when that generator fails.
    pub fn generate() -> Result<PrivateKey, KeyError> {
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())
            .map_err(|_| KeyError::Generate)?;
        PrivateKey::from_pkcs8_der(document.as_ref())
    }

    /// Reads a PKCS#8 key (RFC 5958).
    ///
    /// # Errors
    /// [`KeyError::Malformed`] when it is anything but a consistent key on P-256.
    pub fn from_pkcs8_der(der: &[u8]) -> Result<PrivateKey, KeyError> {
        if der.len() > PKCS8_BYTES_MAX {
            return Err(KeyError::Malformed);
        }
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, der).map_err(|_| KeyError::Malformed)?;
        let public: PublicKeyX509Der<'_> = pair.public_key().as_der().map_err(|_| KeyError::Malformed)?;
        let public_der = public.as_ref().to_vec();
        Ok(PrivateKey(Arc::new(Secret { pkcs8: Zeroizing::new(der.to_vec()), pair, public_der })))
    }

    /// Reads the one block `PRIVATE KEY` of a PEM text (RFC 7468 §10).
    ///
    /// # Errors
    /// When the text is no PEM, or has not exactly one key on P-256.
    pub fn from_pem(text: &str) -> Result<PrivateKey, KeyError> {
        PrivateKey::from_blocks(&pem::read(text)?)
    }

    /// Reads the one key among these blocks.
    pub(crate) fn from_blocks(blocks: &Blocks) -> Result<PrivateKey, KeyError> {
        match blocks.keys.as_slice() {
            [der] => PrivateKey::from_pkcs8_der(der),
            keys => Err(KeyError::Count(keys.len())),
        }
    }

    /// The key in PKCS#8. Do not copy it into anything that is not zeroed.
    pub fn pkcs8_der(&self) -> &[u8] {
        &self.0.pkcs8
    }

    /// The key as PEM.
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::write(&[], Some(self.pkcs8_der()))
    }

    /// The public half as SubjectPublicKeyInfo, DER.
    pub fn public_der(&self) -> Vec<u8> {
        self.0.public_der.clone()
    }

    /// Signs with ECDSA on P-256 and SHA-256; the answer is ASN.1 (RFC 3279 §2.2.3). The nonce is the crypto library's.
    ///
    /// # Errors
    /// [`KeyError::Sign`] when the crypto library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        let signature = self.0.pair.sign(&SystemRandom::new(), message).map_err(|_| KeyError::Sign)?;
        Ok(signature.as_ref().to_vec())
    }

    pub(crate) fn public(&self) -> &[u8] {
        &self.0.public_der
    }

    pub(crate) fn is_half_of(&self, public_der: &[u8]) -> bool {
        self.0.public_der == public_der
    }
}

impl fmt::Debug for PrivateKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

/// The uncompressed point of a P-256 SubjectPublicKeyInfo; nothing for every other kind of key and every other encoding.
pub(crate) fn p256_point(public_der: &[u8]) -> Option<&[u8]> {
    let coordinates = public_der.strip_prefix(&P256_SPKI_PREFIX)?;
    let point_at = P256_SPKI_PREFIX.len().checked_sub(1)?;
    if coordinates.len() == P256_COORDINATES_BYTES { public_der.get(point_at..) } else { None }
}
