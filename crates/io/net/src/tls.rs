//! TLS, the one module that names rustls: at the edge, inside the mesh, for a first join, and as a plain client.
//!
//! What is checked about a peer is decided in `core/identity`; here it is asked at the right moment, inside the
//! handshake, so that no byte is written to a peer that is not the expected one.

pub mod client;
mod clients;
mod edge;
mod endpoint;
mod error;
mod handshake;
mod join;
mod mesh;
mod resolver;
pub(crate) mod spiffe;
mod stream;
mod verify;

pub use clients::{ClientChain, Clients};
pub use edge::{EdgeCertificate, EdgeTls};
pub use endpoint::EndpointTls;
pub use error::TlsError;
pub use handshake::{Alpn, Handshake};
pub use join::JoinTls;
pub use mesh::{Call, MeshTls};
pub use stream::{Stream, TlsStream};
pub use verify::ClientCertificate;

use rustls::crypto::CryptoProvider;
use rustls::crypto::aws_lc_rs::sign::any_supported_type;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::sync::{Arc, LazyLock};

/// One crypto library for all: aws-lc-rs, with X25519MLKEM768 as the preferred group, then X25519 and the NIST curves.
static PROVIDER: LazyLock<Arc<CryptoProvider>> =
    LazyLock::new(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider()));

fn provider() -> Arc<CryptoProvider> {
    Arc::clone(&PROVIDER)
}

/// A chain and its key, which must belong together. The key is read where it lies: no copy of it is left behind.
fn certified(chain: &[Vec<u8>], key: &[u8]) -> Result<Arc<CertifiedKey>, TlsError> {
    let chain = chain.iter().map(|der| CertificateDer::from(der.clone())).collect();
    let key = PrivateKeyDer::try_from(key).map_err(TlsError::unusable)?;
    let certified = CertifiedKey::new(chain, any_supported_type(&key).map_err(TlsError::unusable)?);
    certified.keys_match().map_err(TlsError::unusable)?;
    Ok(Arc::new(certified))
}

#[cfg(test)]
mod tests;
