//! The peer's certificate inside a handshake: the SPIFFE checks of `core/identity`, then rustls's own check that the
//! peer holds the key.
//!
//! One verifier serves one handshake, so that what it found is about that connection and nothing else.

use super::{TlsError, provider};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::verify_tls13_signature;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use selvedge_identity::{Federated, Peer, Revoked, TrustBundle, VerifyError, fingerprint};
use selvedge_model::{SpiffeId, TrustDomain};
use std::sync::{Arc, Mutex, PoisonError};

/// Whether a client must show its SVID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClientCertificate {
    /// It must.
    Required,
    /// It may have none yet: the first join alone.
    Optional,
}

/// What a peer's chain must lead to.
#[derive(Debug)]
pub(super) enum Anchor {
    /// A root of our bundle, and nothing that is revoked.
    Bundle(Arc<TrustBundle>, Arc<Revoked>),
    /// As [`Anchor::Bundle`]; or, for a leaf of a federated trust domain, a root of that domain's own bundle.
    Federation(Arc<TrustBundle>, Arc<Federated>, Arc<Revoked>),
    /// A root with one of these SHA-256 (hex, lower case), which the peer sends at the end of its chain: a first join.
    Pin { trust_domain: TrustDomain, roots_sha256: Vec<String> },
}

/// A peer that was verified.
pub(super) struct Found {
    pub(super) peer: Peer,
    /// The pinned root, DER.
    pub(super) root: Option<Vec<u8>>,
}

pub(super) struct PeerVerifier {
    pub(super) anchor: Anchor,
    /// Who must be at the other end.
    pub(super) expected: Option<SpiffeId>,
    /// Whether a client must show a certificate; of no meaning on the client's own side.
    pub(super) client: ClientCertificate,
    /// Guards what this handshake found: written inside it, taken after it, never contended.
    found: Mutex<Option<Result<Found, TlsError>>>,
}

impl PeerVerifier {
    pub(super) fn new(anchor: Anchor, expected: Option<SpiffeId>, client: ClientCertificate) -> Arc<PeerVerifier> {
        Arc::new(PeerVerifier { anchor, expected, client, found: Mutex::new(None) })
    }

    /// What the handshake found; nothing when the peer showed no certificate.
    pub(super) fn take(&self) -> Option<Result<Found, TlsError>> {
        self.found.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The reason of a failed handshake: ours, where we refused the certificate.
    pub(super) fn reason(&self, otherwise: TlsError) -> TlsError {
        match self.take() {
            Some(Err(error)) => error,
            Some(Ok(_)) | None => otherwise,
        }
    }

    fn check(&self, leaf: &CertificateDer<'_>, rest: &[CertificateDer<'_>], now: UnixTime) -> Result<(), Error> {
        let found = self.find(leaf, rest, now.as_secs());
        let result = found.as_ref().map(drop).map_err(|_| CertificateError::ApplicationVerificationFailure.into());
        *self.found.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
        result
    }

    fn find(&self, leaf: &[u8], rest: &[CertificateDer<'_>], now: u64) -> Result<Found, TlsError> {
        let mut chain: Vec<&[u8]> = vec![leaf];
        chain.extend(rest.iter().map(|der| &**der));
        let (peer, root) = match &self.anchor {
            Anchor::Bundle(bundle, _) => (verify(bundle, chain, now), None),
            Anchor::Federation(own, others, _) => {
                let claimed = TrustBundle::unverified_domain(leaf).filter(|domain| *domain != own.trust_domain);
                // INVARIANT: a bundle verifies leaves of its own trust domain alone, so that whoever claims one of a
                // stranger, or none, is refused by ours.
                let bundle = claimed.and_then(|domain| others.get(&domain)).unwrap_or(own);
                (verify(bundle, chain, now), None)
            }
            Anchor::Pin { trust_domain, roots_sha256 } => {
                let root =
                    chain.pop().filter(|root| roots_sha256.contains(&fingerprint(root))).ok_or(TlsError::WrongRoot)?;
                let bundle = TrustBundle::of(trust_domain.clone(), vec![root.to_vec()]);
                (bundle.verify(&chain, now), Some(root.to_vec()))
            }
        };
        let peer = peer.map_err(|error| TlsError::Peer(error.to_string()))?;
        if let Anchor::Bundle(_, revoked) | Anchor::Federation(_, _, revoked) = &self.anchor
            && revoked.has(&peer)
        {
            return Err(TlsError::Peer(format!("the certificate `{}` of `{}` is revoked", peer.serial, peer.id)));
        }
        match &self.expected {
            Some(expected) if *expected != peer.id => {
                Err(TlsError::WrongPeer { expected: expected.clone(), got: peer.id })
            }
            Some(_) | None => Ok(Found { peer, root }),
        }
    }
}

/// A root that is sent along is no part of the path.
fn verify(bundle: &TrustBundle, mut chain: Vec<&[u8]>, now: u64) -> Result<Peer, VerifyError> {
    if chain.len() > 1 {
        chain.pop_if(|last| bundle.roots.iter().any(|root| root == last));
    }
    bundle.verify(&chain, now)
}

impl std::fmt::Debug for PeerVerifier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PeerVerifier").field("expected", &self.expected).finish_non_exhaustive()
    }
}

/// Whether the peer has the key of its certificate (RFC 8446 §4.4.3).
pub(super) fn possession(
    message: &[u8],
    cert: &CertificateDer<'_>,
    dss: &DigitallySignedStruct,
) -> Result<HandshakeSignatureValid, Error> {
    verify_tls13_signature(message, cert, dss, &provider().signature_verification_algorithms)
}

/// TLS 1.2 is not configured anywhere in the mesh; should it ever be, its handshakes fail here.
fn no_tls12() -> Result<HandshakeSignatureValid, Error> {
    Err(Error::General("TLS 1.2 is not spoken inside the mesh".to_owned()))
}

impl ServerCertVerifier for PeerVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.check(end_entity, intermediates, now)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        possession(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}

impl ClientCertVerifier for PeerVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.client == ClientCertificate::Required
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        self.check(end_entity, intermediates, now)?;
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        no_tls12()
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        possession(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        provider().signature_verification_algorithms.supported_schemes()
    }
}
