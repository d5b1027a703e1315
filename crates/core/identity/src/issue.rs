//! Issuing leaves: to whom the authority gives a certificate, and on which terms.

use crate::authority::Authority;
use crate::issue_error::IssueError;
use crate::profile::{self, Dates};
use crate::renew::SKEW_S;
use crate::request::ProvenKey;
use rcgen::CertificateParams;
use selvedge_model::{Host, SpiffeId};

/// The longest life of an SVID: a day. It is renewed at half, and there is no revocation but expiry.
const SVID_TTL_S_MAX: u64 = 24 * 3600;
/// The longest life of an edge certificate: 30 days.
const SERVER_TTL_S_MAX: u64 = 30 * 24 * 3600;
/// Hosts in one certificate.
const HOSTS_MAX: usize = 64;

/// For how long, from when, and under which number a certificate is issued.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Seconds of life; at most a day for an SVID and 30 days for an edge certificate. The intermediate's end cuts it.
    pub ttl_s: u64,
    /// Seconds since 1970. The certificate is dated 60 s back, for peers whose clock is behind.
    pub now: u64,
    /// Random and never used before; not zero.
    pub serial: [u8; 16],
}

impl Authority {
    /// Issues an X.509-SVID for `id` to the key of `csr`; every name in the request is ignored. `dns` are names that
    /// clients who know no SPIFFE dial. Gives the chain: leaf, intermediate; DER.
    ///
    /// # Errors
    /// When the request is not signed by its key, the ID is of another trust domain, or the terms cannot be met.
    pub fn issue_svid(
        &self,
        csr: &[u8],
        id: &SpiffeId,
        dns: &[Host],
        terms: &Terms,
    ) -> Result<Vec<Vec<u8>>, IssueError> {
        if id.trust_domain() != self.trust_domain.as_str() {
            return Err(IssueError::WrongTrustDomain { id: id.clone(), trust_domain: self.trust_domain.clone() });
        }
        if dns.len() > HOSTS_MAX {
            return Err(IssueError::Hosts(dns.len()));
        }
        let dates = self.dates(terms, SVID_TTL_S_MAX)?;
        self.issue(csr, &profile::svid(id, dns, &terms.serial, dates)?)
    }

    /// Issues an edge certificate for `hosts`: server authentication alone and no SPIFFE ID, so that it is worth nothing
    /// inside the mesh. Gives the chain: leaf, intermediate; DER.
    ///
    /// # Errors
    /// When the request is not signed by its key, there is no host, or the terms cannot be met.
    pub fn issue_server(&self, csr: &[u8], hosts: &[Host], terms: &Terms) -> Result<Vec<Vec<u8>>, IssueError> {
        if hosts.is_empty() || hosts.len() > HOSTS_MAX {
            return Err(IssueError::Hosts(hosts.len()));
        }
        let dates = self.dates(terms, SERVER_TTL_S_MAX)?;
        self.issue(csr, &profile::server(hosts, &terms.serial, dates)?)
    }

    fn dates(&self, terms: &Terms, ttl_s_max: u64) -> Result<Dates, IssueError> {
        if terms.ttl_s == 0 || terms.ttl_s > ttl_s_max {
            return Err(IssueError::Life { ttl_s: terms.ttl_s, max_s: ttl_s_max });
        }
        if terms.serial == [0; 16] {
            return Err(IssueError::Serial);
        }
        self.intermediate.check_valid_at(terms.now)?;
        let not_after = terms.now.saturating_add(terms.ttl_s).min(self.intermediate.not_after);
        Ok((terms.now.saturating_sub(SKEW_S), not_after))
    }

    fn issue(&self, csr: &[u8], params: &CertificateParams) -> Result<Vec<Vec<u8>>, IssueError> {
        let key = ProvenKey::parse(csr)?;
        let certificate = params.signed_by(&key, &self.intermediate.issuer()?)?;
        Ok(vec![certificate.der().to_vec(), self.intermediate.certificate.clone()])
    }
}
