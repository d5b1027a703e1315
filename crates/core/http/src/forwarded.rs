//! Forwarding fields: where a request came from, as far as somebody who is trusted says so (RFC 7239, `X-Forwarded-*`).

use crate::arrival::{Arrival, Forwarding, Scheme};
use crate::fields::trim;
use crate::kind::Kind;
use crate::{Fields, HeadError};
use selvedge_model::{Host, push_address};
use std::net::IpAddr;

/// Addresses in an `X-Forwarded-For` that are looked at.
const HOPS_MAX: usize = 16;
/// Characters of an address: eight groups of four digits (RFC 4291 §2.2).
const ADDRESS_CHARS_MAX: usize = 39;

/// Sets our own forwarding fields.
pub(crate) fn set_forwarding(fields: &mut Fields, arrival: &Arrival<'_>, host: &Host) -> Result<(), HeadError> {
    let mut addresses = Vec::with_capacity(ADDRESS_CHARS_MAX);
    if arrival.forwarding == Forwarding::Extend {
        for address in forwarded_for(fields) {
            push_address(address.ok_or(HeadError::FieldValue)?, &mut addresses);
            addresses.extend_from_slice(b", ");
        }
        fields.retain_kinds(|kind, _| kind != Kind::ForwardedFor);
    }
    push_address(arrival.peer, &mut addresses);
    fields.push_token(b"x-forwarded-for", &addresses)?;
    let scheme: &[u8] = match arrival.scheme {
        Scheme::Http => b"http",
        Scheme::Https => b"https",
    };
    fields.push_token(b"x-forwarded-proto", scheme)?;
    fields.push_token(b"x-forwarded-host", host.as_str().as_bytes())
}

/// The client's address: the peer's, unless that is a trusted proxy; then the last address in `X-Forwarded-For` that is
/// none. An address that is malformed ends the search, since what stands before it could be anybody's.
pub fn client_address(fields: &Fields, peer: IpAddr, trusted: impl Fn(IpAddr) -> bool) -> IpAddr {
    let mut client = peer;
    let addresses: Vec<Option<IpAddr>> = forwarded_for(fields).collect();
    for address in addresses.into_iter().rev().take(HOPS_MAX) {
        match address {
            Some(address) if trusted(client) => client = address,
            _ => break,
        }
    }
    client
}

fn forwarded_for(fields: &Fields) -> impl Iterator<Item = Option<IpAddr>> {
    let items = fields.all_of(Kind::ForwardedFor).flat_map(|value| value.split(|b| *b == b','));
    items.map(|item| std::str::from_utf8(trim(item)).ok()?.parse().ok())
}
