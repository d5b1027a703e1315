//! Issuing: what stands in each certificate that the authority makes (RFC 5280 §4, SPIFFE X.509-SVID §4).

use crate::authority::{Authority, Issuer};
use crate::key::{KeyError, PrivateKey};
use crate::renew::SKEW_S;
use crate::request::{ProvenKey, RequestError, Signer};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    SanType, SerialNumber,
};
use rustls_pki_types::CertificateDer;
use selvedge_model::{Host, SpiffeId, TrustDomain};
use time::OffsetDateTime;

/// The longest life of an SVID: a day. It is renewed at half, and there is no revocation but expiry.
const SVID_TTL_S_MAX: u64 = 24 * 3600;
/// The longest life of an edge certificate: 30 days.
const SERVER_TTL_S_MAX: u64 = 30 * 24 * 3600;
/// The life of a root: ten years.
const ROOT_TTL_S: u64 = 3652 * 24 * 3600;
/// The life of an intermediate: a year.
const INTERMEDIATE_TTL_S: u64 = 365 * 24 * 3600;
/// Hosts in one certificate.
const HOSTS_MAX: usize = 64;
/// The longest organization or common name (RFC 5280 appendix A, `ub-common-name`).
const NAME_CHARS_MAX: usize = 64;

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
        let mut params = self.leaf_params(terms, SVID_TTL_S_MAX)?;
        params.subject_alt_names = alternative_names(dns)?;
        params.subject_alt_names.push(SanType::URI(id.as_str().try_into()?));
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        self.issue(csr, &params)
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
        let mut params = self.leaf_params(terms, SERVER_TTL_S_MAX)?;
        params.subject_alt_names = alternative_names(hosts)?;
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.issue(csr, &params)
    }

    fn leaf_params(&self, terms: &Terms, ttl_s_max: u64) -> Result<CertificateParams, IssueError> {
        if terms.ttl_s == 0 || terms.ttl_s > ttl_s_max {
            return Err(IssueError::Life { ttl_s: terms.ttl_s, max_s: ttl_s_max });
        }
        if terms.serial == [0; 16] {
            return Err(IssueError::Serial);
        }
        self.intermediate.check_valid_at(terms.now)?;
        let not_after = terms.now.saturating_add(terms.ttl_s).min(self.intermediate.not_after);
        let mut params = params(terms.now.saturating_sub(SKEW_S), not_after)?;
        params.serial_number = Some(SerialNumber::from_slice(&terms.serial));
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        Ok(params)
    }

    fn issue(&self, csr: &[u8], params: &CertificateParams) -> Result<Vec<Vec<u8>>, IssueError> {
        let key = ProvenKey::parse(csr)?;
        let certificate = params.signed_by(&key, &self.intermediate.issuer()?)?;
        Ok(vec![certificate.der().to_vec(), self.intermediate.certificate.clone()])
    }
}

/// A new root: may have one authority below it, and signs nothing but certificates.
pub(crate) fn root(domain: &TrustDomain, now: u64) -> Result<Issuer, IssueError> {
    let key = PrivateKey::generate()?;
    let (not_before, not_after) = (now.saturating_sub(SKEW_S), now.saturating_add(ROOT_TTL_S));
    let mut params = authority_params(domain, "Selvedge root", (not_before, not_after))?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    let certificate = params.self_signed(&Signer(&key))?.der().to_vec();
    Ok(Issuer { certificate, key, not_before, not_after })
}

/// A new intermediate: has no authority below it; signs leaves and documents.
pub(crate) fn intermediate(root: &Issuer, domain: &TrustDomain, now: u64) -> Result<Issuer, IssueError> {
    root.check_valid_at(now)?;
    let key = PrivateKey::generate()?;
    let not_before = now.saturating_sub(SKEW_S).max(root.not_before);
    let not_after = now.saturating_add(INTERMEDIATE_TTL_S).min(root.not_after);
    let mut params = authority_params(domain, "Selvedge intermediate", (not_before, not_after))?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages.push(KeyUsagePurpose::DigitalSignature);
    let certificate = params.signed_by(&Signer(&key), &root.issuer()?)?.der().to_vec();
    Ok(Issuer { certificate, key, not_before, not_after })
}

impl Issuer {
    pub(crate) fn issuer(&self) -> Result<rcgen::Issuer<'static, Signer<'_>>, IssueError> {
        Ok(rcgen::Issuer::from_ca_cert_der(&CertificateDer::from(self.certificate.as_slice()), Signer(&self.key))?)
    }

    fn check_valid_at(&self, now: u64) -> Result<(), IssueError> {
        if now < self.not_before || now >= self.not_after {
            return Err(IssueError::NotValid { not_before: self.not_before, not_after: self.not_after, now });
        }
        Ok(())
    }
}

/// No URI name constraints: too few libraries check them, and ours compares the trust domain itself.
fn authority_params(
    domain: &TrustDomain,
    name: &str,
    (not_before, not_after): (u64, u64),
) -> Result<CertificateParams, IssueError> {
    let mut params = params(not_before, not_after)?;
    let organization: String = domain.as_str().chars().take(NAME_CHARS_MAX).collect();
    params.distinguished_name.push(DnType::OrganizationName, organization);
    params.distinguished_name.push(DnType::CommonName, name);
    // A signing certificate has the SPIFFE ID of its trust domain, without a path (SPIFFE X.509-SVID §3.2).
    params.subject_alt_names = vec![SanType::URI(format!("spiffe://{domain}").try_into()?)];
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

/// An empty subject makes the names critical (RFC 5280 §4.2.1.6): nobody can take a common name for an identity.
fn params(not_before: u64, not_after: u64) -> Result<CertificateParams, IssueError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.not_before = date(not_before)?;
    params.not_after = date(not_after)?;
    params.use_authority_key_identifier_extension = true;
    Ok(params)
}

fn date(seconds: u64) -> Result<OffsetDateTime, IssueError> {
    let timestamp = i64::try_from(seconds).map_err(|_| IssueError::Time(seconds))?;
    OffsetDateTime::from_unix_timestamp(timestamp).map_err(|_| IssueError::Time(seconds))
}

fn alternative_names(hosts: &[Host]) -> Result<Vec<SanType>, IssueError> {
    let name = |host: &Host| match host.address() {
        Some(address) => Ok(SanType::IpAddress(address)),
        None => Ok(SanType::DnsName(host.as_str().try_into()?)),
    };
    hosts.iter().map(name).collect()
}
