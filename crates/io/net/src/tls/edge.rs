//! TLS towards outside clients: TLS 1.3, and 1.2 where a listener says so; a certificate for each host; tickets.

use super::clients::{ClientChain, Clients, EdgeVerifier};
use super::handshake::{Alert, Alpn, Handshake, Hello, describe, within};
use super::resolver::Certificates;
use super::{Stream, TlsError, certified, provider};
use rustls::server::NoServerSessionStorage;
use rustls::version::{TLS12, TLS13};
use rustls::{ServerConfig, SupportedProtocolVersion};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use selvedge_config::checked::TlsPreset;
use selvedge_model::HostPattern;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use zeroize::{Zeroize, Zeroizing};

/// What is spoken at the edge, best first.
const PROTOCOLS: &[Alpn] = &[Alpn::H2, Alpn::Http1];

/// A certificate of a listener.
#[derive(Clone)]
pub struct EdgeCertificate {
    /// DER, leaf first.
    pub chain: Vec<Vec<u8>>,
    /// The private key: PKCS#8, SEC1 or PKCS#1, DER.
    pub key_der: Zeroizing<Vec<u8>>,
    /// The hosts that it is served for.
    pub names: Vec<HostPattern>,
}

/// The TLS side of a listener: built once per certificate change, shared by all connections and threads.
#[derive(Debug)]
pub struct EdgeTls {
    certificates: Arc<Certificates>,
    config: Arc<ServerConfig>,
}

impl EdgeCertificate {
    /// Reads a chain and a key from PEM.
    ///
    /// # Errors
    /// [`TlsError::Unusable`] when there is no certificate or key in the text.
    pub fn from_pem(chain_pem: &[u8], key_pem: &[u8], names: Vec<HostPattern>) -> Result<EdgeCertificate, TlsError> {
        let chain: Result<Vec<_>, _> =
            CertificateDer::pem_slice_iter(chain_pem).map(|der| der.map(|der| der.as_ref().to_vec())).collect();
        let chain = chain.map_err(|error| TlsError::unusable(format!("the certificate file is no PEM: {error}")))?;
        let mut key = PrivateKeyDer::from_pem_slice(key_pem)
            .map_err(|error| TlsError::unusable(format!("the key file has no private key in PEM: {error}")))?;
        let key_der = Zeroizing::new(key.secret_der().to_vec());
        key.zeroize();
        Ok(EdgeCertificate { chain, key_der, names })
    }
}

impl EdgeTls {
    /// Prepares a listener's TLS. Ticket keys are new, and rotate every 6 hours.
    ///
    /// # Errors
    /// [`TlsError::Unusable`] when a chain is empty or malformed, or a key is not that of its certificate.
    pub fn new(certificates: Vec<EdgeCertificate>, preset: TlsPreset) -> Result<EdgeTls, TlsError> {
        EdgeTls::asking(certificates, preset, Vec::new())
    }

    /// As [`EdgeTls::new`]; clients are asked for a certificate of one of these sets, if there are any.
    ///
    /// # Errors
    /// As [`EdgeTls::new`].
    pub fn asking(
        certificates: Vec<EdgeCertificate>,
        preset: TlsPreset,
        clients: Vec<Arc<Clients>>,
    ) -> Result<EdgeTls, TlsError> {
        let mut resolver = Certificates::default();
        for certificate in &certificates {
            resolver.add(&certificate.names, &certified(&certificate.chain, &certificate.key_der)?);
        }
        let certificates = Arc::new(resolver);
        let builder = ServerConfig::builder_with_provider(provider()).with_protocol_versions(versions(preset));
        let builder = builder.map_err(TlsError::unusable)?;
        let asks = !clients.is_empty();
        let builder = if asks {
            builder.with_client_cert_verifier(Arc::new(EdgeVerifier(clients)))
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_cert_resolver(Arc::clone(&certificates) as Arc<_>);
        config.alpn_protocols = Alpn::names(PROTOCOLS);
        config.ignore_client_order = true;
        // Where clients show certificates no session is taken up again: it would bring one that nobody looked at anew.
        if !asks {
            config.ticketer = rustls::crypto::aws_lc_rs::Ticketer::new().map_err(TlsError::unusable)?;
        }
        // One is enough: a client that comes back with it gets the next. Each costs every full handshake a sealing and a record.
        config.send_tls13_tickets = usize::from(!asks);
        // Tickets carry the session, so no table of sessions is shared between the cores.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        Ok(EdgeTls { certificates, config: Arc::new(config) })
    }

    /// Answers a client. A client that names no server, or one that is not served here, gets `unrecognized_name`
    /// (RFC 6066 §3), unless `*` is served.
    ///
    /// # Errors
    /// [`TlsError`]: the connection is closed.
    pub async fn accept(&self, io: TcpStream, timeout: Duration) -> Result<(Stream, Handshake), TlsError> {
        within(timeout, async {
            let hello = Hello::read(io).await?;
            let name = hello.server_name();
            if self.certificates.find(name.as_deref()).is_none() {
                let error = if name.is_some() { TlsError::UnknownServerName } else { TlsError::NoServerName };
                return Err(hello.refuse(Alert::UnrecognizedName, error).await);
            }
            let stream = hello.finish(Arc::clone(&self.config)).await?;
            let shown = stream.get_ref().1.peer_certificates().and_then(ClientChain::of);
            let (stream, handshake) = describe(stream, name, None);
            Ok((stream, Handshake { client: shown, ..handshake }))
        })
        .await
    }
}

/// The suites need no choice: rustls has those of the intermediate preset alone.
fn versions(preset: TlsPreset) -> &'static [&'static SupportedProtocolVersion] {
    static MODERN: &[&SupportedProtocolVersion] = &[&TLS13];
    static INTERMEDIATE: &[&SupportedProtocolVersion] = &[&TLS13, &TLS12];
    match preset {
        TlsPreset::Modern => MODERN,
        TlsPreset::Intermediate => INTERMEDIATE,
    }
}

impl fmt::Debug for EdgeCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificate = &mut f.debug_struct("EdgeCertificate");
        certificate.field("names", &self.names).field("key_der", &"[secret]").finish_non_exhaustive()
    }
}
