//! Client certificates at the edge: sets of clients, each with its authorities and lists of what these revoked.
//!
//! The handshake refuses a certificate that no set of the listener verifies. Which sets verify it is asked again for each
//! request that depends on it, under what the files say then: a connection outlives a list, and a certificate its end.

use super::verify::possession;
use super::{TlsError, provider};
use crate::random_u128;
use arc_swap::ArcSwap;
use aws_lc_rs::digest::{SHA256, digest};
use rustls::client::danger::HandshakeSignatureValid;
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, CertificateRevocationListDer, UnixTime};
use selvedge_authn::{NameKind, certificate_user};
use selvedge_config::checked::{CertificateName, ClientSet};
use selvedge_model::Principal;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// Bytes of a file of authorities.
const CA_BYTES_MAX: u64 = 1024 * 1024;
/// Bytes of a list: it is held in memory.
const CRL_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Certificates that a client may send: more are no chain, and each costs work.
const CHAIN_MAX: usize = 8;

/// One set, as its files say now.
#[derive(Debug)]
pub struct Clients {
    set: ClientSet,
    files: PathBuf,
    now: ArcSwap<Loaded>,
    /// Guards why the files were not read again: written by who looks after them, read by whoever asks.
    trouble: Mutex<Option<String>>,
}

/// What was read of the files.
#[derive(Debug)]
struct Loaded {
    verifier: Arc<dyn ClientCertVerifier>,
    /// No two that were read share one.
    version: u128,
    stamps: Vec<Stamp>,
}

/// By what it is known that a file is another: when it was written, and its size.
type Stamp = Option<(SystemTime, u64)>;

/// A certificate that a client showed, and whose key it has.
#[derive(Clone)]
pub struct ClientChain {
    /// Leaf first.
    chain: Vec<CertificateDer<'static>>,
    /// SHA-256 of the leaf (RFC 8705 §3.1).
    pub thumbprint: [u8; 32],
}

impl std::fmt::Debug for ClientChain {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientChain").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

impl ClientChain {
    pub(super) fn of(chain: &[CertificateDer<'_>]) -> Option<ClientChain> {
        let leaf = chain.first()?;
        let thumbprint = digest(&SHA256, leaf).as_ref().try_into().ok()?;
        Some(ClientChain { chain: chain.iter().map(|der| der.clone().into_owned()).collect(), thumbprint })
    }
}

impl Clients {
    /// Reads the files of a set.
    ///
    /// # Errors
    /// [`TlsError::Unusable`] when one is missing, or is not what it should be.
    pub fn load(set: &ClientSet, files: &Path) -> Result<Clients, TlsError> {
        let loaded = load(set, files)?;
        let (set, files) = (set.clone(), files.to_owned());
        Ok(Clients { set, files, now: ArcSwap::from_pointee(loaded), trouble: Mutex::new(None) })
    }

