//! Why nothing was issued.

use crate::key::KeyError;
use crate::request::RequestError;
use selvedge_model::{SpiffeId, TrustDomain};

/// Why nothing was issued.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IssueError {
    /// The request is refused.
    #[error(transparent)]
    Request(#[from] RequestError),
    /// The crypto library failed.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The ID is of another trust domain.
    #[error("`{id}` is not of the trust domain `{trust_domain}`")]
    WrongTrustDomain {
        /// Whom it should have named.
        id: SpiffeId,
        /// The authority's.
        trust_domain: TrustDomain,
    },
    /// No life, or too long a one.
    #[error("a life of `{ttl_s}` s; give 1 to `{max_s}`")]
    Life {
        /// As asked for, in seconds.
        ttl_s: u64,
        /// The most, in seconds.
        max_s: u64,
    },
    /// Nothing signs.
    #[error("no authority signs: restore its keys from a copy")]
    NoAuthority,
    /// The serial number is zero.
    #[error("the serial number is zero")]
    Serial,
    /// No host in an edge certificate, or over 64.
    #[error("`{0}` host names; give 1 to 64")]
    Hosts(usize),
    /// The issuing certificate is not valid now.
    #[error(
        "the authority's certificate is valid from `{not_before}` to `{not_after}` and it is `{now}`; renew it, or set the clock"
    )]
    NotValid {
        /// Seconds since 1970.
        not_before: u64,
        /// Seconds since 1970.
        not_after: u64,
        /// Seconds since 1970.
        now: u64,
    },
    /// A time that no certificate can hold.
    #[error("`{0}` seconds since 1970 is no date that a certificate can hold; set the clock")]
    Time(u64),
    /// The certificate cannot be written.
    #[error("the certificate cannot be written: {0}")]
    Encode(#[from] rcgen::Error),
}
