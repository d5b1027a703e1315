//! The way to control: over the network with mTLS, or within one process.

use super::certificates::MYSELF;
use super::store::Store;
use anyhow::{Context, Result, bail};
use selvedge_config::checked::HostPort;
use selvedge_identity::{JoinToken, PrivateKey, Svid, TrustBundle, request};
use selvedge_link::{FromNode, JoinSecret, NodeEnd, NodeKind, ToNode};
use selvedge_model::{Host, Name, SpiffeId, TrustDomain, WorkloadKind};
use selvedge_net::{JoinTls, MeshTls, dial, now_s};
use std::time::Duration;
use zeroize::Zeroizing;

/// To connect, and for the handshake.
const TIMEOUT: Duration = Duration::from_secs(5);
/// For the answer to a join.
const JOIN_TIMEOUT: Duration = Duration::from_secs(15);

/// Makes a link to the control plane of this process, for these services.
pub(crate) type LocalLink = Box<dyn Fn(&[Name]) -> Result<NodeEnd>>;

/// The way to control.
pub(crate) enum Way {
    /// Over the network; the services are those that the join token grants.
    Remote {
        /// The services that the token grants.
        services: Vec<Name>,
    },
    /// Within this process: control trusts it with every service of this machine.
    Local(LocalLink),
}

impl Way {
    /// The services that were granted; `None`: all of this machine.
    pub(crate) fn granted(&self) -> Option<&[Name]> {
        match self {
            Way::Remote { services } => Some(services),
            Way::Local(_) => None,
        }
    }

    /// Connects.
    ///
    /// # Errors
    /// When control is away, or is not control.
    pub(crate) async fn connect(&self, store: &Store, myself: &SpiffeId, services: &[Name]) -> Result<NodeEnd> {
        match self {
            Way::Local(link) => link(services),
            Way::Remote { .. } => {
                let address = store.control().context("where control is, is not known: join again with a token")?;
                let trust = store.trust().context("whom to trust is not known: join again with a token")?;
                let own = store.certificate(MYSELF).context("there is no certificate: join again with a token")?;
                let svid = Svid::from_pem(&own).context("the certificate cannot be read: join again with a token")?;
                if svid.not_after <= now_s() {
                    bail!("the certificate has ended: join again with a new token");
                }
                let control = control_id(&trust.trust_domain)?;
                let mesh = MeshTls::new(trust, &[svid])?;
                let tcp = dial(&host_port(&address)?, TIMEOUT).await?;
                let (stream, _) = mesh.connect_link(tcp, TIMEOUT, myself, "control", &control).await?;
                Ok(NodeEnd::remote(stream))
            }
        }
    }
}

/// Joins with a token: proves that control is the one that the token pins, and gets the first certificate.
///
/// # Errors
/// When control is away, is another, or refuses.
pub(crate) async fn join(token: &JoinToken, kind: NodeKind, name: &Name, store: &Store) -> Result<()> {
    let control = control_id(&token.trust_domain)?;
    let tcp = dial(&host_port(&token.control)?, TIMEOUT).await.context("control is not reached")?;
    let joined = JoinTls::connect(tcp, TIMEOUT, "control", &token.trust_domain, &token.roots(), &control).await;
    let (stream, _) = joined.context("the control plane is not the one that the token was made by")?;
    let mut end = NodeEnd::remote(stream);
    let key = PrivateKey::generate()?;
    let secret = JoinSecret(Zeroizing::new(*token.secret));
    end.send(FromNode::Join { secret, csr: request(&key)? }).await?;
    let answer = tokio::time::timeout(JOIN_TIMEOUT, end.recv()).await.context("control did not answer the join")?;
    match answer {
        Some(ToNode::Joined { chain, bundle, services }) => {
            keep(token, (kind, name), (chain, key), &bundle, store)?;
            store.keep_services(&services)
        }
        Some(ToNode::Refused { reason, .. }) => bail!("control refuses the join: {reason}"),
        Some(_) => bail!("control answered the join with something else: is it of another version?"),
        None => bail!("control closed the connection: {}", end.reason().map(ToString::to_string).unwrap_or_default()),
    }
}

fn keep(
    token: &JoinToken,
    (kind, name): (NodeKind, &Name),
    (chain, key): (Vec<Vec<u8>>, PrivateKey),
    bundle: &TrustBundle,
    store: &Store,
) -> Result<()> {
    if bundle.trust_domain != token.trust_domain || !bundle.roots.iter().any(|root| token.pins(root)) {
        bail!("control sent a trust bundle without the root that the token pins");
    }
    let svid = Svid::new(chain, key)?;
    let chain: Vec<&[u8]> = svid.chain.iter().map(Vec::as_slice).collect();
    let (got, expected) = (bundle.verify(&chain, now_s())?.id, kind.id(&bundle.trust_domain, name));
    if got != expected {
        bail!("the token is for `{got}`, and this is `{expected}`: make a token for this {kind}");
    }
    store.keep_trust(bundle)?;
    store.keep_certificate(MYSELF, &svid.to_pem())?;
    store.keep_control(&token.control)
}

fn control_id(domain: &TrustDomain) -> Result<SpiffeId> {
    Ok(SpiffeId::of(domain, &WorkloadKind::Control(Name::parse("main")?)))
}

fn host_port(text: &str) -> Result<HostPort> {
    let (host, port) = text.rsplit_once(':').with_context(|| format!("`{text}` is not `host:port`"))?;
    Ok(HostPort { host: Host::parse(host)?, port: port.parse().with_context(|| format!("`{text}` has no port"))? })
}
