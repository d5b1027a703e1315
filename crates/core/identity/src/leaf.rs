//! What a leaf must be: an X.509-SVID (SPIFFE X.509-SVID §2, §4, §5.2), or an edge certificate and no SVID.

use crate::certificate::{CertificateFacts, Purposes, Usage};
use crate::key::p256_point;
use crate::leaf_error::LeafError;
use selvedge_model::{Host, SpiffeId, TrustDomain};

/// Checks an SVID's leaf and gives its SPIFFE ID. Neither signature nor time is looked at.
pub(crate) fn spiffe_id(leaf: &CertificateFacts) -> Result<SpiffeId, LeafError> {
    check_end_entity(leaf)?;
    if leaf.purposes.is_some_and(|Purposes { server, client }| !(server && client)) {
        return Err(LeafError::Purpose);
    }
    match leaf.uris.as_slice() {
        [] => Err(LeafError::NoId),
        [uri] => Ok(SpiffeId::parse(uri)?),
        uris => Err(LeafError::ManyIds(uris.len())),
    }
}

/// Checks an edge certificate's leaf and gives its hosts. Neither signature nor time is looked at.
pub(crate) fn hosts(leaf: &CertificateFacts) -> Result<Vec<Host>, LeafError> {
    check_end_entity(leaf)?;
    if !leaf.uris.is_empty() {
        return Err(LeafError::HasId);
    }
    if leaf.purposes.is_some_and(|purposes| !purposes.server) {
        return Err(LeafError::Purpose);
    }
    if leaf.hosts.is_empty() {
        return Err(LeafError::NoHost);
    }
    leaf.hosts.iter().map(|host| Ok(Host::parse(host)?)).collect()
}

/// Whether a certificate may issue SVIDs of `domain`: an authority that signs certificates, on P-256, for both purposes,
/// and, when it has a URI name, that of the trust domain alone (SPIFFE X.509-SVID §3.2, §4.1).
pub(crate) fn may_issue(issuer: &CertificateFacts, domain: &TrustDomain) -> bool {
    let purposes = issuer.purposes.is_none_or(|purposes| purposes.server && purposes.client);
    is_issuer(issuer) && purposes && names_domain(issuer, domain) && p256_point(&issuer.public_der).is_some()
}

/// Whether a certificate is one of an authority that signs certificates.
pub(crate) fn is_issuer(issuer: &CertificateFacts) -> bool {
    issuer.is_authority && issuer.usage.is_some_and(|usage| usage.signs_certificates)
}

/// Whether an authority names no other trust domain than this.
pub(crate) fn names_domain(issuer: &CertificateFacts, domain: &TrustDomain) -> bool {
    match issuer.uris.as_slice() {
        [] => true,
        [uri] => uri.strip_prefix("spiffe://") == Some(domain.as_str()),
        _ => false,
    }
}

fn check_end_entity(leaf: &CertificateFacts) -> Result<(), LeafError> {
    if leaf.is_authority {
        return Err(LeafError::Authority);
    }
    match leaf.usage {
        Some(Usage { signs_data: true, signs_certificates: false, signs_lists: false }) => {}
        Some(_) | None => return Err(LeafError::KeyUsage),
    }
    p256_point(&leaf.public_der).map(drop).ok_or(LeafError::KeyType)
}
