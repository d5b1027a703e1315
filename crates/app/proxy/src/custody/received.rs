//! Tokens that came: verified once, their end at every use.

use super::{Carried, Custody};
use crate::connection::{Caller, Connection, Kind};
use crate::hop::Refusal;
use crate::live::Live;
use ahash::RandomState;
use selvedge_authn::txn::{Expected, TxnError, verify};
use selvedge_model::{Fault, SpiffeId, WorkloadKind};
use selvedge_net::now_s;
use std::collections::HashMap;
use std::sync::Arc;

/// Bytes of values that are kept. Only verified ones are, so a flood of forged ones displaces nothing.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Verified tokens, keyed on all their bytes.
#[derive(Debug, Default)]
pub(super) struct Received {
    known: HashMap<Box<[u8]>, Known, RandomState>,
    bytes: usize,
}

#[derive(Debug)]
struct Known {
    carried: Arc<Carried>,
    /// Who showed it, and to which of our services: it is worth nothing to another.
    peer: SpiffeId,
    to: SpiffeId,
}

impl Custody {
    /// The token that a peer shows.
    ///
    /// # Errors
    /// When it is not one that this peer may show here, now.
    pub(crate) fn received(
        &mut self,
        live: &Live,
        connection: &Connection,
        caller: &Caller,
        value: &[u8],
    ) -> Result<Arc<Carried>, Refusal> {
        let refused = |error: TxnError| Refusal::fault(Fault::BadRequest, error);
        let (mesh, now) = (self.mesh(live)?, now_s());
        let is_theirs = |known: &&Known| known.peer == caller.id && known.to == connection.own;
        if let Some(known) = self.received.known.get(value).filter(is_theirs) {
            let timely = known.carried.token.is_timely(now);
            return if timely { Ok(known.carried.clone()) } else { Err(refused(TxnError::Expired)) };
        }
        let (bundle, revoked) = (mesh.bundle(), mesh.revoked());
        let expected = Expected { bundle, revoked, peer: &caller.id, to: &connection.own, now };
        let token = verify(value, &expected, &mut self.signers).map_err(refused)?;
        let from_gateway = matches!(caller.kind, Kind::Own(WorkloadKind::Gateway(_)));
        // INVARIANT: what was verified is text.
        let text = String::from_utf8_lossy(value).into_owned().into_boxed_str();
        let carried = Arc::new(Carried { value: text, token, from_gateway });
        let known = Known { carried: carried.clone(), peer: caller.id.clone(), to: connection.own.clone() };
        self.received.keep(value, known);
        Ok(carried)
    }
}

impl Received {
    fn keep(&mut self, value: &[u8], known: Known) {
        // Twice: as a key, and as what is handed over.
        self.bytes += 2 * value.len();
        if self.bytes > BYTES_MAX {
            self.known.clear();
            self.bytes = 2 * value.len();
        }
        self.known.insert(value.into(), known);
    }
}
