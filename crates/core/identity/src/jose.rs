//! Signatures by a workload's own key in the form of JOSE (RFC 7518 §3.4), and whose signature one is.

use crate::bundle::{Peer, TrustBundle, VerifyError};
use crate::certificate::facts;
use crate::key::{KeyError, PrivateKey, p256_point};
use crate::leaf_error::LeafError;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

/// Bytes of each of the two numbers of a signature on P-256.
const NUMBER_BYTES: usize = 32;

/// Both numbers of an ES256 signature, big endian, one after the other (RFC 7518 §3.4).
pub type JoseSignature = [u8; 2 * NUMBER_BYTES];

/// A workload whose chain was verified, with the key that its leaf is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoseSigner {
    /// Who it is.
    pub peer: Peer,
    point: Vec<u8>,
}

impl PrivateKey {
    /// Signs with ES256.
    ///
    /// # Errors
    /// [`KeyError::Sign`] when the crypto library fails.
    pub fn sign_jose(&self, message: &[u8]) -> Result<JoseSignature, KeyError> {
        fixed(&self.sign(message)?).ok_or(KeyError::Sign)
    }
}

impl TrustBundle {
    /// Verifies a chain as [`TrustBundle::verify`] does, for what its leaf's key signed.
    ///
    /// # Errors
    /// Says why the chain is refused; nothing of a refused chain may be used.
    pub fn signer(&self, chain: &[&[u8]], now: u64) -> Result<JoseSigner, VerifyError> {
        let peer = self.verify(chain, now)?;
        let leaf = facts(chain.first().copied().unwrap_or_default())?;
        let point = p256_point(&leaf.public_der).ok_or(LeafError::KeyType)?;
        Ok(JoseSigner { peer, point: point.to_vec() })
    }
}

impl JoseSigner {
    /// Whether this workload signed exactly `message`, with ES256.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, &self.point).verify(message, signature).is_ok()
    }
}

/// `SEQUENCE { INTEGER, INTEGER }` (RFC 3279 §2.2.3) as two numbers of fixed size. All lengths are below 128.
fn fixed(der: &[u8]) -> Option<JoseSignature> {
    let (length, body) = der.strip_prefix(&[0x30])?.split_first()?;
    let (r, rest) = number(body)?;
    let (s, rest) = number(rest)?;
    if usize::from(*length) != body.len() || !rest.is_empty() {
        return None;
    }
    let mut out = [0; 2 * NUMBER_BYTES];
    let (left, right) = out.split_at_mut(NUMBER_BYTES);
    for (slot, number) in [(left, r), (right, s)] {
        slot.get_mut(NUMBER_BYTES.checked_sub(number.len())?..)?.copy_from_slice(number);
    }
    Some(out)
}

/// A number without its leading zeros, and what comes after it.
fn number(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = der.strip_prefix(&[0x02])?.split_first()?;
    let (number, rest) = rest.split_at_checked(usize::from(*length))?;
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    Some((number.get(zeros..)?, rest))
}
