//! Requests in flight at local workloads, by trace id: for whom a workload calls on.
//!
//! The request that comes in and the call that goes out are on different threads, so this is shared by them. It is looked
//! at only in meshes whose rules between services ask for users.

use super::Carried;
use ahash::RandomState;
use selvedge_model::Name;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Parts of the table, so that threads seldom meet.
const SHARDS: usize = 64;
/// Traces in one part: over 200,000 requests in flight in all, more than there are connections.
const TRACES_PER_SHARD_MAX: usize = 4096;

/// A trace at a local service.
type Key = (u128, Name);

/// Requests in flight.
#[derive(Debug)]
pub(crate) struct Flights {
    hasher: RandomState,
    /// Each mutex guards the requests in flight whose keys hash there; it is held for one look-up, and never over an await.
    shards: [Mutex<HashMap<Key, Entry, RandomState>>; SHARDS],
}

/// The requests of one trace.
#[derive(Debug)]
struct Entry {
    /// The token of the first user that came.
    carried: Option<Arc<Carried>>,
    /// Requests of that user.
    same: usize,
    /// Requests of others, or of nobody. While there are any, the trace says nothing: the first may be over, and a call
    /// be made for another.
    others: usize,
}

/// A request in flight, until this is dropped.
#[derive(Debug)]
pub(crate) struct Flight {
    flights: Arc<Flights>,
    key: Key,
    same: bool,
}

impl Default for Flights {
    fn default() -> Flights {
        Flights { hasher: RandomState::new(), shards: std::array::from_fn(|_| Mutex::default()) }
    }
}

impl Flights {
    /// Notes a request. `None`: there are too many.
    pub(super) fn take_off(
        flights: &Arc<Flights>,
        trace: u128,
        service: &Name,
        carried: Option<&Arc<Carried>>,
    ) -> Option<Flight> {
        let key = (trace, service.clone());
        let mut shard = flights.shard(&key)?;
        if shard.len() >= TRACES_PER_SHARD_MAX && !shard.contains_key(&key) {
            return None;
        }
        let fresh = || Entry { carried: carried.cloned(), same: 0, others: 0 };
        let entry = shard.entry(key.clone()).or_insert_with(fresh);
        let same = match (&entry.carried, carried) {
            (Some(first), Some(next)) => first.token.user() == next.token.user(),
            (None, _) | (_, None) => false,
        };
        if same {
            entry.same += 1;
            // The one that lasts longer serves both.
            if let (Some(first), Some(next)) = (&mut entry.carried, carried)
                && next.token.expires > first.token.expires
            {
                *first = next.clone();
            }
        } else {
            entry.others += 1;
        }
        drop(shard);
        Some(Flight { flights: flights.clone(), key, same })
    }

    /// The token of the one user whose requests are in flight with this trace.
    pub(super) fn find(&self, trace: u128, service: &Name) -> Option<Arc<Carried>> {
        let key = (trace, service.clone());
        let shard = self.shard(&key)?;
        shard.get(&key).filter(|entry| entry.others == 0)?.carried.clone()
    }

    fn shard(&self, key: &Key) -> Option<MutexGuard<'_, HashMap<Key, Entry, RandomState>>> {
        let shard = self.shards.get(self.hasher.hash_one(key) as usize % SHARDS)?;
        // A thread that panicked did so elsewhere: nothing here can.
        Some(shard.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let Some(mut shard) = self.flights.shard(&self.key) else { return };
        let Some(entry) = shard.get_mut(&self.key) else { return };
        let count = if self.same { &mut entry.same } else { &mut entry.others };
        *count = count.saturating_sub(1);
        if entry.same + entry.others == 0 {
            shard.remove(&self.key);
        }
    }
}
