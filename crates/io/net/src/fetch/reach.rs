//! Which addresses the URLs of documents may lead to: server-side request forgery ends here.

use selvedge_config::checked::{Network, Reach};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Whether an address may be connected to. IPv4 in IPv6 form is judged as the IPv4 address that it is.
pub(super) fn permits(reach: Reach, address: IpAddr) -> bool {
    let address = address.to_canonical();
    match reach {
        Reach::Public => is_public(address),
        Reach::Private => is_public(address) || is_private(address),
        Reach::Loopback => address.is_loopback(),
    }
}

/// Global unicast alone (IANA special-purpose address registries, RFC 6890).
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(_) => !is_in(SPECIAL_V4, address),
        // RFC 4291 §2.4: whatever global unicast is assigned lies in 2000::/3.
        IpAddr::V6(_) => is_in(GLOBAL_V6, address) && !is_in(SPECIAL_V6, address),
    }
}

/// RFC 1918 and RFC 4193 without the addresses at which clouds serve their credentials.
fn is_private(address: IpAddr) -> bool {
    is_in(PRIVATE, address) && !is_in(METADATA, address)
}

fn is_in(networks: &[Network], address: IpAddr) -> bool {
    networks.iter().any(|network| network.has(address))
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Network {
    Network { address: IpAddr::V4(Ipv4Addr::new(a, b, c, d)), prefix }
}

const fn v6(bits: u128, prefix: u8) -> Network {
    Network { address: IpAddr::V6(Ipv6Addr::from_bits(bits)), prefix }
}

const SPECIAL_V4: &[Network] = &[
    v4(0, 0, 0, 0, 8),       // this network
    v4(10, 0, 0, 0, 8),      // private
    v4(100, 64, 0, 0, 10),   // shared, RFC 6598
    v4(127, 0, 0, 0, 8),     // loopback
    v4(169, 254, 0, 0, 16),  // link-local, cloud metadata
    v4(172, 16, 0, 0, 12),   // private
    v4(192, 0, 0, 0, 24),    // protocol assignments
    v4(192, 0, 2, 0, 24),    // documentation
    v4(192, 88, 99, 0, 24),  // 6to4 relays
    v4(192, 168, 0, 0, 16),  // private
    v4(198, 18, 0, 0, 15),   // benchmarks
    v4(198, 51, 100, 0, 24), // documentation
    v4(203, 0, 113, 0, 24),  // documentation
    v4(224, 0, 0, 0, 4),     // multicast
    v4(240, 0, 0, 0, 4),     // reserved, broadcast
];

const GLOBAL_V6: &[Network] = &[v6(0x2000 << 112, 3)];

const SPECIAL_V6: &[Network] = &[
    v6(0x2001 << 112, 23),                   // protocol assignments, Teredo
    v6((0x2001 << 112) | (0xdb8 << 96), 32), // documentation
    v6(0x2002 << 112, 16),                   // 6to4: an IPv4 address inside
    v6(0x3fff << 112, 20),                   // documentation
];

const PRIVATE: &[Network] = &[v4(10, 0, 0, 0, 8), v4(172, 16, 0, 0, 12), v4(192, 168, 0, 0, 16), v6(0xfc00 << 112, 7)];

const METADATA: &[Network] = &[
    v6((0xfd00 << 112) | (0xec2 << 96) | 0x254, 128), // AWS
    v6((0xfd20 << 112) | (0xce << 96) | 0x254, 128),  // Google Cloud
];

#[cfg(test)]
mod tests;
