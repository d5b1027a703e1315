//! What a process leaves behind and shows: records of hops in a file, metrics, and the admin listener.
//!
//! The request path pays for a push into a list and a few relaxed atomics. Files, text and sockets are the work of
//! other threads; when those fall behind, records are dropped and counted, and no request ever waits for them.

pub mod admin;
mod find;
mod log;
mod metrics;

pub use find::find;
pub use log::{DecisionLog, Recorder};
pub use metrics::{METRICS_CONTENT_TYPE, Metrics, Shard};

#[cfg(test)]
mod fixture;
