//! A trust bundle: the roots of one trust domain, and the only place where a peer's chain becomes a peer.

use crate::certificate::{CertificateFacts, facts, hex, is_issued_by};
use crate::chain::{self, ChainError};
use crate::jwt::{JwtAuthority, JwtBundle};
use crate::leaf;
use crate::leaf_error::LeafError;
use aws_lc_rs::digest::{SHA256, digest};
use rustls_pki_types::{CertificateDer, TrustAnchor, UnixTime};
use selvedge_model::{SpiffeId, TrustDomain};
use serde::{Deserialize, Serialize};
use std::time::Duration;
use webpki::aws_lc_rs::ECDSA_P256_SHA256;
use webpki::{EndEntityCert, KeyUsage, anchor_from_trusted_cert};

/// Roots in a bundle: one, or two and a few more while they are rotated.
pub(crate) const ROOTS_MAX: usize = 16;

/// The roots that vouch for the workloads of one trust domain, and for no other's.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug)]
#[serde(deny_unknown_fields)]
pub struct TrustBundle {
    /// The trust domain.
    pub trust_domain: TrustDomain,
    /// Root certificates, DER; base64 in JSON.
    #[serde(with = "crate::b64::list")]
    pub roots: Vec<Vec<u8>>,
    /// The keys that sign JWT-SVIDs.
    #[serde(default)]
    pub jwt_keys: Vec<JwtAuthority>,
    /// Which version of the bundle this is: it grows with each change.
    #[serde(default)]
    pub sequence: u64,
}

/// A workload whose chain was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Who it is.
    pub id: SpiffeId,
    /// Seconds since 1970; the last second that its leaf is valid.
    pub not_after: u64,
    /// The leaf's serial number, hex.
    pub serial: String,
    /// Seconds since 1970; when the leaf was issued, less the seconds that leaves are dated back.
    pub not_before: u64,
    /// SHA-256 of the root that vouched for it, hex.
    pub root: String,
}

/// Why a chain or a signature is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VerifyError {
    /// The chain is empty or over a limit.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// The bundle has no root that is valid now, or more than 16.
    #[error("the trust bundle of `{0}` has no usable root; fetch it again")]
    NoRoot(TrustDomain),
    /// A certificate of the chain has expired.
    #[error("a certificate expired at `{not_after}` and it is `{now}`; renew it, or set the clock")]
    Expired {
        /// Seconds since 1970.
        not_after: u64,
        /// Seconds since 1970.
        now: u64,
    },
    /// A certificate of the chain is not yet valid.
    #[error("a certificate is valid from `{not_before}` and it is `{now}`; set the clock")]
    NotYetValid {
        /// Seconds since 1970.
        not_before: u64,
        /// Seconds since 1970.
        now: u64,
    },
    /// The chain leads to none of the bundle's roots.
    #[error("the chain leads to no root of `{0}`")]
    ForeignRoot(TrustDomain),
    /// A certificate between leaf and root may not issue SVIDs of this trust domain.
    #[error("the chain has an issuer that may not issue in `{0}`")]
    Issuer(TrustDomain),
    /// The path cannot be built or verified, for a reason that webpki names.
    #[error("the chain is no valid path: {0}")]
    Path(webpki::Error),
    /// The leaf is no SVID.
    #[error(transparent)]
    Leaf(#[from] LeafError),
    /// The leaf is an SVID of another trust domain.
    #[error("`{id}` is not of the trust domain `{trust_domain}`")]
    WrongTrustDomain {
        /// Whom the leaf names.
        id: SpiffeId,
        /// The bundle's.
        trust_domain: TrustDomain,
    },
    /// A signature is over other bytes, or by another key: a certificate's, or a document's.
    #[error("a signature is not by the key that it names, or not over these bytes")]
    Signature,
}

impl TrustBundle {
    /// A bundle of these roots alone.
    pub fn of(trust_domain: TrustDomain, roots: Vec<Vec<u8>>) -> TrustBundle {
        TrustBundle { trust_domain, roots, jwt_keys: Vec::new(), sequence: 0 }
    }

    /// Its keys for JWT-SVIDs.
    pub fn jwt(&self, refresh_hint_s: u64) -> JwtBundle {
        let (trust_domain, keys) = (self.trust_domain.clone(), self.jwt_keys.clone());
        JwtBundle { trust_domain, keys, sequence: self.sequence, refresh_hint_s }
    }

    /// Whether each root can be used at `now`: a node whose clock says no has not taken the bundle.
    pub fn is_usable_at(&self, now: u64) -> bool {
        self.roots_at(now).is_ok_and(|roots| roots.len() == self.roots.len())
    }

    /// SHA-256 of the root that issued the last certificate of a chain, hex: whose chain it is, edge certificates too.
    pub fn root_of(&self, chain: &[Vec<u8>]) -> Option<String> {
        let last = chain.last()?;
        let issued = |root: &&Vec<u8>| *root == last || is_issued_by(last, root).unwrap_or_default();
        self.roots.iter().find(issued).map(|root| fingerprint(root))
    }

