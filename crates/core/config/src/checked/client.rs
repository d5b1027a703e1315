//! Client certificates: whose are accepted, and what in them says who shows one.

use selvedge_model::Name;
use std::sync::Arc;

/// A set of clients with certificates, which stands where an issuer could: who shows one is a principal of the set's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSet {
    /// Its name.
    pub name: Name,
    /// The PEM file with the authorities that issue them, on the gateway's host.
    pub ca: Arc<str>,
    /// Files with lists of what these authorities revoked, PEM or DER. With any, a certificate of which no list speaks is
    /// refused, and so is everybody when a list is out of date.
    pub crls: Vec<Arc<str>>,
    /// Which name of a certificate is the user.
    pub subject: CertificateName,
}

/// A kind of name in a certificate (RFC 5280 §4.2.1.6). A certificate has exactly one of this kind, or is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CertificateName {
    /// The only URI, which is a SPIFFE ID.
    Spiffe,
    /// A URI.
    Uri,
    /// A DNS name.
    Dns,
    /// An address of electronic mail.
    Email,
}
