//! The authority of a trust domain: a root that signs an intermediate, and the intermediate that signs all else.

use crate::bundle::{TrustBundle, fingerprint};
use crate::certificate::{facts, is_issued_by};
use crate::issue_error::IssueError;
use crate::issuer::{Issuer, ROOT_TTL_S};
use crate::key::{KeyError, PrivateKey};
use crate::leaf;
use crate::leaf_error::LeafError;
use crate::pem::{self, PemError};
use crate::signature::Signature;
use crate::signer::{Elsewhere, FindSigner, Signer};
use selvedge_model::TrustDomain;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Root and intermediate of one trust domain with their keys, in memory. It asks nobody who may have which SVID: that is
/// for its caller to know.
#[derive(Debug)]
pub struct Authority {
    pub(crate) trust_domain: TrustDomain,
    pub(crate) root: Issuer,
    pub(crate) intermediate: Issuer,
}

/// An authority as PEM texts, one for each file. `Debug` hides the keys.
#[derive(Clone)]
pub struct AuthorityPem {
    /// The root, self-signed.
    pub root_certificate: String,
    /// The root's key.
    pub root_key: Zeroizing<String>,
    /// The intermediate.
    pub intermediate_certificate: String,
    /// The intermediate's key.
    pub intermediate_key: Zeroizing<String>,
}

