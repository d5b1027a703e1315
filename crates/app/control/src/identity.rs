//! Control's own identity on the link: an SVID like any other, with its key in memory, renewed at half of its life.

use crate::say;
use crate::shared::Shared;
use selvedge_identity::{PrivateKey, Svid, fingerprint, request};
use selvedge_model::{Name, SpiffeId, TrustDomain, WorkloadKind};
use selvedge_net::MeshTls;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::sleep;

/// How often the clock is asked whether it is time: one long sleep would not notice a machine that slept.
const TICK: Duration = Duration::from_secs(1);
/// Before the next try when a renewal failed.
const RETRY: Duration = Duration::from_secs(5);

/// Control's identity, and TLS with it.
pub(crate) struct Identity {
    pub(crate) id: SpiffeId,
    pub(crate) tls: MeshTls,
    /// The root that it comes from, DER: for nodes that join.
    pub(crate) root: Option<Vec<u8>>,
    renew_at: u64,
}

/// Control's SPIFFE ID: `/control/main`. Nodes expect exactly this one at the other end of their link.
pub(crate) fn own_id(domain: &TrustDomain) -> Result<SpiffeId, String> {
    let name = Name::parse("main").map_err(|error| error.to_string())?;
    Ok(SpiffeId::of(domain, &WorkloadKind::Control(name)))
}

/// Gets an SVID with a new key.
pub(crate) async fn obtain(shared: &Shared, ttl_s: u64) -> Result<Identity, String> {
    let trust = shared.trust();
    let id = own_id(&trust.trust_domain)?;
    let key = PrivateKey::generate().map_err(|error| error.to_string())?;
    let csr = request(&key).map_err(|error| error.to_string())?;
    let how = "control itself".to_owned();
    let chain = shared.caller.svid(csr, id.clone(), ttl_s, how).await.map_err(|error| error.to_string())?;
    let root = trust.root_of(&chain);
    let root = trust.roots.iter().find(|der| root.as_ref().is_some_and(|root| fingerprint(der) == *root)).cloned();
    let svid = Svid::new(chain, key).map_err(|error| error.to_string())?;
    let [a, b, c, d, e, f, g, h] = selvedge_net::random_bytes();
    let renew_at = svid.renew_at(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    let revoked = Arc::new(shared.world().revoked.clone());
    let tls = MeshTls::new(trust, &[svid]).map_err(|error| error.to_string())?.revoking(revoked);
    Ok(Identity { id, tls, root, renew_at })
}

/// Renews the identity, for as long as the future is polled: when it is time, and when whom to trust has changed. Open
/// links are not touched.
pub(crate) async fn keep_renewed(shared: Arc<Shared>, identity: watch::Sender<Arc<Identity>>) {
    let mut trust = shared.trust.subscribe();
    let mut published = shared.published.subscribe();
    loop {
        let renew_at = identity.borrow().renew_at;
        while selvedge_net::now_s() < renew_at {
            tokio::select! {
                () = sleep(TICK) => {}
                _ = trust.changed() => break,
                _ = published.changed() => break,
            }
        }
        let ttl_s = shared.current().documents.checked.mesh.workload_ttl_s;
        match obtain(&shared, ttl_s).await {
            Ok(renewed) => drop(identity.send_replace(Arc::new(renewed))),
            Err(reason) => {
                say(&format!("control's own certificate is not renewed yet: {reason}"));
                sleep(RETRY).await;
            }
        }
    }
}
