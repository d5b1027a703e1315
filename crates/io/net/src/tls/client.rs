//! An ordinary TLS client: a server's name and certificate authorities, as on the web. For issuers, for the demo's
//! traffic and for tests; never inside the mesh.

use super::handshake::{Alpn, Handshake, describe, within};
use super::{Stream, TlsError, TlsStream, provider};
use rustls::client::Resumption;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// Whom an ordinary client trusts.
#[derive(Debug, Clone)]
pub(crate) struct Roots(Arc<RootCertStore>);

/// Connects to a server that one of `roots` (DER), and no other authority, vouches for. `server_name` is a DNS name or
/// an address.
///
/// # Errors
/// [`TlsError`]: the connection is closed.
pub async fn connect(
    io: TcpStream,
    server_name: &str,
    roots: &[Vec<u8>],
    alpn: Option<Alpn>,
    timeout: Duration,
) -> Result<(Stream, Handshake), TlsError> {
    let roots = Roots::of(roots.iter().map(|der| CertificateDer::from(der.as_slice())))?;
    roots.connect(io, server_name, alpn, timeout).await
}

/// As [`connect`], and shows a certificate when the server asks for one: a chain (DER, leaf first) and its key.
///
/// # Errors
/// As [`connect`]; in TLS 1.3 a certificate that the server refuses is told with the first bytes that are read.
pub async fn connect_showing(
    io: TcpStream,
    server_name: &str,
    roots: &[Vec<u8>],
    timeout: Duration,
    (chain, key): (&[Vec<u8>], &[u8]),
) -> Result<(Stream, Handshake), TlsError> {
    let roots = Roots::of(roots.iter().map(|der| CertificateDer::from(der.as_slice())))?;
    let chain = chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let key = PrivateKeyDer::try_from(key.to_vec()).map_err(TlsError::unusable)?;
    let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let builder = builder.map_err(TlsError::unusable)?.with_root_certificates(roots.0);
    let config = builder.with_client_auth_cert(chain, key).map_err(TlsError::unusable)?;
    hand_shake(io, server_name, config, Some(Alpn::Http1), timeout).await
}

/// A handshake, without what earlier ones left behind.
async fn hand_shake(
    io: TcpStream,
    server_name: &str,
    mut config: ClientConfig,
    alpn: Option<Alpn>,
    timeout: Duration,
) -> Result<(Stream, Handshake), TlsError> {
    let unbracketed = server_name.trim_start_matches('[').trim_end_matches(']');
    let name = ServerName::try_from(unbracketed.to_owned()).map_err(TlsError::unusable)?;
    config.alpn_protocols = Alpn::names(alpn.as_slice());
    config.resumption = Resumption::disabled();
    within(timeout, async {
        let connected = TlsConnector::from(Arc::new(config)).connect(name, io).await;
        let stream = connected.map(TlsStream::Client).map_err(|error| TlsError::of(&error))?;
        Ok(describe(stream, Some(unbracketed.to_ascii_lowercase()), None))
    })
    .await
}

/// Why there is nobody to trust for certificates of the web.
#[derive(Debug, thiserror::Error)]
pub enum RootsError {
    /// The file that a document names.
    #[error("the `ca` file `{path}` is unreadable: {reason}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        reason: String,
    },
    /// What is in it.
    #[error("certificate authorities: {0}")]
    Unusable(TlsError),
    /// The system's.
    #[error("certificate authorities: {0}")]
    Native(TlsError),
}

impl Roots {
    /// Those of the file that a document names, relative to `files`, or else the system's.
    pub(crate) async fn read(ca: Option<&str>, files: &Path) -> Result<Roots, RootsError> {
        let Some(ca) = ca else {
            let read = tokio::task::spawn_blocking(Roots::native).await;
            return read.unwrap_or_else(|error| Err(TlsError::unusable(error))).map_err(RootsError::Native);
        };
        let unreadable = |error: std::io::Error| RootsError::File { path: ca.to_owned(), reason: error.to_string() };
        let pem = tokio::fs::read(files.join(ca)).await.map_err(unreadable)?;
        Roots::from_pem(&pem).map_err(RootsError::Unusable)
    }

    /// The system's. Reads files: not for a thread that serves.
    fn native() -> Result<Roots, TlsError> {
        let found = rustls_native_certs::load_native_certs();
        let mut store = RootCertStore::empty();
        store.add_parsable_certificates(found.certs);
        if store.is_empty() {
            return Err(TlsError::unusable("the system has no certificate authorities: install `ca-certificates`"));
        }
        Ok(Roots(Arc::new(store)))
    }

    /// The certificates of a PEM text, each of which must be usable.
    fn from_pem(pem: &[u8]) -> Result<Roots, TlsError> {
        let roots: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem).collect();
        Roots::of(roots.map_err(TlsError::unusable)?.into_iter())
    }

    fn of<'a>(roots: impl Iterator<Item = CertificateDer<'a>>) -> Result<Roots, TlsError> {
        let mut store = RootCertStore::empty();
        for root in roots {
            store.add(root.into_owned()).map_err(TlsError::unusable)?;
        }
        if store.is_empty() {
            return Err(TlsError::unusable("there is no certificate authority to trust"));
        }
        Ok(Roots(Arc::new(store)))
    }

    pub(crate) async fn connect(
        &self,
        io: TcpStream,
        server_name: &str,
        alpn: Option<Alpn>,
        timeout: Duration,
    ) -> Result<(Stream, Handshake), TlsError> {
        let builder = ClientConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
        let builder = builder.map_err(TlsError::unusable)?.with_root_certificates(Arc::clone(&self.0));
        hand_shake(io, server_name, builder.with_no_client_auth(), alpn, timeout).await
    }
}
