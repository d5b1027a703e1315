//! What stands in each certificate that we make (RFC 5280 §4, SPIFFE X.509-SVID §4): one function for each kind.

use crate::issue_error::IssueError;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, KeyUsagePurpose,
    SanType, SerialNumber,
};
use selvedge_model::{Host, SpiffeId, TrustDomain};
use time::OffsetDateTime;

/// The longest organization or common name (RFC 5280 appendix A, `ub-common-name`).
const NAME_CHARS_MAX: usize = 64;

/// The first and the last second that a certificate is valid, since 1970.
pub(crate) type Dates = (u64, u64);

/// A root: may have one authority below it, and signs nothing but certificates.
pub(crate) fn root(domain: &TrustDomain, dates: Dates) -> Result<CertificateParams, IssueError> {
    let mut params = authority(domain, "Selvedge root", dates)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(1));
    Ok(params)
}

/// An intermediate: has no authority below it; signs leaves and documents.
pub(crate) fn intermediate(domain: &TrustDomain, dates: Dates) -> Result<CertificateParams, IssueError> {
    let mut params = authority(domain, "Selvedge intermediate", dates)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages.push(KeyUsagePurpose::DigitalSignature);
    Ok(params)
}

/// An X.509-SVID: the one URI name is its SPIFFE ID, and both sides of a connection may show it.
pub(crate) fn svid(
    id: &SpiffeId,
    dns: &[Host],
    serial: &[u8; 16],
    dates: Dates,
) -> Result<CertificateParams, IssueError> {
    let mut params = leaf(serial, dates)?;
    params.subject_alt_names = alternative_names(dns)?;
    params.subject_alt_names.push(SanType::URI(id.as_str().try_into()?));
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    Ok(params)
}

/// An edge certificate: server authentication alone, and no SPIFFE ID.
pub(crate) fn server(hosts: &[Host], serial: &[u8; 16], dates: Dates) -> Result<CertificateParams, IssueError> {
    let mut params = leaf(serial, dates)?;
    params.subject_alt_names = alternative_names(hosts)?;
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    Ok(params)
}

/// No URI name constraints: too few libraries check them, and ours compares the trust domain itself.
fn authority(domain: &TrustDomain, name: &str, dates: Dates) -> Result<CertificateParams, IssueError> {
    let mut params = common(dates)?;
    let organization: String = domain.as_str().chars().take(NAME_CHARS_MAX).collect();
    params.distinguished_name.push(DnType::OrganizationName, organization);
    params.distinguished_name.push(DnType::CommonName, name);
    // A signing certificate has the SPIFFE ID of its trust domain, without a path (SPIFFE X.509-SVID §3.2).
    params.subject_alt_names = vec![SanType::URI(format!("spiffe://{domain}").try_into()?)];
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    Ok(params)
}

fn leaf(serial: &[u8; 16], dates: Dates) -> Result<CertificateParams, IssueError> {
    let mut params = common(dates)?;
    params.serial_number = Some(SerialNumber::from_slice(serial));
    params.is_ca = IsCa::ExplicitNoCa;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    Ok(params)
}

/// An empty subject makes the names critical (RFC 5280 §4.2.1.6): nobody can take a common name for an identity.
fn common((not_before, not_after): Dates) -> Result<CertificateParams, IssueError> {
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
