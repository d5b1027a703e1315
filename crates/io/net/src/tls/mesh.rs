//! TLS between our own: TLS 1.3 alone, both sides with an SVID, no resumption and no tickets.

use super::handshake::{Alert, Alpn, Handshake, Hello, describe, within};
use super::verify::{Anchor, ClientCertificate, PeerVerifier};
use super::{Stream, TlsError, TlsStream, certified, provider};
use rustls::client::Resumption;
use rustls::server::NoServerSessionStorage;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{ClientConfig, ConfigBuilder, ServerConfig, WantsVerifier};
use rustls_pki_types::{CertificateDer, ServerName};
use selvedge_identity::{Federated, Peer, Revoked, Svid, TrustBundle};
use selvedge_model::SpiffeId;
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// What is spoken on mesh connections, best first. The control link is not among them, and never shares a handshake.
const PROTOCOLS: &[Alpn] = &[Alpn::H2, Alpn::Http1, Alpn::MeshTcp];

/// Both directions of the mesh for one process: built once per change of an SVID or the bundle, shared by all
/// connections and threads.
pub struct MeshTls {
    bundle: Arc<TrustBundle>,
    revoked: Arc<Revoked>,
    federated: Arc<Federated>,
    identities: HashMap<SpiffeId, Identity>,
    svids: HashMap<SpiffeId, Svid>,
    server: ConfigBuilder<ServerConfig, WantsVerifier>,
    /// Fingerprints of the roots of each trust domain.
    roots: HashMap<String, Vec<String>>,
}

/// Whom we call, as whom.
#[derive(Debug, Clone, Copy)]
pub struct Call<'a> {
    /// Which of our SVIDs to show.
    pub as_id: &'a SpiffeId,
    /// The server name to send: `<port>.<service>.<trust domain>`.
    pub server_name: &'a str,
    /// Who must be at the other end.
    pub expected: &'a SpiffeId,
    /// The one protocol to speak.
    pub alpn: Alpn,
}

/// One of our SVIDs, ready for either direction.
struct Identity {
    key: Arc<CertifiedKey>,
    shown: Arc<SingleCertAndKey>,
}

impl MeshTls {
    /// Prepares TLS with these SVIDs and this bundle.
    ///
    /// # Errors
    /// [`TlsError::Unusable`] when an SVID cannot be used for TLS.
    pub fn new(bundle: TrustBundle, svids: &[Svid]) -> Result<MeshTls, TlsError> {
        let identities: Result<_, _> = svids.iter().map(|svid| Ok((svid.id.clone(), Identity::new(svid)?))).collect();
        let server = ServerConfig::builder_with_provider(provider());
        let server = server.with_protocol_versions(&[&rustls::version::TLS13]).map_err(TlsError::unusable)?;
        let svids = svids.iter().map(|svid| (svid.id.clone(), svid.clone())).collect();
        let (identities, roots) = (identities?, HashMap::from([roots_of(&bundle)]));
        let (bundle, revoked, federated) = (Arc::new(bundle), Arc::default(), Arc::default());
        Ok(MeshTls { bundle, revoked, federated, identities, svids, server, roots })
    }

    /// With what is revoked: no handshake succeeds with it.
    #[must_use]
    pub fn revoking(mut self, revoked: Arc<Revoked>) -> MeshTls {
        self.revoked = revoked;
        self
    }

    /// With the bundles of federated trust domains: who calls from there is verified by them. We call nobody there.
    #[must_use]
    pub fn federating(mut self, mut federated: Federated) -> MeshTls {
        // Nobody else says who is of our own.
        federated.remove(&self.bundle.trust_domain);
        self.roots.extend(federated.values().map(roots_of));
        self.federated = Arc::new(federated);
        self
    }

    /// Whether a peer that was verified before is believed still: it is not revoked, and its root is in the bundle.
    pub fn believes(&self, peer: &Peer) -> bool {
        let roots = self.roots.get(peer.id.trust_domain());
        !self.revoked.has(peer) && roots.is_some_and(|roots| roots.contains(&peer.root))
    }

    /// Whether an SVID of this identity is here.
    pub fn has(&self, id: &SpiffeId) -> bool {
        self.identities.contains_key(id)
    }

