//! Calls to the authority: one JSON line in, one JSON line out, then the connection closes.

use super::serials::Issued;
use selvedge_identity::{Receipts, Rotation, Signature, Step, TrustBundle};
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
        /// Who asks, and how it proved who it is: for the log.
        how: String,
    },
    /// An edge certificate for `hosts`.
    Server {
        #[serde(with = "text::b64")]
        csr: Vec<u8>,
        #[serde(with = "text::hosts")]
        hosts: Vec<Host>,
        ttl_s: u64,
        how: String,
    },
    /// A JWT-SVID for `id`.
    Jwt { id: SpiffeId, audiences: Vec<String>, ttl_s: u64 },
    /// A signature over a bundle's payload.
    Sign { message: String },
    /// Take the steps of the rotation that these receipts allow.
    Advance { receipts: Receipts, leaf_ttl_s: u64 },
    /// Begin to rotate the root.
    Rotate {},
    /// A root's key may be known to others.
    Taint { root: String },
    /// What was issued on the word of `how` and lives.
    Living { how: String },
}

/// What the authority answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// To `Open`, `Advance`, `Rotate` and `Taint`.
    Standing(Box<Standing>),
    /// To `Svid` and `Server`.
    Chain(#[serde(with = "text::b64_list")] Vec<Vec<u8>>),
    /// To `Jwt`.
    Token(String),
    /// To `Sign`.
    Signature(Signature),
    /// To `Living`.
    Living(Vec<Issued>),
    /// No, and why.
    Refused(String),
}

/// Where the authority stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Standing {
    /// Whom to trust.
    pub(crate) bundle: TrustBundle,
    /// Which root signs, and which are before and after it.
    pub(crate) rotation: Rotation,
    /// When the intermediate that signs was made and ends, in seconds since 1970.
    pub(crate) intermediate: (u64, u64),
    /// What was done just now.
    pub(crate) steps: Vec<Step>,
}

impl Standing {
    /// The fingerprint of the root that signs.
    pub(crate) fn active_root(&self) -> &str {
        self.rotation.active_root().map(|slot| slot.id.as_str()).unwrap_or_default()
    }

    /// Whether everybody is to be issued anew at once: something that signed is compromised.
    pub(crate) fn is_urgent(&self) -> bool {
        self.rotation.roots.iter().any(|slot| slot.is_tainted && slot.id != self.active_root())
    }

    /// Whether documents must be signed anew: what signed them does not sign any more.
    pub(crate) fn signs_as(&self, other: &Standing) -> bool {
        self.active_root() == other.active_root() && self.intermediate == other.intermediate
    }
}
