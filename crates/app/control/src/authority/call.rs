//! Calls to the authority: one JSON line in, one JSON line out, then the connection closes.

use selvedge_identity::{Signature, TrustBundle};
use selvedge_link::text;
use selvedge_model::{Host, SpiffeId, TrustDomain};
use serde::{Deserialize, Serialize};

/// Bytes of one line: a bundle to sign is the longest.
pub(crate) const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// What control asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Call {
    /// Be the authority of this trust domain: the first call. Keys are made when there are none.
    Open { trust_domain: TrustDomain },
    /// An SVID for `id`.
    Svid {
        #[serde(with = "text::b64")]
        csr: Vec<u8>,
        id: SpiffeId,
        ttl_s: u64,
    },
    /// An edge certificate for `hosts`.
    Server {
        #[serde(with = "text::b64")]
        csr: Vec<u8>,
        #[serde(with = "text::hosts")]
        hosts: Vec<Host>,
        ttl_s: u64,
    },
    /// A signature over a bundle's payload.
    Sign { message: String },
}

/// What the authority answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// To `Open`.
    Trust(TrustBundle),
    /// To `Svid` and `Server`.
    Chain(#[serde(with = "text::b64_list")] Vec<Vec<u8>>),
    /// To `Sign`.
    Signature(Signature),
    /// No, and why.
    Refused(String),
}
