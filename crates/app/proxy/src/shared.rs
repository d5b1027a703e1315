//! What all workers of a process read.

use crate::custody::Flights;
use crate::limiter::Limiter;
use crate::live::Live;
use crate::shed::Gate;
use crate::upstream::Checks;
use arc_swap::ArcSwap;
use selvedge_net::issuers::Issuers;
use std::sync::Arc;
use tokio::sync::watch;

/// What all workers read.
pub(crate) struct Shared {
    pub(crate) live: ArcSwap<Live>,
    /// Told of each change, after it is in force.
    pub(crate) changes: watch::Sender<u64>,
    pub(crate) issuers: Arc<Issuers>,
    /// The counts of all limits.
    pub(crate) limiter: Arc<Limiter>,
    pub(crate) checks: Arc<Checks>,
    pub(crate) gate: Arc<Gate>,
    /// How many workers share the limits of the process.
    pub(crate) workers: u32,
    /// Requests in flight from which local workloads may call on.
    pub(crate) flights: Arc<Flights>,
}
