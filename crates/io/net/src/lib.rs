//! The outside world of one process: sockets, TLS, issuers' keys over HTTP, who is at the other end of a loopback
//! connection, the real clock, and randomness.
//!
//! Nothing here decides. TLS lives in one module, which alone names rustls.

pub mod attest;
mod clock;
mod dial;
pub mod federation;
mod fetch;
pub mod handover;
pub mod issuers;
mod limits;
mod listener;
pub mod proxy_protocol;
mod random;
mod tls;

pub use clock::{now_ms, now_s};
pub use dial::{DialError, dial};
pub use limits::{memory_max, memory_used, raise_descriptors};
pub use listener::Listener;
pub use random::{random_bytes, random_u128};
pub use tls::{
    Alpn, Call, ClientCertificate, ClientChain, Clients, EdgeCertificate, EdgeTls, EndpointTls, Handshake, JoinTls,
    MeshTls, Stream, TlsError, TlsStream, client,
};