    /// Verifies a presented chain, leaf first, at `now` (SPIFFE X.509-SVID §5).
    ///
    /// # Errors
    /// Says why the chain is refused; nothing of a refused chain may be used.
    pub fn verify(&self, chain: &[&[u8]], now: u64) -> Result<Peer, VerifyError> {
        let (leaf, rest) = chain::split(chain)?;
        let roots = self.roots_at(now)?;
        // INVARIANT: as many anchors as roots, in one order: what is no certificate was left out before.
        let anchors: Vec<TrustAnchor<'_>> =
            roots.iter().map(anchor_from_trusted_cert).collect::<Result<_, _>>().map_err(|e| self.path_error(e))?;
        let intermediates: Vec<CertificateDer<'_>> = rest.iter().map(|der| CertificateDer::from(*der)).collect();
        let leaf_der = CertificateDer::from(leaf);
        let path_error = |error| self.path_error(error);
        let entity = EndEntityCert::try_from(&leaf_der).map_err(path_error)?;
        let time = UnixTime::since_unix_epoch(Duration::from_secs(now));
        let usage = KeyUsage::client_auth();
        let path = entity
            .verify_for_usage(&[ECDSA_P256_SHA256], &anchors, &intermediates, time, usage, None, None)
            .map_err(path_error)?;
        // webpki ignores `keyUsage`, and knows nothing of trust domains.
        for issuer in path.intermediate_certificates() {
            if !leaf::may_issue(&facts(&issuer.der())?, &self.trust_domain) {
                return Err(VerifyError::Issuer(self.trust_domain.clone()));
            }
        }
        let leaf = facts(leaf)?;
        let id = leaf::spiffe_id(&leaf)?;
        if id.trust_domain() != self.trust_domain.as_str() {
            return Err(VerifyError::WrongTrustDomain { id, trust_domain: self.trust_domain.clone() });
        }
        let anchor = anchors.iter().zip(&roots).find(|(anchor, _)| **anchor == *path.anchor());
        let root =
            anchor.map(|(_, der)| fingerprint(der)).ok_or(VerifyError::ForeignRoot(self.trust_domain.clone()))?;
        Ok(Peer { id, not_after: leaf.not_after, serial: leaf.serial, not_before: leaf.not_before, root })
    }

    /// Which trust domain a leaf says that it is of: whose bundle is to verify it. Nothing else of it may be used.
    pub fn unverified_domain(leaf: &[u8]) -> Option<TrustDomain> {
        let facts = facts(leaf).ok()?;
        let [uri] = facts.uris.as_slice() else { return None };
        TrustDomain::parse(SpiffeId::parse(uri).ok()?.trust_domain()).ok()
    }

    /// SHA-256 of each root's DER, hex.
    pub fn fingerprints(&self) -> Vec<String> {
        self.roots.iter().map(|root| fingerprint(root)).collect()
    }

    /// The roots as PEM.
    pub fn to_pem(&self) -> String {
        crate::pem::write(&self.roots, None).to_string()
    }

    /// The roots that may issue and are valid at `now`: webpki asks neither of a trust anchor.
    pub(crate) fn roots_at(&self, now: u64) -> Result<Vec<CertificateDer<'_>>, VerifyError> {
        let usable = |root: &CertificateFacts| root.is_valid_at(now) && leaf::may_issue(root, &self.trust_domain);
        let roots: Vec<_> = self
            .roots
            .iter()
            .filter(|der| facts(der).is_ok_and(|root| usable(&root)))
            .map(|der| CertificateDer::from(der.as_slice()))
            .collect();
        if roots.is_empty() || self.roots.len() > ROOTS_MAX {
            return Err(VerifyError::NoRoot(self.trust_domain.clone()));
        }
        Ok(roots)
    }

    fn path_error(&self, error: webpki::Error) -> VerifyError {
        match error {
            webpki::Error::CertExpired { time, not_after } => {
                VerifyError::Expired { not_after: not_after.as_secs(), now: time.as_secs() }
            }
            webpki::Error::CertNotValidYet { time, not_before } => {
                VerifyError::NotYetValid { not_before: not_before.as_secs(), now: time.as_secs() }
            }
            webpki::Error::UnknownIssuer => VerifyError::ForeignRoot(self.trust_domain.clone()),
            webpki::Error::InvalidSignatureForPublicKey => VerifyError::Signature,
            webpki::Error::CaUsedAsEndEntity => VerifyError::Leaf(LeafError::Authority),
            webpki::Error::RequiredEkuNotFoundContext(_) => VerifyError::Leaf(LeafError::Purpose),
            // webpki's enum is open: what it adds is a refusal, too.
            error => VerifyError::Path(error),
        }
    }
}

/// SHA-256 of a certificate's DER, hex: how a root is pinned.
pub fn fingerprint(der: &[u8]) -> String {
    hex(digest(&SHA256, der).as_ref())
}
