//! Metrics: counters in each worker's own cache lines, added up when somebody asks.
//!
//! A worker counts through its [`Shard`]: a map of its own leads to relaxed atomics that no other worker writes. What
//! can be a label is bounded: roles and outcomes are closed sets, and services end at 1,024.

mod gauges;
mod series;
mod services;
mod shard;
mod text;

pub use shard::Shard;

use crate::log::{Counts, DecisionLog};
use gauges::Gauges;
use selvedge_model::Role;
use services::Services;
use shard::Cells;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

/// The content type of [`Metrics::render`]: the Prometheus text format.
pub const METRICS_CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The roles, in the order in which they are shown.
const ROLES: [Role; 3] = [Role::Gateway, Role::MeshInbound, Role::MeshOutbound];

/// All that one process counts.
pub struct Metrics {
    shards: Vec<Arc<Cells>>,
    services: Services,
    /// Guards the gauges: set a few times a minute, never by a request.
    gauges: Mutex<Gauges>,
    log: OnceLock<Arc<Counts>>,
}

impl Metrics {
    /// Metrics with a shard for each of so many workers.
    pub fn new(workers: usize) -> Arc<Metrics> {
        Arc::new(Metrics {
            shards: (0..workers.max(1)).map(|_| Arc::default()).collect(),
            services: Services::default(),
            gauges: Mutex::default(),
            log: OnceLock::new(),
        })
    }

    /// The shard of worker `index`. Workers beyond the number given to [`Metrics::new`] share; nothing is miscounted.
    pub fn worker(self: &Arc<Self>, index: usize) -> Shard {
        let cells = self.shards.iter().cycle().nth(index % self.shards.len().max(1));
        Shard::new(cells.map(Arc::clone).unwrap_or_default(), Arc::clone(self))
    }

    /// Shows the counts of this log as `selvedge_records_total` and `selvedge_records_lost_total`. The first log stays.
    pub fn watch(&self, log: &DecisionLog) {
        let _ = self.log.set(log.counts());
    }

    /// Sets one gauge. Names are metric and label names of the Prometheus format, values may be any text. Over 4,096
    /// gauges, or with a name that is none, it is refused and counted in `selvedge_gauges_refused_total`.
    pub fn set_gauge(&self, name: &'static str, labels: &[(&'static str, &str)], value: f64) {
        self.gauges().set(name, labels, value);
    }

    /// Sets the gauges of this name to these alone, so that what is gone (an old plan, a retired certificate) is no
    /// longer shown.
    pub fn replace_gauges(&self, name: &'static str, gauges: &[(&[(&'static str, &str)], f64)]) {
        let mut held = self.gauges();
        held.remove(name);
        gauges.iter().for_each(|(labels, value)| held.set(name, labels, *value));
    }

    /// Everything in the Prometheus text format 0.0.4.
    pub fn render(&self) -> String {
        let mut out = String::with_capacity(16 * 1024);
        text::hops(&mut out, &self.shards);
        text::connections(&mut out, &self.shards);
        if let Some(log) = self.log.get() {
            text::records(&mut out, log);
        }
        self.gauges().render(&mut out);
        out
    }

    fn gauges(&self) -> std::sync::MutexGuard<'_, Gauges> {
        self.gauges.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").field("workers", &self.shards.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
