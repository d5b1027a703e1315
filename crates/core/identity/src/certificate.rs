//! The facts of one certificate that our checks look at, read strictly (RFC 5280 §4).

use crate::leaf_error::LeafError;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use std::net::{Ipv4Addr, Ipv6Addr};
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::OID_SIG_ECDSA_WITH_SHA256;
use x509_parser::prelude::FromDer;

/// Bytes of one certificate; ours have about 500.
pub(crate) const CERTIFICATE_BYTES_MAX: usize = 8 * 1024;

/// What a certificate says, unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFacts {
    /// Hex, lower case, without leading zero bytes.
    pub serial: String,
    /// Seconds since 1970.
    pub not_before: u64,
    /// Seconds since 1970; the last second that is valid.
    pub not_after: u64,
    /// SubjectPublicKeyInfo, DER.
    pub public_der: Vec<u8>,
    /// URI names (RFC 5280 §4.2.1.6).
    pub uris: Vec<String>,
    /// DNS names, and IP addresses as a URL writes them.
    pub hosts: Vec<String>,
    /// Addresses of electronic mail.
    pub emails: Vec<String>,
    /// `basicConstraints`: whether it may issue.
    pub is_authority: bool,
    /// `keyUsage`, when there is one.
    pub(crate) usage: Option<Usage>,
    /// `extendedKeyUsage`, when there is one.
    pub(crate) purposes: Option<Purposes>,
}

/// The bits of `keyUsage` that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Usage {
    pub(crate) signs_data: bool,
    pub(crate) signs_certificates: bool,
    pub(crate) signs_lists: bool,
}

/// The purposes of `extendedKeyUsage` that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Purposes {
    pub(crate) server: bool,
    pub(crate) client: bool,
}

/// Reads a certificate, DER, without verifying anything.
///
/// # Errors
/// [`LeafError::Malformed`] when it is no certificate, too large, or says something twice.
pub fn facts(der: &[u8]) -> Result<CertificateFacts, LeafError> {
    let certificate = parse(der)?;
    let malformed = |_| LeafError::Malformed;
    let (mut uris, mut hosts, mut emails) = (Vec::new(), Vec::new(), Vec::new());
    if let Some(names) = certificate.subject_alternative_name().map_err(malformed)? {
        for name in &names.value.general_names {
            match name {
                GeneralName::URI(uri) => uris.push((*uri).to_owned()),
                GeneralName::DNSName(host) => hosts.push((*host).to_owned()),
                GeneralName::IPAddress(octets) => hosts.push(address(octets).ok_or(LeafError::Malformed)?),
                GeneralName::RFC822Name(email) => emails.push((*email).to_owned()),
                GeneralName::Invalid(..) => return Err(LeafError::Malformed),
                GeneralName::OtherName(..)
                | GeneralName::X400Address(_)
                | GeneralName::DirectoryName(_)
                | GeneralName::EDIPartyName(_)
                | GeneralName::RegisteredID(_) => {}
            }
        }
    }
    let usage = certificate.key_usage().map_err(malformed)?.map(|usage| Usage {
        signs_data: usage.value.digital_signature(),
        signs_certificates: usage.value.key_cert_sign(),
        signs_lists: usage.value.crl_sign(),
    });
    let purposes = certificate
        .extended_key_usage()
        .map_err(malformed)?
        .map(|purposes| Purposes { server: purposes.value.server_auth, client: purposes.value.client_auth });
    Ok(CertificateFacts {
        serial: hex(trim_zeros(certificate.raw_serial())),
        not_before: seconds(certificate.validity().not_before.timestamp())?,
        not_after: seconds(certificate.validity().not_after.timestamp())?,
        public_der: certificate.public_key().raw.to_vec(),
        uris,
        hosts,
        emails,
        is_authority: certificate.basic_constraints().map_err(malformed)?.is_some_and(|basic| basic.value.ca),
        usage,
        purposes,
    })
}

impl CertificateFacts {
    pub(crate) fn is_valid_at(&self, now: u64) -> bool {
        self.not_before <= now && now <= self.not_after
    }
}

/// Whether `issuer`'s key signed `certificate`, which names it as its issuer. Says nothing of what either may do.
pub(crate) fn is_issued_by(certificate: &[u8], issuer: &[u8]) -> Result<bool, LeafError> {
    let (certificate, issuer) = (parse(certificate)?, parse(issuer)?);
    let Some(point) = crate::key::p256_point(issuer.public_key().raw) else { return Ok(false) };
    let names_it = certificate.issuer().as_raw() == issuer.subject().as_raw();
    let is_ecdsa = certificate.signature_algorithm.algorithm == OID_SIG_ECDSA_WITH_SHA256;
    let verified = UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
        .verify(certificate.tbs_certificate.as_ref(), &certificate.signature_value.data);
    Ok(names_it && is_ecdsa && verified.is_ok())
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] = ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xf)]).collect()
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, LeafError> {
    if der.len() > CERTIFICATE_BYTES_MAX {
        return Err(LeafError::Malformed);
    }
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) | Err(_) => Err(LeafError::Malformed),
    }
}

fn seconds(timestamp: i64) -> Result<u64, LeafError> {
    u64::try_from(timestamp).map_err(|_| LeafError::Malformed)
}

fn trim_zeros(mut bytes: &[u8]) -> &[u8] {
    while let [0, rest @ ..] = bytes {
        bytes = rest;
    }
    bytes
}

fn address(octets: &[u8]) -> Option<String> {
    if let Ok(octets) = <[u8; 4]>::try_from(octets) {
        return Some(Ipv4Addr::from(octets).to_string());
    }
    <[u8; 16]>::try_from(octets).ok().map(|octets| format!("[{}]", Ipv6Addr::from(octets)))
}