    /// Reads the files again where they are others by now. What cannot be read leaves what was read before: who was
    /// refused by it stays refused, and a list that is out of date refuses everybody. Not for a thread that serves.
    pub fn refresh(&self) {
        if stamps(&self.set, &self.files) == self.now.load().stamps {
            return;
        }
        let trouble = match load(&self.set, &self.files) {
            Ok(loaded) => {
                self.now.store(Arc::new(loaded));
                None
            }
            Err(error) => Some(error.to_string()),
        };
        *self.trouble.lock().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Why the files as they are now are not in use.
    pub fn trouble(&self) -> Option<String> {
        self.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Another number whenever the files were read again.
    pub fn version(&self) -> u128 {
        self.now.load().version
    }

    /// Whom a certificate speaks for, by this set, at `now` (seconds since 1970).
    ///
    /// # Errors
    /// [`TlsError::Peer`]: why it speaks for nobody.
    pub fn prove(&self, shown: &ClientChain, now: u64) -> Result<Principal, TlsError> {
        self.check(&shown.chain, UnixTime::since_unix_epoch(Duration::from_secs(now)))
    }

    fn check(&self, chain: &[CertificateDer<'_>], now: UnixTime) -> Result<Principal, TlsError> {
        let peer = |error: &dyn std::fmt::Display| TlsError::Peer(error.to_string());
        let (leaf, rest) = chain.split_first().ok_or(TlsError::NoCertificate)?;
        if chain.len() > CHAIN_MAX {
            return Err(TlsError::Peer("it came with too many others".to_owned()));
        }
        self.now.load().verifier.verify_client_cert(leaf, rest, now).map_err(|error| peer(&error))?;
        let kind = match self.set.subject {
            CertificateName::Spiffe => NameKind::Spiffe,
            CertificateName::Uri => NameKind::Uri,
            CertificateName::Dns => NameKind::Dns,
            CertificateName::Email => NameKind::Email,
        };
        let subject = certificate_user(leaf, kind).map_err(|error| peer(&error))?;
        let issuer = self.set.name.clone();
        Ok(Principal { issuer, subject, scopes: Vec::new(), groups: Vec::new(), amr: Vec::new() })
    }
}

fn load(set: &ClientSet, files: &Path) -> Result<Loaded, TlsError> {
    // Before the files: one that is written meanwhile is read again.
    let stamps = stamps(set, files);
    let mut roots = RootCertStore::empty();
    for root in CertificateDer::pem_slice_iter(&read(files, &set.ca, CA_BYTES_MAX)?) {
        roots.add(root.map_err(|error| unusable(&set.ca, &error))?).map_err(|error| unusable(&set.ca, &error))?;
    }
    let mut lists = Vec::new();
    for file in &set.crls {
        lists.extend(crls(file, read(files, file, CRL_BYTES_MAX)?)?);
    }
    let builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
    let builder = builder.with_crls(lists).enforce_revocation_expiration();
    let verifier = builder.build().map_err(|error| unusable(&set.ca, &error))?;
    Ok(Loaded { verifier, version: random_u128(), stamps })
}

/// The lists of a file; one without any would revoke nothing, and is an error.
fn crls(file: &str, bytes: Vec<u8>) -> Result<Vec<CertificateRevocationListDer<'static>>, TlsError> {
    // DER begins with a SEQUENCE.
    if bytes.first() == Some(&0x30) {
        return Ok(vec![bytes.into()]);
    }
    let lists: Result<Vec<_>, _> = CertificateRevocationListDer::pem_slice_iter(&bytes).collect();
    let lists = lists.map_err(|error| unusable(file, &error))?;
    if lists.is_empty() { Err(unusable(file, &"there is no list of revoked certificates in it")) } else { Ok(lists) }
}

fn read(files: &Path, file: &str, bytes_max: u64) -> Result<Vec<u8>, TlsError> {
    let path = files.join(file);
    let size = std::fs::metadata(&path).map_err(|error| unusable(file, &error))?.len();
    if size > bytes_max {
        return Err(unusable(file, &format_args!("it has more than {bytes_max} bytes")));
    }
    std::fs::read(&path).map_err(|error| unusable(file, &error))
}

fn stamps(set: &ClientSet, files: &Path) -> Vec<Stamp> {
    let stamp = |file: &Arc<str>| {
        let meta = std::fs::metadata(files.join(&**file)).ok()?;
        Some((meta.modified().ok()?, meta.len()))
    };
    std::iter::once(&set.ca).chain(&set.crls).map(stamp).collect()
}

fn unusable(file: &str, error: &dyn std::fmt::Display) -> TlsError {
    TlsError::unusable(format!("`{file}`: {error}"))
}

/// Asks clients for a certificate. None is as good as it is: the decision asks for one where a rule does. One that no set
/// verifies ends the handshake.
#[derive(Debug)]
pub(super) struct EdgeVerifier(pub(super) Vec<Arc<Clients>>);

impl ClientCertVerifier for EdgeVerifier {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    /// None: the authorities may change with their files.
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let chain: Vec<CertificateDer<'_>> = std::iter::once(end_entity).chain(intermediates).cloned().collect();
        if self.0.iter().any(|clients| clients.check(&chain, now).is_ok()) {
            return Ok(ClientCertVerified::assertion());
        }
        Err(CertificateError::ApplicationVerificationFailure.into())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &provider().signature_verification_algorithms)
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
