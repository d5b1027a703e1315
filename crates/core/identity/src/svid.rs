//! An X.509-SVID with its key: what a workload shows to say who it is.

use crate::certificate::facts;
use crate::chain::{self, ChainError};
use crate::key::{KeyError, PrivateKey};
use crate::leaf;
use crate::leaf_error::LeafError;
use crate::pem::{self, PemError};
use crate::renew::renew_at;
use selvedge_model::SpiffeId;
use zeroize::Zeroizing;

/// An SVID and its key. That it leads to a trusted root is for the bundle to say, at the time it is used.
#[derive(Debug, Clone)]
pub struct Svid {
    /// Who it names.
    pub id: SpiffeId,
    /// DER, leaf first, without the root.
    pub chain: Vec<Vec<u8>>,
    /// The leaf's key.
    pub key: PrivateKey,
    /// Seconds since 1970.
    pub not_before: u64,
    /// Seconds since 1970; the last second that is valid.
    pub not_after: u64,
    /// The leaf's serial number, hex.
    pub serial: String,
}

/// Why a chain and a key make no SVID, or no edge certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SvidError {
    /// The chain is empty or over a limit.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The leaf is not what it should be.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// The key is not the leaf's.
    #[error("the private key does not belong to the certificate")]
    WrongKey,
    /// There is no usable key.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The text is no PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
}

impl Svid {
    /// Puts a chain and its key together.
    ///
    /// # Errors
    /// When the leaf is no SPIFFE leaf, the key is not its own, or the chain is over a limit.
    pub fn new(chain: Vec<Vec<u8>>, key: PrivateKey) -> Result<Svid, SvidError> {
        let (leaf, _) = chain::split(&chain)?;
        let leaf = facts(leaf)?;
        let id = leaf::spiffe_id(&leaf)?;
        if !key.is_half_of(&leaf.public_der) {
            return Err(SvidError::WrongKey);
        }
        Ok(Svid { id, chain, key, not_before: leaf.not_before, not_after: leaf.not_after, serial: leaf.serial })
    }

    /// Chain and key in one PEM text.
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::write(&self.chain, Some(self.key.pkcs8_der()))
    }

    /// The chain alone in PEM, leaf first.
    pub fn chain_pem(&self) -> Zeroizing<String> {
        pem::write(&self.chain, None)
    }

    /// Reads what [`Svid::to_pem`] writes.
    ///
    /// # Errors
    /// As [`Svid::new`], or when the text is no PEM or has not exactly one key.
    pub fn from_pem(text: &str) -> Result<Svid, SvidError> {
        let blocks = pem::read(text)?;
        let key = PrivateKey::from_blocks(&blocks)?;
        Svid::new(blocks.certificates, key)
    }

    /// When to renew, in seconds since 1970: half of the life ± 10 %, where `random` says in that span.
    pub fn renew_at(&self, random: u64) -> u64 {
        renew_at(self.not_before, self.not_after, random)
    }
}
