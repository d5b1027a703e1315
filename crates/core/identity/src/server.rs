//! An edge certificate with its key: hosts for outside clients, no SPIFFE ID, so nothing that the mesh accepts.

use crate::certificate::facts;
use crate::chain;
use crate::key::PrivateKey;
use crate::leaf;
use crate::pem;
use crate::renew::renew_at;
use crate::svid::SvidError;
use selvedge_model::Host;
use zeroize::Zeroizing;

/// A certificate that a gateway shows to outside clients, and its key.
#[derive(Debug, Clone)]
pub struct ServerCertificate {
    /// DER, leaf first, without the root.
    pub chain: Vec<Vec<u8>>,
    /// The leaf's key.
    pub key: PrivateKey,
    /// The hosts it is for.
    pub names: Vec<Host>,
    /// Seconds since 1970.
    pub not_before: u64,
    /// Seconds since 1970; the last second that is valid.
    pub not_after: u64,
    /// The leaf's serial number, hex.
    pub serial: String,
}

impl ServerCertificate {
    /// Puts a chain and its key together.
    ///
    /// # Errors
    /// When the leaf is no edge certificate, the key is not its own, or the chain is over a limit.
    pub fn new(chain: Vec<Vec<u8>>, key: PrivateKey) -> Result<ServerCertificate, SvidError> {
        let (leaf, _) = chain::split(&chain)?;
        let leaf = facts(leaf)?;
        let names = leaf::hosts(&leaf)?;
        if !key.is_half_of(&leaf.public_der) {
            return Err(SvidError::WrongKey);
        }
        let (not_before, not_after, serial) = (leaf.not_before, leaf.not_after, leaf.serial);
        Ok(ServerCertificate { chain, key, names, not_before, not_after, serial })
    }

    /// Chain and key in one PEM text.
    pub fn to_pem(&self) -> Zeroizing<String> {
        pem::write(&self.chain, Some(self.key.pkcs8_der()))
    }

    /// Reads what [`ServerCertificate::to_pem`] writes.
    ///
    /// # Errors
    /// As [`ServerCertificate::new`], or when the text is no PEM or has not exactly one key.
    pub fn from_pem(text: &str) -> Result<ServerCertificate, SvidError> {
        let blocks = pem::read(text)?;
        let key = PrivateKey::from_blocks(&blocks)?;
        ServerCertificate::new(blocks.certificates, key)
    }

    /// When to renew, in seconds since 1970: half of the life ± 10 %, where `random` says in that span.
    pub fn renew_at(&self, random: u64) -> u64 {
        renew_at(self.not_before, self.not_after, random)
    }
}
