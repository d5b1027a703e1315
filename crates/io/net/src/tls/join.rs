//! The first contact of a node with control: the node has no SVID and no bundle, only a join token with the hash of
//! the root.

use super::handshake::{Alpn, describe, within};
use super::mesh::{agreed, call_with, client_config};
use super::verify::{Anchor, ClientCertificate, PeerVerifier};
use super::{Stream, TlsError};
use selvedge_model::{SpiffeId, TrustDomain};
use std::time::Duration;
use tokio::net::TcpStream;

/// TLS for a first join.
#[derive(Debug, Clone, Copy)]
pub struct JoinTls;

impl JoinTls {
    /// Calls control on its link without a certificate of our own. Control must send its root at the end of its chain,
    /// whose SHA-256 is one of `roots_sha256` (hex), lead to it, and be `expected`; then that root (DER) comes back with the
    /// connection.
    ///
    /// # Errors
    /// [`TlsError`]: the connection is closed, and the token's secret was not sent.
    pub async fn connect(
        io: TcpStream,
        timeout: Duration,
        server_name: &str,
        trust_domain: &TrustDomain,
        roots_sha256: &[String],
        expected: &SpiffeId,
    ) -> Result<(Stream, Vec<u8>), TlsError> {
        let roots_sha256 = roots_sha256.iter().map(|root| root.to_ascii_lowercase()).collect();
        let anchor = Anchor::Pin { trust_domain: trust_domain.clone(), roots_sha256 };
        let verifier = PeerVerifier::new(anchor, Some(expected.clone()), ClientCertificate::Optional);
        let config = client_config(verifier.clone(), None, Alpn::Link)?;
        within(timeout, async {
            let stream = call_with(config, io, server_name, &verifier).await?;
            let found = verifier.take().ok_or(TlsError::NoCertificate)??;
            let root = found.root.ok_or(TlsError::WrongRoot)?;
            let (stream, _) = agreed(describe(stream, None, Some(found.peer)), Alpn::Link)?;
            Ok((stream, root))
        })
        .await
    }
}
