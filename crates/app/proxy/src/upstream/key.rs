//! What a request is hashed by, where its service says so.

use selvedge_balance::hash;
use selvedge_config::checked::HashBy;
use selvedge_http::Fields;
use selvedge_model::Principal;
use std::net::IpAddr;

/// The hash of what `by` names. `None`: the request has none.
pub(crate) fn find(by: &HashBy, fields: &Fields, client: IpAddr, user: Option<&Principal>) -> Option<u64> {
    match by {
        HashBy::Header(name) => fields.all(name).next().map(hash),
        HashBy::Cookie(name) => {
            let pairs = fields.all("cookie").flat_map(|value| value.split(|byte| *byte == b';'));
            let mut values =
                pairs.filter_map(|pair| pair.trim_ascii().strip_prefix(name.as_bytes())?.strip_prefix(b"="));
            values.next().map(hash)
        }
        HashBy::Client => Some(match client.to_canonical() {
            IpAddr::V4(address) => hash(&address.octets()),
            IpAddr::V6(address) => hash(&address.octets()),
        }),
        HashBy::Subject => user.map(|user| hash(format!("{}\n{}", user.issuer, user.subject).as_bytes())),
    }
}
