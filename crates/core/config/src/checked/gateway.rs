//! Gateways: where they listen, with which certificate, and what a client may send.

use super::Limit;
use selvedge_model::{HostPattern, Name, Source};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// An edge.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// Its name.
    pub name: Name,
    /// Where it listens; never empty.
    pub listeners: Vec<Listener>,
    /// Networks whose `Forwarded` and `X-Forwarded-*` fields are believed.
    pub trusted_proxies: Vec<Network>,
    /// Limits on what a client may send.
    pub limits: Limits,
    /// Limits on how often, before anything is known of who asks.
    pub throttle: Vec<Limit>,
}

/// One listener of a gateway.
#[derive(Debug, Clone)]
pub struct Listener {
    /// The address to bind.
    pub address: SocketAddr,
    /// The hosts served here; never empty.
    pub hosts: Vec<HostPattern>,
    /// The certificate; `None` is plain HTTP.
    pub certificate: Option<Certificate>,
    /// What its clients may negotiate; `modern` unless written.
    pub preset: TlsPreset,
    /// The sets whose certificates a client is asked for; never on plain HTTP. Who has none may do what needs none.
    pub client_sets: Vec<Name>,
    /// Where it is written.
    pub source: Source,
}

/// What TLS a listener's clients may negotiate, by the names of Mozilla's Server Side TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum TlsPreset {
    /// TLS 1.3 alone.
    #[default]
    Modern,
    /// TLS 1.2 too, with ephemeral keys and AEAD ciphers alone.
    Intermediate,
}

/// Where a listener's certificate comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Certificate {
    /// PEM files on the gateway's host, relative to its files directory.
    File {
        /// The chain, leaf first.
        certificate: Arc<str>,
        /// The private key.
        key: Arc<str>,
    },
    /// Issued by the mesh's own authority for the listener's exact hosts.
    Mesh,
}

/// An address prefix, such as `10.0.0.0/8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    /// The first address.
    pub address: IpAddr,
    /// How many leading bits count.
    pub prefix: u8,
}

/// Limits on what a client may send and how long it may take. Each has a default (THREATS) and no infinite value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a decoded request head.
    pub head_bytes_max: usize,
    /// Fields in a head.
    pub fields_max: usize,
    /// Bytes of a request target.
    pub target_bytes_max: usize,
    /// Bytes of a request body.
    pub body_bytes_max: u64,
    /// Milliseconds for the TLS handshake.
    pub handshake_timeout_ms: u64,
    /// Milliseconds from the first byte of a head to its last.
    pub head_timeout_ms: u64,
    /// Milliseconds that a connection may idle between requests, or a TCP tunnel without a byte.
    pub idle_timeout_ms: u64,
    /// Concurrent HTTP/2 streams on a connection.
    pub streams_max: u32,
    /// Connections at once on one listener, of one worker.
    pub connections_max: u32,
    /// Connections at once of one client address (of one /64 in IPv6), of this process.
    pub client_connections_max: u32,
    /// Requests at once, of this process; each worker has an equal part.
    pub requests_max: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            head_bytes_max: 32 * 1024,
            fields_max: 100,
            target_bytes_max: 8 * 1024,
            body_bytes_max: 10 * 1024 * 1024,
            handshake_timeout_ms: 10_000,
            head_timeout_ms: 10_000,
            idle_timeout_ms: 60_000,
            streams_max: 100,
            connections_max: 16_384,
            client_connections_max: 16_384,
            requests_max: 32_768,
        }
    }
}
