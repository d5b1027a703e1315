//! Why a handshake failed.

use selvedge_model::SpiffeId;
use std::io;

/// Characters of a text about what a peer did.
const TEXT_CHARS_MAX: usize = 200;

/// Why there is no TLS connection. No application byte was written to the peer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The handshake took too long.
    #[error("the TLS handshake was not done in time")]
    Timeout,
    /// The client named no server.
    #[error("the client sent no server name")]
    NoServerName,
    /// The client named a server that is not here.
    #[error("the client asked for a server name that is not served here")]
    UnknownServerName,
    /// The peer's certificates are refused: why.
    #[error("the peer's certificate is refused: {0}")]
    Peer(String),
    /// The peer showed no certificate.
    #[error("the peer showed no certificate")]
    NoCertificate,
    /// The peer is a valid one, and not the one that was called.
    #[error("the peer is `{got}`, not `{expected}`")]
    WrongPeer {
        /// Who was called.
        expected: SpiffeId,
        /// Who answered.
        got: SpiffeId,
    },
    /// The peer's root is not the one that the join token pins.
    #[error("the peer's root certificate is not the one in the join token")]
    WrongRoot,
    /// No application protocol in common.
    #[error("the peer speaks none of our application protocols")]
    Alpn,
    /// The peer closed the connection.
    #[error("the peer closed the connection during the TLS handshake")]
    Closed,
    /// We hold no SVID of this identity.
    #[error("there is no SVID of `{0}` here")]
    NoIdentity(SpiffeId),
    /// One of our own certificates, keys or names cannot be used: why.
    #[error("not usable for TLS: {0}")]
    Unusable(String),
    /// Anything else that the protocol does not permit.
    #[error("TLS failed: {0}")]
    Protocol(String),
}

impl TlsError {
    /// What tokio-rustls hands out: an `io::Error` around the TLS library's own. This is the only place that looks
    /// inside; our verifier hands its own findings over by itself.
    pub(super) fn of(error: &io::Error) -> TlsError {
        use rustls::{AlertDescription, Error};
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match inner {
            Some(Error::NoCertificatesPresented) => TlsError::NoCertificate,
            Some(Error::NoApplicationProtocol | Error::AlertReceived(AlertDescription::NoApplicationProtocol)) => {
                TlsError::Alpn
            }
            Some(Error::InvalidCertificate(reason)) => TlsError::Peer(printable(&reason.to_string())),
            Some(other) => TlsError::Protocol(printable(&other.to_string())),
            None => match error.kind() {
                io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                    TlsError::Closed
                }
                _ => TlsError::Protocol(printable(&error.to_string())),
            },
        }
    }

    /// For what is wrong on our own side.
    pub(super) fn unusable(reason: impl std::fmt::Display) -> TlsError {
        TlsError::Unusable(reason.to_string())
    }
}

/// A peer may have had a hand in the text: bounded, and without control characters.
fn printable(text: &str) -> String {
    text.chars().take(TEXT_CHARS_MAX).map(|c| if c.is_control() { '?' } else { c }).collect()
}
