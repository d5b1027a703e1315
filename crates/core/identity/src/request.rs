//! Certificate requests (PKCS#10, RFC 2986): proof that the asker holds the key. Names in them mean nothing here.

use crate::key::{KeyError, PrivateKey, p256_point};
use crate::signer::Signer;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rcgen::{CertificateParams, DistinguishedName, PublicKeyData, SignatureAlgorithm, SigningKey};
use x509_parser::certification_request::X509CertificationRequest;
use x509_parser::oid_registry::OID_SIG_ECDSA_WITH_SHA256;
use x509_parser::prelude::FromDer;

/// Bytes of a request; ours have about 200.
const REQUEST_BYTES_MAX: usize = 8 * 1024;

/// Why a certificate request is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RequestError {
    /// Over 8 KiB.
    #[error("the certificate request has `{bytes}` bytes; at most 8192 are read")]
    TooLarge {
        /// How many came.
        bytes: usize,
    },
    /// No PKCS#10 in DER, or bytes after it.
    #[error("the certificate request is no PKCS#10 in DER")]
    Malformed,
    /// Not a P-256 key, or not signed with ECDSA and SHA-256.
    #[error("the certificate request is not for a P-256 key signed with ECDSA and SHA-256")]
    KeyType,
    /// The signature is not by the key that is asked for.
    #[error("the certificate request is not signed by the key that it names")]
    Signature,
}

/// Makes a request for `key`, DER, with no name in it: who asks is proven by the link that carries it.
///
/// # Errors
/// [`KeyError::Sign`] when the crypto library fails.
pub fn request(key: &PrivateKey) -> Result<Vec<u8>, KeyError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    let request = params.serialize_request(&Lent(key)).map_err(|_| KeyError::Sign)?;
    Ok(request.der().to_vec())
}

/// A key that proved itself in a request.
pub(crate) struct ProvenKey(Vec<u8>);

impl ProvenKey {
    /// Reads a request and checks its signature; every name and extension in it is ignored.
    pub(crate) fn parse(request: &[u8]) -> Result<ProvenKey, RequestError> {
        if request.len() > REQUEST_BYTES_MAX {
            return Err(RequestError::TooLarge { bytes: request.len() });
        }
        let (rest, parsed) = X509CertificationRequest::from_der(request).map_err(|_| RequestError::Malformed)?;
        if !rest.is_empty() {
            return Err(RequestError::Malformed);
        }
        let info = &parsed.certification_request_info;
        let point = p256_point(info.subject_pki.raw).ok_or(RequestError::KeyType)?;
        if parsed.signature_algorithm.algorithm != OID_SIG_ECDSA_WITH_SHA256 {
            return Err(RequestError::KeyType);
        }
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
            .verify(info.raw, &parsed.signature_value.data)
            .map_err(|_| RequestError::Signature)?;
        Ok(ProvenKey(point.to_vec()))
    }
}

impl PublicKeyData for ProvenKey {
    fn der_bytes(&self) -> &[u8] {
        &self.0
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

/// Lends our key to rcgen, whose own key type would hold a copy that is never zeroed.
pub(crate) struct Lent<'a>(pub(crate) &'a dyn Signer);

impl PublicKeyData for Lent<'_> {
    fn der_bytes(&self) -> &[u8] {
        p256_point(self.0.spki()).unwrap_or_default()
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for Lent<'_> {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message).map_err(|_| rcgen::Error::RemoteKeyError)
    }
}
