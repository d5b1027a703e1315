//! The SPIFFE Workload API on a unix socket: any SPIFFE library gets its X.509-SVIDs, JWT-SVIDs and bundles here, and an
//! Envoy its certificates over SDS. Also the client's half, to take identities from another implementation.
//!
//! Who asks is what the kernel says of the process at the other end (`selvedge_net::attest`); what it gets is what the
//! documents say that such a process is. gRPC is spoken over h2 by our own hand (`grpc`): a dozen messages and seven
//! methods do not need more.

mod api;
mod authority;
mod caller;
mod client;
mod grpc;
mod limits;
mod message;
mod refusals;
mod sds;
mod serve;
mod socket;
mod tokens;
mod view;

pub use client::{FetchError, Fetched, WorkloadClient};
pub use grpc::{Code, Status};
pub use message::fuzz_read;
pub use refusals::{Refusals, Refused};
pub use serve::WorkloadApi;
pub use socket::{Socket, SocketError};
pub use tokens::{Later, TokenError, Tokens, Validated};
pub use view::{Offer, View};

#[cfg(test)]
mod tests;
