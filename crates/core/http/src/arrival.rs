//! What the connection tells about a request.

use std::net::IpAddr;

/// How the request arrived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Without TLS.
    Http,
    /// With TLS.
    Https,
}

/// What the connection tells about a request.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// With or without TLS.
    pub scheme: Scheme,
    /// The server name of the TLS handshake.
    pub sni: Option<&'a str>,
    /// The address of the peer.
    pub peer: IpAddr,
    /// What becomes of the forwarding fields.
    pub forwarding: Forwarding,
}

/// What becomes of the forwarding fields of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Forwarding {
    /// From outside: what came is dropped, and ours are set.
    Replace,
    /// From a trusted proxy: the addresses that came are kept, and the proxy's own is added.
    Extend,
    /// From a hop of our own: they stay as they are.
    Keep,
}
