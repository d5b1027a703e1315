//! TLS towards a server that proves itself by an SVID, from a client that shows nothing: bundle endpoints of other trust
//! domains (SPIFFE Federation §5.2.2).

use super::handshake::within;
use super::mesh::{call_with, client_config};
use super::verify::{Anchor, ClientCertificate, PeerVerifier};
use super::{Alpn, Stream, TlsError};
use selvedge_identity::TrustBundle;
use selvedge_model::SpiffeId;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// Connects. The server is exactly `expected`, by `bundle` and nobody else's word; its host name says nothing.
pub(crate) async fn connect(
    io: TcpStream,
    host: &str,
    bundle: &TrustBundle,
    expected: &SpiffeId,
    timeout: Duration,
) -> Result<Stream, TlsError> {
    let anchor = Anchor::Bundle(Arc::new(bundle.clone()), Arc::default());
    let verifier = PeerVerifier::new(anchor, Some(expected.clone()), ClientCertificate::Required);
    let config = client_config(Arc::clone(&verifier), None, Alpn::Http1)?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    within(timeout, async {
        let stream = call_with(config, io, host, &verifier).await?;
        verifier.take().ok_or(TlsError::NoCertificate)??;
        Ok(Stream::Tls(Box::new(stream)))
    })
    .await
}