    /// Our SVID of this identity, for what is signed beside TLS.
    pub fn svid(&self, id: &SpiffeId) -> Option<&Svid> {
        self.svids.get(id)
    }

    /// What is believed no more.
    pub fn revoked(&self) -> &Revoked {
        &self.revoked
    }

    /// The bundle that verifies our peers.
    pub fn bundle(&self) -> &TrustBundle {
        &self.bundle
    }

    /// Answers a peer of the mesh. `pick` says which of our SVIDs answers to a server name. The handshake's `peer` is
    /// always there.
    ///
    /// # Errors
    /// [`TlsError`]: the connection is closed.
    pub async fn accept(
        &self,
        io: TcpStream,
        timeout: Duration,
        pick: impl FnOnce(&str) -> Option<SpiffeId>,
    ) -> Result<(Stream, Handshake), TlsError> {
        within(timeout, async {
            let hello = Hello::read(io).await?;
            let Some(name) = hello.server_name() else {
                return Err(hello.refuse(Alert::UnrecognizedName, TlsError::NoServerName).await);
            };
            let Some(identity) = pick(&name).and_then(|id| self.identities.get(&id)) else {
                return Err(hello.refuse(Alert::UnrecognizedName, TlsError::UnknownServerName).await);
            };
            let config = |verifier| self.server_config(verifier, Arc::clone(&identity.shown), PROTOCOLS);
            let (own, federated) = (Arc::clone(&self.bundle), Arc::clone(&self.federated));
            let anchor = Anchor::Federation(own, federated, Arc::clone(&self.revoked));
            answer(hello, name, (anchor, ClientCertificate::Required), PROTOCOLS, config).await
        })
        .await
    }

    /// Calls a peer of the mesh. Its chain is verified by the bundle, and its identity is the expected one, before our
    /// own certificate or any byte is sent.
    ///
    /// # Errors
    /// [`TlsError`]: the connection is closed.
    pub async fn connect(
        &self,
        io: TcpStream,
        timeout: Duration,
        call: Call<'_>,
    ) -> Result<(Stream, Handshake), TlsError> {
        let identity = self.identities.get(call.as_id).ok_or_else(|| TlsError::NoIdentity(call.as_id.clone()))?;
        let anchor = Anchor::Bundle(Arc::clone(&self.bundle), Arc::clone(&self.revoked));
        let verifier = PeerVerifier::new(anchor, Some(call.expected.clone()), ClientCertificate::Required);
        let config = client_config(Arc::clone(&verifier), Some(Arc::clone(&identity.shown)), call.alpn)?;
        within(timeout, async {
            let stream = call_with(config, io, call.server_name, &verifier).await?;
            let found = verifier.take().ok_or(TlsError::NoCertificate)??;
            agreed(describe(stream, Some(call.server_name.to_ascii_lowercase()), Some(found.peer)), call.alpn)
        })
        .await
    }

    /// Answers a node on the control link as `as_id`; the server name is not looked at. With `root` (DER), that
    /// certificate is sent at the end of the chain, for a node that joins and knows nothing but its hash. The
    /// handshake's `peer` is missing when the certificate was optional and none was shown.
    ///
    /// # Errors
    /// [`TlsError`]: the connection is closed.
    pub async fn accept_link(
        &self,
        io: TcpStream,
        timeout: Duration,
        as_id: &SpiffeId,
        client: ClientCertificate,
        root: Option<&[u8]>,
    ) -> Result<(Stream, Handshake), TlsError> {
        let identity = self.identities.get(as_id).ok_or_else(|| TlsError::NoIdentity(as_id.clone()))?;
        let shown = root.map_or_else(|| Arc::clone(&identity.shown), |root| identity.shown_with(root));
        within(timeout, async {
            let hello = Hello::read(io).await?;
            let name = hello.server_name().unwrap_or_default();
            let config = |verifier| self.server_config(verifier, shown, &[Alpn::Link]);
            let anchor = Anchor::Bundle(Arc::clone(&self.bundle), Arc::clone(&self.revoked));
            answer(hello, name, (anchor, client), &[Alpn::Link], config).await
        })
        .await
    }

