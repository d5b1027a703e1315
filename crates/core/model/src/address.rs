//! Addresses as text, without the machinery of formatting: two are written for every request.

use std::io::Write;
use std::net::IpAddr;

/// Appends an address as it is usually written (RFC 5952 for IPv6).
pub fn push_address(address: IpAddr, out: &mut Vec<u8>) {
    match address {
        IpAddr::V4(v4) => {
            for (index, octet) in v4.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                for (unit, shown) in [(100, octet >= 100), (10, octet >= 10), (1, true)] {
                    if shown {
                        out.push(b'0' + octet / unit % 10);
                    }
                }
            }
        }
        // Writing to memory does not fail.
        IpAddr::V6(v6) => drop(write!(out, "{v6}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_as_it_is_read() {
        for text in ["0.0.0.0", "1.20.255.100", "109.9.90.200", "10.0.0.1", "2001:db8::1", "::1", "::ffff:1.2.3.4"] {
            let mut out = Vec::new();
            assert!(text.parse().map(|address| push_address(address, &mut out)).is_ok());
            assert_eq!(out, text.as_bytes());
        }
    }
}
