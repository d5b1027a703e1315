//! What a gateway tells the next hop of the outside caller, so that the exposure is decided a second time there.
//!
//! It is believed only from a peer whose SVID is that gateway's, on the connection that carries it, and it is worth
//! nothing further on: a gateway can vouch for its own exposures alone, and a service for nobody. From everybody else
//! these fields are dropped before anything reads them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use selvedge_model::{Host, PeerTls, Principal};
use std::net::IpAddr;

/// The decision id of a request, at every hop of it, and in its answer.
pub(crate) const DECISION: &str = "selvedge-decision";
/// What a gateway vouches for.
pub(crate) const OUTSIDE: &str = "selvedge-outside";

/// The outside facts of a request.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub(crate) struct Vouched {
    /// The host that was asked for at the gateway.
    pub(crate) host: Host,
    /// The client's address.
    pub(crate) client: IpAddr,
    /// Who the credential speaks for; none was shown otherwise.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) user: Option<Principal>,
    /// TLS towards the client.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tls: Option<PeerTls>,
}

impl Vouched {
    /// The field's value.
    pub(crate) fn encode(&self) -> String {
        // These types always have a JSON form.
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(self).unwrap_or_default())
    }

    /// Reads the field's value. `None`: it is not one that a gateway of ours writes.
    pub(crate) fn parse(value: &[u8]) -> Option<Vouched> {
        #[derive(serde::Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Written {
            host: String,
            client: IpAddr,
            user: Option<Principal>,
            tls: Option<PeerTls>,
        }
        let written: Written = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(value).ok()?).ok()?;
        let Written { host, client, user, tls } = written;
        Some(Vouched { host: Host::parse(&host).ok()?, client, user, tls })
    }
}
