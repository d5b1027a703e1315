//! Whose signatures were seen: a chain is verified once, its leaf's end at every use.

use selvedge_identity::{JoseSigner, TrustBundle, VerifyError};
use std::collections::HashMap;
use std::sync::Arc;

/// Signers that are kept: every gateway and service of a large mesh. Only verified ones are, so a flood of forged ones
/// displaces nothing.
const SIGNERS_MAX: usize = 4096;

/// Verified chains under one trust bundle, by their leaf. Make a new one when the bundle changes.
#[derive(Debug, Default)]
pub struct Signers {
    known: HashMap<Vec<u8>, Arc<JoseSigner>>,
}

impl Signers {
    /// The signer with this chain, DER, leaf first; `now` in seconds since 1970.
    pub(super) fn signer(
        &mut self,
        bundle: &TrustBundle,
        chain: &[Vec<u8>],
        now: u64,
    ) -> Result<Arc<JoseSigner>, VerifyError> {
        let leaf = chain.first().map(Vec::as_slice).unwrap_or_default();
        // One that has ended is verified again, which says so.
        if let Some(known) = self.known.get(leaf).filter(|known| known.peer.not_after >= now) {
            return Ok(Arc::clone(known));
        }
        let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
        let signer = Arc::new(bundle.signer(&chain, now)?);
        if self.known.len() >= SIGNERS_MAX {
            self.known.clear();
        }
        self.known.insert(leaf.to_vec(), Arc::clone(&signer));
        Ok(signer)
    }
}
