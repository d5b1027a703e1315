//! What one worker counts, and its handle.

use super::Metrics;
use super::series::Series;
use ahash::AHashMap;
use selvedge_model::{Name, Record, Role};
use std::cell::RefCell;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The counters of one worker, which it writes and [`Metrics::render`] reads.
#[derive(Default)]
pub(super) struct Cells {
    gateway: RoleCells,
    inbound: RoleCells,
    outbound: RoleCells,
}

/// The counters of one role of one worker.
#[derive(Default)]
#[repr(align(128))]
pub(super) struct RoleCells {
    pub(super) opened: AtomicU64,
    pub(super) closed: AtomicU64,
    pub(super) handshakes_failed: AtomicU64,
    /// Hops that ended before a service was found.
    pub(super) unnamed: Series,
    /// Hops of services that have no place of their own.
    pub(super) other: Series,
    /// Guards the list of series: taken when the worker meets a service for the first time, and to render.
    named: Mutex<AHashMap<Name, Arc<Series>>>,
}

/// Counts for one worker thread. It may move to that thread, and is not shared between threads.
pub struct Shard {
    cells: Arc<Cells>,
    metrics: Arc<Metrics>,
    /// The series that this worker has met, so that it finds them without a lock.
    known: [RefCell<AHashMap<Name, Arc<Series>>>; 3],
}

impl Shard {
    pub(super) fn new(cells: Arc<Cells>, metrics: Arc<Metrics>) -> Shard {
        Shard { cells, metrics, known: Default::default() }
    }

    /// Counts one hop: its outcome and status, its duration and its bytes.
    pub fn hop(&self, record: &Record) {
        let cells = self.cells.role(record.role);
        let Some(service) = &record.service else { return cells.unnamed.count(record) };
        let [gateway, inbound, outbound] = &self.known;
        let known = match record.role {
            Role::Gateway => gateway,
            Role::MeshInbound => inbound,
            Role::MeshOutbound => outbound,
        };
        if let Some(series) = known.borrow().get(service) {
            return series.count(record);
        }
        if !self.metrics.services.admit(service) {
            return cells.other.count(record);
        }
        let series = cells.series(service);
        series.count(record);
        known.borrow_mut().insert(service.clone(), series);
    }

    /// Counts a connection that was accepted.
    pub fn connection_opened(&self, role: Role) {
        self.cells.role(role).opened.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts the end of a connection that was counted as opened.
    pub fn connection_closed(&self, role: Role) {
        self.cells.role(role).closed.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a TLS handshake that came to nothing.
    pub fn handshake_failed(&self, role: Role) {
        self.cells.role(role).handshakes_failed.fetch_add(1, Ordering::Relaxed);
    }
}

impl Cells {
    pub(super) fn role(&self, role: Role) -> &RoleCells {
        match role {
            Role::Gateway => &self.gateway,
            Role::MeshInbound => &self.inbound,
            Role::MeshOutbound => &self.outbound,
        }
    }
}

impl RoleCells {
    /// The series of the services that this worker has met.
    pub(super) fn named(&self) -> Vec<(Name, Arc<Series>)> {
        let named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        named.iter().map(|(name, series)| (name.clone(), Arc::clone(series))).collect()
    }

    fn series(&self, service: &Name) -> Arc<Series> {
        let mut named = self.named.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(named.entry(service.clone()).or_default())
    }
}

impl fmt::Debug for Shard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shard").finish_non_exhaustive()
    }
}
