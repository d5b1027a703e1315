//! Traffic settings of a service: how its endpoints are chosen, waited for, tried again and left alone. Not policy.

use super::HostPort;
use selvedge_balance::{OutlierLimits, Thresholds};
use selvedge_model::Name;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Traffic settings of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    /// Milliseconds to connect, TLS included.
    pub connect_timeout_ms: u64,
    /// Milliseconds until the answer's head.
    pub request_timeout_ms: u64,
    /// Milliseconds without a byte in either direction of a body or tunnel.
    pub idle_timeout_ms: u64,
    /// By what an endpoint is chosen.
    pub balance: Balance,
    /// When a request is sent a second time.
    pub retries: Retries,
    /// When an endpoint that fails is left alone.
    pub outlier: OutlierLimits,
    /// Active checks; `None` is none.
    pub health: Option<Check>,
    /// How much is sent there at once.
    pub circuit: Circuit,
    /// Milliseconds in which an endpoint that was just found, or came back, comes to its full share.
    pub slow_start_ms: u64,
    /// Zones of written endpoints.
    pub zones: BTreeMap<HostPort, Name>,
    /// Whether a connection may become a WebSocket, whose messages no stage looks into.
    pub websocket: bool,
    /// Whether a TCP workload is told who calls, in a PROXY protocol header (version 2).
    pub proxy_protocol: bool,
}

/// By what an endpoint is chosen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Balance {
    /// The cheaper of two that chance names, by latency and load.
    LeastLatency,
    /// One after the other.
    RoundRobin,
    /// The one that a key belongs to.
    Hash(HashBy),
}

/// What the key is. A request without one goes by least latency.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HashBy {
    /// A request field, lower case.
    Header(Arc<str>),
    /// A cookie.
    Cookie(Arc<str>),
    /// The client's address.
    Client,
    /// The end user: issuer and subject.
    Subject,
}

/// When a request is sent a second time: only one that is idempotent (RFC 9110 §9.2.2) and has no body, and to another
/// endpoint where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    /// Thousandths of the requests that may be tried again; 0 is none.
    pub budget_per_mille: u32,
    /// When no connection could be made. Nothing was sent then, so this is for every method and costs no budget.
    pub on_connect: bool,
    /// When the connection ended before an answer.
    pub on_reset: bool,
    /// Bits of the statuses that say to try again: bit 0 is 500.
    pub on_statuses: u32,
}

/// Active checks of an endpoint, made by each node for itself.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Check {
    /// What is asked for on an HTTP port. `None`, and on other ports: a connection is made.
    pub path: Option<Arc<str>>,
    /// Milliseconds between two checks.
    pub interval_ms: u64,
    /// Milliseconds that one may take.
    pub timeout_ms: u64,
    /// Checks in a row that make an endpoint healthy.
    pub healthy: u32,
    /// Checks in a row that make it unhealthy.
    pub unhealthy: u32,
}

/// How much is sent to a service at once, by one process. Each of its workers has an equal part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circuit {
    /// Connections.
    pub connections_max: u32,
    /// Requests that wait for a connection.
    pub pending_max: u32,
    /// Requests that are under way. Under strain fewer are sent (AIMD).
    pub requests_max: u32,
}

impl Default for Traffic {
    fn default() -> Traffic {
        Traffic {
            connect_timeout_ms: 5_000,
            request_timeout_ms: 30_000,
            idle_timeout_ms: 60_000,
            balance: Balance::LeastLatency,
            retries: Retries::default(),
            outlier: OutlierLimits::default(),
            health: None,
            circuit: Circuit { connections_max: 8_192, pending_max: 4_096, requests_max: 16_384 },
            slow_start_ms: 10_000,
            zones: BTreeMap::new(),
            websocket: false,
            proxy_protocol: false,
        }
    }
}

impl Default for Retries {
    fn default() -> Retries {
        let statuses = [502, 503].into_iter().filter_map(Retries::bit).fold(0, |all, bit| all | bit);
        Retries { budget_per_mille: 200, on_connect: true, on_reset: true, on_statuses: statuses }
    }
}

impl Retries {
    /// The bit of a status from 500 to 531.
    pub(crate) fn bit(status: u16) -> Option<u32> {
        1_u32.checked_shl(status.checked_sub(500)?.into())
    }

    /// Whether an answer of this status says to try again.
    pub fn on_status(&self, status: u16) -> bool {
        Retries::bit(status).is_some_and(|bit| self.on_statuses & bit != 0)
    }
}

impl Check {
    /// How many checks change the verdict.
    pub fn thresholds(&self) -> Thresholds {
        Thresholds { unhealthy: self.unhealthy, healthy: self.healthy }
    }
}
