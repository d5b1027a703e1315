//! Transaction tokens: what a gateway found out about an outside caller, signed, for every hop behind it
//! (draft-ietf-oauth-transaction-tokens; DESIGN §5).
//!
//! The value of the field is `token~handover~handover…`. The token is a JWT signed by the gateway's SVID, whose chain is
//! in its header; a hand-over is a smaller one, signed by the SVID of a service that passes the value on, and says to whom
//! and, by a hash, what. A receiver takes a value only when its mTLS peer is who signed the last piece, that piece was
//! handed to the receiver itself, and each piece was signed by whom the one before it was handed to. So a copy is worth
//! nothing to a workload that was not given it, and pieces of two values cannot be joined.
//!
//! Why this form: it is the one of SD-JWT (RFC 9901 §4), so that the token stays an ordinary JWT; a nested signature would
//! wrap the whole value in base64 again at each hop. A hand-over names neither its signer, whom its certificate names,
//! nor a time: the hash binds it to a token that ends within a minute. Authorities' certificates are carried once.
//!
//! What it does not prevent: a workload that is taken over can, until the token ends, call on for those users whose
//! requests it was given, where its own rules with `onBehalfOf` let it. It can make up no user, and take nobody else's.

mod parts;
mod read;
mod signers;
mod write;

pub use read::{Expected, TxnError, verify};
pub use signers::Signers;
pub use write::{MintError, Minting, hand_over, mint};

use selvedge_model::{DecisionId, Host, Name, PeerTls, Principal};
use std::net::IpAddr;
use std::sync::Arc;

/// The request field, in lower case (draft-ietf-oauth-transaction-tokens §8).
pub const FIELD: &str = "txn-token";
/// How long a token is valid, in seconds: the longest that a copy of one is of use to whom it was given.
pub const LIFETIME_S: u64 = 60;
/// How far the clocks of two nodes may be apart, in seconds.
const SKEW_S: u64 = 5;
/// Bytes of a whole value: three quarters of a head, so that what else a request needs has room.
pub const VALUE_BYTES_MAX: usize = 24 * 1024;
/// Hand-overs of one token, so calls that stand on one another behind the first service: a verification each.
pub const HAND_OVERS_MAX: usize = 8;
/// Scopes, groups or ways of authentication of one user.
const GRANTS_MAX: usize = 256;
/// Certificates of authorities that one value carries.
const ISSUERS_MAX: usize = 3;

/// What a gateway vouches for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outside {
    /// The gateway.
    pub gateway: Name,
    /// The host that was asked for there.
    pub host: Host,
    /// The client's address.
    pub client: IpAddr,
    /// TLS towards the client.
    pub tls: Option<PeerTls>,
    /// What the caller showed.
    pub credential: Shown,
}

/// The credential that an outside caller showed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Shown {
    /// None.
    Nothing,
    /// A token of an issuer, for this user.
    Token(Arc<Principal>),
}

/// A transaction token that was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TxnToken {
    /// The decision under which the gateway minted it.
    pub txn: DecisionId,
    /// What the gateway vouches for.
    pub outside: Outside,
    /// The rule that let the caller in, as `access/rule`.
    pub rule: Arc<str>,
    /// The gateway's plan, its hash in hex.
    pub plan: Arc<str>,
    /// When it ends, in seconds since 1970, without leeway.
    pub expires: u64,
    /// How often it was handed over.
    pub hand_overs: usize,
    /// Certificates of authorities in it, DER.
    issuers: Vec<Vec<u8>>,
}

impl TxnToken {
    /// The end user.
    pub fn user(&self) -> Option<&Arc<Principal>> {
        match &self.outside.credential {
            Shown::Token(user) => Some(user),
            Shown::Nothing => None,
        }
    }

    /// Whether it is still valid at `now`, in seconds since 1970.
    pub fn is_timely(&self, now: u64) -> bool {
        self.expires.saturating_add(SKEW_S) > now
    }
}

#[cfg(test)]
mod tests;
