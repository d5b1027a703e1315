//! What a handshake found out, and the steps that both kinds of server share.

use super::{ClientChain, Stream, TlsError, TlsStream};
use rustls::{CommonState, ProtocolVersion};
use selvedge_identity::Peer;
use selvedge_model::PeerTls;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::StartHandshake;

/// What a handshake found out.
#[derive(Debug)]
pub struct Handshake {
    /// The server name that the client asked for, in lower case.
    pub sni: Option<String>,
    /// The application protocol that was agreed on.
    pub alpn: Option<Alpn>,
    /// Version, cipher suite and group, for records.
    pub tls: PeerTls,
    /// The peer's SPIFFE identity, verified; always there inside the mesh.
    pub peer: Option<Peer>,
    /// The certificate of a client at the edge, which some set of the listener verified.
    pub client: Option<ClientChain>,
}

/// An application protocol (RFC 7301).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Alpn {
    /// `http/1.1`
    Http1,
    /// `h2`
    H2,
    /// `selvedge-tcp/1`: opaque TCP inside the mesh.
    MeshTcp,
    /// `selvedge-link/1`: between control and nodes.
    Link,
}

impl Alpn {
    /// The protocol's name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Alpn::Http1 => "http/1.1",
            Alpn::H2 => "h2",
            Alpn::MeshTcp => "selvedge-tcp/1",
            Alpn::Link => "selvedge-link/1",
        }
    }

    fn parse(name: &[u8]) -> Option<Alpn> {
        [Alpn::H2, Alpn::Http1, Alpn::MeshTcp, Alpn::Link].into_iter().find(|alpn| alpn.name().as_bytes() == name)
    }

    pub(super) fn names(protocols: &[Alpn]) -> Vec<Vec<u8>> {
        protocols.iter().map(|alpn| alpn.name().into()).collect()
    }
}

/// Why a client is refused before its handshake goes on (RFC 8446 §6, RFC 7301 §3.2).
#[derive(Debug, Clone, Copy)]
pub(super) enum Alert {
    UnrecognizedName = 112,
    NoApplicationProtocol = 120,
}

/// A client's first message, read and not answered yet.
pub(super) struct Hello {
    start: StartHandshake<TcpStream>,
}

impl Hello {
    pub(super) async fn read(io: TcpStream) -> Result<Hello, TlsError> {
        let acceptor = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), io);
        let start = acceptor.await.map_err(|error| TlsError::of(&error))?;
        Ok(Hello { start })
    }

    /// The server name, in lower case.
    pub(super) fn server_name(&self) -> Option<String> {
        self.start.client_hello().server_name().map(str::to_ascii_lowercase)
    }

    /// Whether the client speaks one of these.
    pub(super) fn offers(&self, protocols: &[Alpn]) -> bool {
        let hello = self.start.client_hello();
        let mut offered = hello.alpn().into_iter().flatten();
        offered.any(|name| protocols.iter().any(|alpn| alpn.name().as_bytes() == name))
    }

    /// Sends the alert; nothing is encrypted yet, so that it is seven plain bytes (RFC 8446 §5.1).
    pub(super) async fn refuse(mut self, alert: Alert, error: TlsError) -> TlsError {
        // The client may be gone already; it is refused either way.
        let _ = self.start.io.write_all(&[21, 3, 3, 0, 2, 2, alert as u8]).await;
        let _ = self.start.io.shutdown().await;
        error
    }

    /// Goes on with this configuration.
    pub(super) async fn finish(self, config: std::sync::Arc<rustls::ServerConfig>) -> Result<TlsStream, TlsError> {
        let accepted = self.start.into_stream(config).await.map_err(|error| TlsError::of(&error))?;
        Ok(TlsStream::Server(accepted))
    }
}

/// A whole handshake, or [`TlsError::Timeout`].
pub(super) async fn within<T>(
    timeout: Duration,
    handshake: impl Future<Output = Result<T, TlsError>>,
) -> Result<T, TlsError> {
    tokio::time::timeout(timeout, handshake).await.unwrap_or(Err(TlsError::Timeout))
}

/// Reads off what was agreed on.
pub(super) fn describe(stream: TlsStream, sni: Option<String>, peer: Option<Peer>) -> (Stream, Handshake) {
    let state: &CommonState = match &stream {
        TlsStream::Client(client) => client.get_ref().1,
        TlsStream::Server(server) => server.get_ref().1,
    };
    let alpn = state.alpn_protocol().and_then(Alpn::parse);
    let tls = peer_tls(state);
    (Stream::Tls(Box::new(stream)), Handshake { sni, alpn, tls, peer, client: None })
}

fn peer_tls(state: &CommonState) -> PeerTls {
    let version = match state.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "1.3",
        Some(ProtocolVersion::TLSv1_2) => "1.2",
        _ => "",
    };
    // The library writes `TLS13_AES_…` for what IANA calls `TLS_AES_…`.
    let cipher = state.negotiated_cipher_suite().and_then(|suite| suite.suite().as_str()).unwrap_or_default();
    let group = state.negotiated_key_exchange_group().and_then(|group| group.name().as_str()).unwrap_or_default();
    PeerTls { version: version.into(), cipher: cipher.replacen("TLS13_", "TLS_", 1).into(), group: group.into() }
}
