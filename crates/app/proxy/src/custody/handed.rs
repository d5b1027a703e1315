//! Tokens that a service hands over: one signature for each that came and each service that is called.

use super::{Carried, Custody};
use crate::connection::Connection;
use crate::hop::Refusal;
use crate::live::Live;
use ahash::RandomState;
use selvedge_authn::txn;
use selvedge_model::{Fault, Name};
use std::collections::HashMap;
use std::sync::Arc;

/// Values that are kept: some 5 KiB each, with what they were made of.
const HANDED_MAX: usize = 2048;

/// By the place of what came, which is held on to, and the service that is called.
#[derive(Debug, Default)]
pub(super) struct Handed(HashMap<(usize, Name), Known, RandomState>);

#[derive(Debug)]
struct Known {
    /// Held on to, so that no other takes its place.
    _carried: Arc<Carried>,
    value: Arc<str>,
}

impl Custody {
    /// What came, handed over to a service.
    ///
    /// # Errors
    /// When it cannot be signed.
    pub(crate) fn handed_over(
        &mut self,
        live: &Live,
        connection: &Connection,
        carried: &Arc<Carried>,
        service: &Name,
    ) -> Result<Arc<str>, Refusal> {
        let unready = |why: &str| Refusal::fault(Fault::NotReady, why);
        let mesh = self.mesh(live)?;
        let key = (Arc::as_ptr(carried).addr(), service.clone());
        if let Some(known) = self.handed.0.get(&key) {
            return Ok(known.value.clone());
        }
        let svid = mesh.svid(&connection.own).ok_or_else(|| unready("the service has no SVID yet"))?;
        let target = live.plan.target(service.as_str()).ok_or_else(|| unready("the service is gone"))?;
        let value = txn::hand_over(svid, &carried.value, &carried.token, &target.id);
        let value: Arc<str> = value.map_err(|error| Refusal::fault(Fault::NotReady, error))?.into();
        if self.handed.0.len() >= HANDED_MAX {
            self.handed.0.clear();
        }
        self.handed.0.insert(key, Known { _carried: carried.clone(), value: value.clone() });
        Ok(value)
    }
}