    /// Calls control on its link; as [`MeshTls::connect`].
    ///
    /// # Errors
    /// [`TlsError`]: the connection is closed.
    pub async fn connect_link(
        &self,
        io: TcpStream,
        timeout: Duration,
        as_id: &SpiffeId,
        server_name: &str,
        expected: &SpiffeId,
    ) -> Result<(Stream, Handshake), TlsError> {
        self.connect(io, timeout, Call { as_id, server_name, expected, alpn: Alpn::Link }).await
    }

    /// A configuration for one handshake: its verifier is its own. Costs a few small allocations, beside some 100 µs of
    /// arithmetic.
    fn server_config(
        &self,
        verifier: Arc<PeerVerifier>,
        shown: Arc<SingleCertAndKey>,
        protocols: &[Alpn],
    ) -> Arc<ServerConfig> {
        let mut config = self.server.clone().with_client_cert_verifier(verifier).with_cert_resolver(shown);
        config.alpn_protocols = Alpn::names(protocols);
        // A resumed session would skip the checks of the certificate (THREATS 4).
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.send_tls13_tickets = 0;
        Arc::new(config)
    }
}

impl Identity {
    fn new(svid: &Svid) -> Result<Identity, TlsError> {
        let key = certified(&svid.chain, svid.key.pkcs8_der())?;
        Ok(Identity { shown: Arc::new(SingleCertAndKey::from(Arc::clone(&key))), key })
    }

    fn shown_with(&self, root: &[u8]) -> Arc<SingleCertAndKey> {
        let mut chain = self.key.cert.clone();
        chain.push(CertificateDer::from(root.to_vec()));
        Arc::new(SingleCertAndKey::from(CertifiedKey::new(chain, Arc::clone(&self.key.key))))
    }
}

async fn answer(
    hello: Hello,
    name: String,
    (anchor, client): (Anchor, ClientCertificate),
    protocols: &[Alpn],
    config: impl FnOnce(Arc<PeerVerifier>) -> Arc<ServerConfig>,
) -> Result<(Stream, Handshake), TlsError> {
    if !hello.offers(protocols) {
        return Err(hello.refuse(Alert::NoApplicationProtocol, TlsError::Alpn).await);
    }
    let verifier = PeerVerifier::new(anchor, None, client);
    let stream = hello.finish(config(Arc::clone(&verifier))).await.map_err(|error| verifier.reason(error))?;
    let peer = verifier.take().transpose()?.map(|found| found.peer);
    if peer.is_none() && client == ClientCertificate::Required {
        return Err(TlsError::NoCertificate);
    }
    Ok(describe(stream, Some(name).filter(|name| !name.is_empty()), peer))
}

/// A trust domain, and the fingerprints of its roots.
fn roots_of(bundle: &TrustBundle) -> (String, Vec<String>) {
    (bundle.trust_domain.to_string(), bundle.fingerprints())
}

/// The client's side for one handshake: TLS 1.3, nothing resumed, one protocol.
pub(super) fn client_config(
    verifier: Arc<PeerVerifier>,
    shown: Option<Arc<SingleCertAndKey>>,
    alpn: Alpn,
) -> Result<Arc<ClientConfig>, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider());
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS13]).map_err(TlsError::unusable)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
    let mut config = match shown {
        Some(shown) => builder.with_client_cert_resolver(shown),
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = Alpn::names(&[alpn]);
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

pub(super) async fn call_with(
    config: Arc<ClientConfig>,
    io: TcpStream,
    server_name: &str,
    verifier: &PeerVerifier,
) -> Result<TlsStream, TlsError> {
    let name = ServerName::try_from(server_name.to_owned()).map_err(TlsError::unusable)?;
    let connected = TlsConnector::from(config).connect(name, io).await;
    connected.map(TlsStream::Client).map_err(|error| verifier.reason(TlsError::of(&error)))
}

/// The protocol must be the one that was asked for: a server that chose none is not one of ours.
pub(super) fn agreed(done: (Stream, Handshake), alpn: Alpn) -> Result<(Stream, Handshake), TlsError> {
    if done.1.alpn == Some(alpn) { Ok(done) } else { Err(TlsError::Alpn) }
}

impl fmt::Debug for MeshTls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MeshTls").field("identities", &self.identities.keys()).finish_non_exhaustive()
    }
}
