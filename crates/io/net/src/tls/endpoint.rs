//! TLS of our own bundle endpoint: one certificate for every name, and nothing asked of the client (SPIFFE Federation §5.2).

use super::handshake::{Alpn, within};
use super::{EdgeCertificate, Stream, TlsError, TlsStream, certified, provider};
use rustls::ServerConfig;
use rustls::server::NoServerSessionStorage;
use rustls::sign::SingleCertAndKey;
use selvedge_identity::Svid;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

/// The server's side, for one certificate.
#[derive(Debug, Clone)]
pub struct EndpointTls(Arc<ServerConfig>);

impl EndpointTls {
    /// With an SVID: the profile `https_spiffe`.
    ///
    /// # Errors
    /// [`TlsError::Unusable`] when it cannot be used for TLS.
    pub fn of_svid(svid: &Svid) -> Result<EndpointTls, TlsError> {
        EndpointTls::new(&svid.chain, svid.key.pkcs8_der())
    }

    /// With a certificate of the web in PEM: the profile `https_web`.
    ///
    /// # Errors
    /// [`TlsError::Unusable`] when it cannot be used for TLS.
    pub fn of_pem(chain: &[u8], key: &[u8]) -> Result<EndpointTls, TlsError> {
        let read = EdgeCertificate::from_pem(chain, key, Vec::new())?;
        EndpointTls::new(&read.chain, &read.key_der)
    }

    fn new(chain: &[Vec<u8>], key: &[u8]) -> Result<EndpointTls, TlsError> {
        let shown = SingleCertAndKey::from(certified(chain, key)?);
        let builder = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.map_err(TlsError::unusable)?.with_no_client_auth();
        let mut config = builder.with_cert_resolver(Arc::new(shown));
        config.alpn_protocols = Alpn::names(&[Alpn::Http1]);
        // Whoever asks does so once in minutes.
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Ok(EndpointTls(Arc::new(config)))
    }

    /// Answers a client.
    ///
    /// # Errors
    /// [`TlsError`]: the connection is closed.
    pub async fn accept(&self, io: TcpStream, timeout: Duration) -> Result<Stream, TlsError> {
        within(timeout, async {
            let accepted = TlsAcceptor::from(Arc::clone(&self.0)).accept(io).await;
            accepted
                .map(|stream| Stream::Tls(Box::new(TlsStream::Server(stream))))
                .map_err(|error| TlsError::of(&error))
        })
        .await
    }
}
