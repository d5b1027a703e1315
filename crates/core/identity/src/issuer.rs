//! A certificate that issues, with its key: a new root, and what a root issues, an intermediate.

use crate::issue_error::IssueError;
use crate::key::PrivateKey;
use crate::profile;
use crate::renew::SKEW_S;
use crate::request::Lent;
use crate::signer::Signer;
use rustls_pki_types::CertificateDer;
use selvedge_model::TrustDomain;
use std::sync::Arc;

/// The life of a root: ten years.
pub(crate) const ROOT_TTL_S: u64 = 3652 * 24 * 3600;
/// Seconds that a root is dated back: a node whose clock is behind by that much believes in it, and says so.
const ROOT_SKEW_S: u64 = 24 * 3600;
/// The life of an intermediate: a year.
const INTERMEDIATE_TTL_S: u64 = 365 * 24 * 3600;

/// A certificate that issues, and its key.
#[derive(Debug)]
pub(crate) struct Issuer {
    pub(crate) certificate: Vec<u8>,
    pub(crate) key: Arc<dyn Signer>,
    pub(crate) not_before: u64,
    pub(crate) not_after: u64,
}

impl Issuer {
    /// A new root with this key, valid for `ttl_s` from `now` on.
    pub(crate) fn root(domain: &TrustDomain, key: Arc<dyn Signer>, now: u64, ttl_s: u64) -> Result<Issuer, IssueError> {
        let (not_before, not_after) = (now.saturating_sub(ROOT_SKEW_S), now.saturating_add(ttl_s));
        let params = profile::root(domain, (not_before, not_after))?;
        let certificate = params.self_signed(&Lent(&*key))?.der().to_vec();
        Ok(Issuer { certificate, key, not_before, not_after })
    }

    /// A new intermediate below this root, with a new key.
    pub(crate) fn intermediate(&self, domain: &TrustDomain, now: u64) -> Result<Issuer, IssueError> {
        self.check_valid_at(now)?;
        let key: Arc<dyn Signer> = Arc::new(PrivateKey::generate()?);
        let not_before = now.saturating_sub(SKEW_S).max(self.not_before);
        let not_after = now.saturating_add(INTERMEDIATE_TTL_S).min(self.not_after);
        let params = profile::intermediate(domain, (not_before, not_after))?;
        let certificate = params.signed_by(&Lent(&*key), &self.issuer()?)?.der().to_vec();
        Ok(Issuer { certificate, key, not_before, not_after })
    }

    /// As rcgen wants it, with the key lent.
    pub(crate) fn issuer(&self) -> Result<rcgen::Issuer<'static, Lent<'_>>, IssueError> {
        Ok(rcgen::Issuer::from_ca_cert_der(&CertificateDer::from(self.certificate.as_slice()), Lent(&*self.key))?)
    }

    pub(crate) fn check_valid_at(&self, now: u64) -> Result<(), IssueError> {
        if now < self.not_before || now >= self.not_after {
            return Err(IssueError::NotValid { not_before: self.not_before, not_after: self.not_after, now });
        }
        Ok(())
    }
}
