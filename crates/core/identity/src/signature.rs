//! Signatures of the authority over documents. They are made so that none can pass for a certificate or a token.

use crate::bundle::{TrustBundle, VerifyError};
use crate::certificate::{CertificateFacts, facts, is_issued_by};
use crate::chain::{self, ChainError};
use crate::key::{KeyError, p256_point};
use crate::leaf;
use crate::leaf_error::LeafError;
use crate::signer::Signer;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1, UnparsedPublicKey};
use rustls_pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use webpki::EndEntityCert;

/// Stands before every signed message. A certificate begins with the byte 0x30 and a token with `ey`: neither with this.
const CONTEXT: &[u8] = b"selvedge signature 1\n";

/// A signature by the authority's intermediate key: ECDSA on P-256 over SHA-256 of context and message.
#[derive(Clone, Serialize, Deserialize, PartialEq, Eq, Debug)]
#[serde(deny_unknown_fields)]
pub struct Signature {
    /// ASN.1; base64 in JSON.
    #[serde(with = "crate::b64")]
    pub signature: Vec<u8>,
    /// The one certificate of the signing key, DER; base64 in JSON.
    #[serde(with = "crate::b64::list")]
    pub chain: Vec<Vec<u8>>,
}

impl Signature {
    pub(crate) fn make(key: &dyn Signer, certificate: &[u8], message: &[u8]) -> Result<Signature, KeyError> {
        let signature = key.sign(&[CONTEXT, message].concat())?;
        Ok(Signature { signature, chain: vec![certificate.to_vec()] })
    }
}

impl TrustBundle {
    /// Checks that an authority of this trust domain, valid at `now`, signed exactly `message`.
    ///
    /// # Errors
    /// When the signing certificate is not an authority's, issued by one of the roots, or the signature does not fit.
    pub fn verify_signature(&self, signature: &Signature, message: &[u8], now: u64) -> Result<(), VerifyError> {
        let (certificate, rest) = chain::split(&signature.chain)?;
        // webpki refuses an authority as the end of a path, so this path of one step is checked here, by hand.
        if !rest.is_empty() {
            return Err(ChainError::TooLong(signature.chain.len()).into());
        }
        // webpki's reader refuses repeated and unknown critical extensions.
        EndEntityCert::try_from(&CertificateDer::from(certificate)).map_err(VerifyError::Path)?;
        let signer = facts(certificate)?;
        self.check_signer(&signer, certificate, now)?;
        let point = p256_point(&signer.public_der).ok_or(LeafError::KeyType)?;
        UnparsedPublicKey::new(&ECDSA_P256_SHA256_ASN1, point)
            .verify(&[CONTEXT, message].concat(), &signature.signature)
            .map_err(|_| VerifyError::Signature)
    }

    fn check_signer(&self, signer: &CertificateFacts, certificate: &[u8], now: u64) -> Result<(), VerifyError> {
        let signs_data = signer.usage.is_some_and(|usage| usage.signs_data);
        if !signs_data || !leaf::may_issue(signer, &self.trust_domain) {
            return Err(VerifyError::Issuer(self.trust_domain.clone()));
        }
        if now < signer.not_before {
            return Err(VerifyError::NotYetValid { not_before: signer.not_before, now });
        }
        if now > signer.not_after {
            return Err(VerifyError::Expired { not_after: signer.not_after, now });
        }
        for root in self.roots_at(now)? {
            if is_issued_by(certificate, &root)? {
                return Ok(());
            }
        }
        Err(VerifyError::ForeignRoot(self.trust_domain.clone()))
    }
}
