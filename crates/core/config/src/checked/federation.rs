//! Meshes of other trust domains whose workloads rules may name.

use super::{Reach, Written};
use selvedge_model::{SpiffeId, TrustDomain};
use std::sync::Arc;

/// A mesh, or any SPIFFE trust domain, that this one federates with.
#[derive(Debug, Clone)]
pub struct Federation {
    /// Its trust domain; never our own.
    pub trust_domain: TrustDomain,
    /// Where its bundle is fetched (SPIFFE Federation §5.2).
    pub endpoint: Arc<str>,
    /// What proves that the endpoint is its.
    pub profile: Profile,
    /// Its bundle to begin with, as a SPIFFE bundle document.
    pub first: Option<Written>,
    /// Which addresses the endpoint may lead to.
    pub reach: Reach,
}

/// What proves that a bundle endpoint is the trust domain's own (SPIFFE Federation §5.2.1, §5.2.2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// A certificate of the web.
    Web {
        /// A PEM file with the certificate authorities to trust for it, in place of the system's.
        ca: Option<Arc<str>>,
    },
    /// An X.509-SVID of the trust domain itself, verified by the bundle that is known already.
    Spiffe {
        /// Who the endpoint must prove to be.
        endpoint_id: SpiffeId,
    },
}
