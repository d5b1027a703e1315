//! Why a certificate is refused: it cannot be read, or it is not the leaf or the issuer that is wanted.

use selvedge_model::{HostError, SpiffeIdError};

/// Why a certificate is not the leaf, or the issuer, that is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LeafError {
    /// No certificate in DER, or one that is too large or ambiguous.
    #[error("the certificate is malformed, ambiguous, or over 8192 bytes")]
    Malformed,
    /// Its key is not on P-256.
    #[error("the certificate's key is not on P-256")]
    KeyType,
    /// It may issue certificates, and nobody presents such a one.
    #[error("the certificate is an authority's, not a workload's")]
    Authority,
    /// `keyUsage` is missing, lacks `digitalSignature`, or lets it sign certificates or revocation lists.
    #[error("the certificate's key usage must have `digitalSignature`, and neither `keyCertSign` nor `cRLSign`")]
    KeyUsage,
    /// `extendedKeyUsage` is there and lacks what the certificate is for.
    #[error("the certificate's extended key usage lacks server or client authentication")]
    Purpose,
    /// No URI name.
    #[error("the certificate has no SPIFFE ID: it is no SVID")]
    NoId,
    /// Several URI names.
    #[error("the certificate has `{0}` URI names; an SVID has exactly one")]
    ManyIds(usize),
    /// The URI name is no SPIFFE ID with a path.
    #[error("the certificate's URI name is no workload's SPIFFE ID: {0}")]
    Id(#[from] SpiffeIdError),
    /// A URI name in an edge certificate.
    #[error("the certificate has a URI name: it is no edge certificate")]
    HasId,
    /// No host in an edge certificate.
    #[error("the certificate names no host")]
    NoHost,
    /// A host in an edge certificate is none that we serve.
    #[error("a host name in the certificate is not usable: {0}")]
    Host(#[from] HostError),
}