/// Why texts make no authority.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AuthorityError {
    /// A text is no PEM.
    #[error(transparent)]
    Pem(#[from] PemError),
    /// A key cannot be read.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// A certificate cannot be read.
    #[error(transparent)]
    Certificate(#[from] LeafError),
    /// A text has no certificate, or several.
    #[error("a certificate file has `{0}` certificates; give exactly one")]
    Count(usize),
    /// A key is not its certificate's.
    #[error("a private key of the authority does not belong to its certificate; restore both from one backup")]
    WrongKey,
    /// A certificate may not issue in this trust domain.
    #[error("a certificate of the authority may not issue in `{0}`; was the trust domain renamed?")]
    WrongTrustDomain(TrustDomain),
    /// The root did not sign the intermediate, or not itself.
    #[error("the authority's root did not sign its intermediate; restore both from one backup")]
    Unrelated,
}

impl Authority {
    /// Makes the authority of a new trust domain, with new keys: a root for ten years, an intermediate for one.
    ///
    /// # Errors
    /// When the crypto library fails, or `now` is no date that a certificate can hold.
    pub fn create(domain: &TrustDomain, now: u64) -> Result<Authority, IssueError> {
        Authority::create_with(domain, Arc::new(PrivateKey::generate()?), now, ROOT_TTL_S)
    }

    /// Makes an authority whose root has this key and lives `ttl_s` seconds; its intermediate's key is new.
    ///
    /// # Errors
    /// As [`Authority::create`], or when the key cannot sign.
    pub fn create_with(
        domain: &TrustDomain,
        key: Arc<dyn Signer>,
        now: u64,
        ttl_s: u64,
    ) -> Result<Authority, IssueError> {
        Authority::below(Issuer::root(domain, key, now, ttl_s)?, domain, now)
    }

    /// Makes an authority below a root that is there already: an upstream authority's certificate and key, in PEM.
    ///
    /// # Errors
    /// When they do not belong together, or the root may not issue in `domain` now.
    pub fn below_root(
        root: &str,
        key: &str,
        domain: &TrustDomain,
        now: u64,
    ) -> Result<Result<Authority, IssueError>, AuthorityError> {
        let key = PrivateKey::from_pem(key)?;
        let root = issuer(root, Arc::new(key), domain)?;
        if !is_issued_by(&root.certificate, &root.certificate)? {
            return Err(AuthorityError::Unrelated);
        }
        Ok(Authority::below(root, domain, now))
    }

    fn below(root: Issuer, domain: &TrustDomain, now: u64) -> Result<Authority, IssueError> {
        let intermediate = root.intermediate(domain, now)?;
        Ok(Authority { trust_domain: domain.clone(), root, intermediate })
    }

    /// Reads what [`Authority::to_pem`] writes. Expiry is looked at when something is issued.
    ///
    /// # Errors
    /// When a text cannot be read, or the four do not belong together and to `domain`.
    pub fn from_pem(pem: &AuthorityPem, domain: &TrustDomain) -> Result<Authority, AuthorityError> {
        Authority::from_kept(pem, domain, &|text| Ok(Arc::new(PrivateKey::from_pem(text)?)))
    }

    /// As [`Authority::from_pem`], where a key may be a reference that `find` resolves, or empty: then the root's key is
    /// an upstream authority's.
    ///
    /// # Errors
    /// As [`Authority::from_pem`], or when a key is not found.
    pub fn from_kept(
        pem: &AuthorityPem,
        domain: &TrustDomain,
        find: &FindSigner<'_>,
    ) -> Result<Authority, AuthorityError> {
        let root_key = if pem.root_key.is_empty() { elsewhere(&pem.root_certificate)? } else { find(&pem.root_key)? };
        let root = issuer(&pem.root_certificate, root_key, domain)?;
        let intermediate = issuer(&pem.intermediate_certificate, find(&pem.intermediate_key)?, domain)?;
        for certificate in [&root.certificate, &intermediate.certificate] {
            if !is_issued_by(certificate, &root.certificate)? {
                return Err(AuthorityError::Unrelated);
            }
        }
        Ok(Authority { trust_domain: domain.clone(), root, intermediate })
    }

    /// The four PEM texts. Whoever holds them is the authority.
    pub fn to_pem(&self) -> AuthorityPem {
        let certificate = |issuer: &Issuer| pem::write(std::slice::from_ref(&issuer.certificate), None).to_string();
        AuthorityPem {
            root_certificate: certificate(&self.root),
            root_key: self.root.key.kept(),
            intermediate_certificate: certificate(&self.intermediate),
            intermediate_key: self.intermediate.key.kept(),
        }
    }

    /// The bundle that verifies what this authority issues.
    pub fn bundle(&self) -> TrustBundle {
        TrustBundle::of(self.trust_domain.clone(), vec![self.root.certificate.clone()])
    }

    /// Signs a document with the intermediate's key: ECDSA over SHA-256 of a fixed context and `message`.
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn sign(&self, message: &[u8]) -> Result<Signature, IssueError> {
        Ok(Signature::make(&*self.intermediate.key, &self.intermediate.certificate, message)?)
    }

    /// Makes a new intermediate, with a new key. Leaves of the former one stay valid, since they carry it.
    ///
    /// # Errors
    /// When the root is not valid at `now`, or the crypto library fails.
    pub fn renew_intermediate(&mut self, now: u64) -> Result<(), IssueError> {
        self.intermediate = self.root.intermediate(&self.trust_domain, now)?;
        Ok(())
    }

    /// Whether the root's key is at hand: without it, an upstream authority gives the next intermediate.
    pub(crate) fn can_renew(&self) -> bool {
        !self.root.key.kept().is_empty()
    }

    /// SHA-256 of the root's DER, hex.
    pub fn root_fingerprint(&self) -> String {
        fingerprint(&self.root.certificate)
    }

    /// The first and the last second of the root, since 1970.
    pub fn root_life(&self) -> (u64, u64) {
        (self.root.not_before, self.root.not_after)
    }

    /// The first and the last second of the intermediate, since 1970.
    pub fn intermediate_life(&self) -> (u64, u64) {
        (self.intermediate.not_before, self.intermediate.not_after)
    }

    /// The last second that the root is valid, since 1970.
    pub fn root_not_after(&self) -> u64 {
        self.root.not_after
    }

    /// The last second that the intermediate is valid, since 1970. No leaf outlives it.
    pub fn intermediate_not_after(&self) -> u64 {
        self.intermediate.not_after
    }
}

impl fmt::Debug for AuthorityPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorityPem")
            .field("root_certificate", &self.root_certificate)
            .field("root_key", &"[secret]")
            .field("intermediate_certificate", &self.intermediate_certificate)
            .field("intermediate_key", &"[secret]")
            .finish()
    }
}

/// Reads one certificate that issues, with its key.
fn issuer(certificate: &str, key: Arc<dyn Signer>, domain: &TrustDomain) -> Result<Issuer, AuthorityError> {
    let certificates = pem::read(certificate)?.certificates;
    let [certificate] = certificates.as_slice() else { return Err(AuthorityError::Count(certificates.len())) };
    let facts = facts(certificate)?;
    if key.spki() != facts.public_der {
        return Err(AuthorityError::WrongKey);
    }
    if !leaf::may_issue(&facts, domain) {
        return Err(AuthorityError::WrongTrustDomain(domain.clone()));
    }
    Ok(Issuer { certificate: certificate.clone(), key, not_before: facts.not_before, not_after: facts.not_after })
}

/// The key of a root whose private half somebody else holds.
fn elsewhere(certificate: &str) -> Result<Arc<dyn Signer>, AuthorityError> {
    let certificates = pem::read(certificate)?.certificates;
    let [certificate] = certificates.as_slice() else { return Err(AuthorityError::Count(certificates.len())) };
    Ok(Arc::new(Elsewhere(facts(certificate)?.public_der)))
}
