//! What signs: a key that is asked for signatures and never for itself. A file holds it, or a token, or somebody else.

use crate::key::{KeyError, PrivateKey};
use std::fmt::Debug;
use std::sync::Arc;
use zeroize::Zeroizing;

/// A key on P-256 that signs with ECDSA and SHA-256.
pub trait Signer: Debug + Send + Sync {
    /// The public half as SubjectPublicKeyInfo, DER.
    fn spki(&self) -> &[u8];

    /// Signs; the answer is ASN.1 (RFC 3279 §2.2.3).
    ///
    /// # Errors
    /// When the key is not at hand, or what holds it fails.
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError>;

    /// What is kept to find it again: the key itself in PEM, or a reference to where it is; empty when it is elsewhere.
    fn kept(&self) -> Zeroizing<String>;
}

/// Finds the key that a kept text is, or refers to.
pub type FindSigner<'a> = dyn Fn(&str) -> Result<Arc<dyn Signer>, KeyError> + 'a;

impl Signer for PrivateKey {
    fn spki(&self) -> &[u8] {
        self.public()
    }

    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, KeyError> {
        PrivateKey::sign(self, message)
    }

    fn kept(&self) -> Zeroizing<String> {
        self.to_pem()
    }
}

/// The key of a root that an upstream authority holds: we verify with it, and never sign.
#[derive(Debug)]
pub(crate) struct Elsewhere(pub(crate) Vec<u8>);

impl Signer for Elsewhere {
    fn spki(&self) -> &[u8] {
        &self.0
    }

    fn sign(&self, _: &[u8]) -> Result<Vec<u8>, KeyError> {
        Err(KeyError::Elsewhere)
    }

    fn kept(&self) -> Zeroizing<String> {
        Zeroizing::default()
    }
}
