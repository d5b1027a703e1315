//! The PROXY protocol, version 2: who calls, told to a workload before the first byte of the connection.

use std::net::{IpAddr, SocketAddr};

/// What such a header begins with (§2.2 of the specification).
const SIGNATURE: &[u8; 12] = b"\r\n\r\n\0\r\nQUIT\n";
/// Version 2, and a connection that is made for somebody else.
const PROXIED: u8 = 0x21;
/// Stream sockets over IPv4 and over IPv6.
const TCP4: u8 = 0x11;
const TCP6: u8 = 0x21;
/// The type of the field with the caller's SPIFFE ID: the first that is for an application's own use (§2.2.7).
const IDENTITY: u8 = 0xe0;

/// The header for a connection from `source` to `destination`, with the SPIFFE ID that the caller has proven.
pub fn header(source: SocketAddr, destination: SocketAddr, identity: Option<&str>) -> Vec<u8> {
    let mut rest = Vec::with_capacity(64);
    let family = match (source.ip().to_canonical(), destination.ip().to_canonical()) {
        (IpAddr::V4(from), IpAddr::V4(to)) => {
            rest.extend(from.octets());
            rest.extend(to.octets());
            TCP4
        }
        (from, to) => {
            rest.extend(in_v6(from));
            rest.extend(in_v6(to));
            TCP6
        }
    };
    rest.extend(source.port().to_be_bytes());
    rest.extend(destination.port().to_be_bytes());
    if let Some((identity, length)) = identity.and_then(|id| Some((id, u16::try_from(id.len()).ok()?))) {
        rest.push(IDENTITY);
        rest.extend(length.to_be_bytes());
        rest.extend(identity.as_bytes());
    }
    // INVARIANT: a SPIFFE ID has at most 2,048 bytes, so that the length fits.
    let length = u16::try_from(rest.len()).unwrap_or(u16::MAX).to_be_bytes();
    [SIGNATURE, &[PROXIED, family][..], &length, &rest].concat()
}

fn in_v6(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}

#[cfg(test)]
mod tests;
