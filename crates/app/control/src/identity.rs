//! Control's own identity on the link: an SVID like any other, with its key in memory, renewed at half of its life.

use crate::authority::caller::Caller;
use crate::say;
use crate::shared::Shared;
use selvedge_identity::{PrivateKey, Svid, TrustBundle, request};
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
    renew_at: u64,
}

/// Control's SPIFFE ID: `/control/main`. Nodes expect exactly this one at the other end of their link.
pub(crate) fn own_id(domain: &TrustDomain) -> Result<SpiffeId, String> {
    let name = Name::parse("main").map_err(|error| error.to_string())?;
    Ok(SpiffeId::of(domain, &WorkloadKind::Control(name)))
}

/// Gets an SVID with a new key.
pub(crate) async fn obtain(caller: &Caller, trust: &TrustBundle, ttl_s: u64) -> Result<Identity, String> {
    let id = own_id(&trust.trust_domain)?;
    let key = PrivateKey::generate().map_err(|error| error.to_string())?;
    let csr = request(&key).map_err(|error| error.to_string())?;
    let chain = caller.svid(csr, id.clone(), ttl_s).await.map_err(|error| error.to_string())?;
    let svid = Svid::new(chain, key).map_err(|error| error.to_string())?;
    let [a, b, c, d, e, f, g, h] = selvedge_net::random_bytes();
    let renew_at = svid.renew_at(u64::from_le_bytes([a, b, c, d, e, f, g, h]));
    let tls = MeshTls::new(trust.clone(), &[svid]).map_err(|error| error.to_string())?;
    Ok(Identity { id, tls, renew_at })
}

/// Renews the identity, for as long as the future is polled. Open links are not touched.
pub(crate) async fn keep_renewed(shared: Arc<Shared>, identity: watch::Sender<Arc<Identity>>) {
    loop {
        let renew_at = identity.borrow().renew_at;
        while selvedge_net::now_s() < renew_at {
            sleep(TICK).await;
        }
        let ttl_s = shared.current().documents.checked.mesh.workload_ttl_s;
        match obtain(&shared.caller, shared.trust(), ttl_s).await {
            Ok(renewed) => drop(identity.send_replace(Arc::new(renewed))),
            Err(reason) => {
                say(&format!("control's own certificate is not renewed yet: {reason}"));
                sleep(RETRY).await;
            }
        }
    }
}
