//! Our own bundle endpoint, with a certificate that is always fresh.

use crate::control::Tasks;
use crate::identity::Identity;
use crate::options::{BundleEndpoint, ControlError};
use crate::say;
use crate::shared::Shared;
use selvedge_identity::Pace;
use selvedge_net::{EndpointTls, Listener, federation};
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often certificate files are read again.
const READ_EVERY: Duration = Duration::from_secs(60);

/// Binds the endpoint and serves it.
///
/// # Errors
/// When it cannot be bound, or its files cannot be used.
pub(crate) fn spawn(
    tasks: &mut Tasks,
    shared: &Arc<Shared>,
    endpoint: BundleEndpoint,
    own: Option<watch::Receiver<Arc<Identity>>>,
) -> Result<SocketAddr, ControlError> {
    let address = endpoint.listen;
    let listener = Listener::bind(address);
    let failed = |error| ControlError::Bind { address: address.to_string(), error };
    let listener = listener.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let (tls, shown) = watch::channel(None);
    match (endpoint.certificate, own) {
        (Some((chain, key)), _) => {
            tls.send_replace(Some(read(&chain, &key).map_err(ControlError::BundleCertificate)?));
            tasks.spawn(async move {
                loop {
                    tokio::time::sleep(READ_EVERY).await;
                    match read(&chain, &key) {
                        Ok(read) => drop(tls.send_replace(Some(read))),
                        Err(reason) => say(&format!("the bundle endpoint keeps its certificate: {reason}")),
                    }
                }
            });
        }
        (None, Some(mut own)) => {
            tasks.spawn(async move {
                loop {
                    let identity = Arc::clone(&own.borrow_and_update());
                    let made = identity.tls.svid(&identity.id).map(EndpointTls::of_svid);
                    if let Some(Ok(made)) = made {
                        tls.send_replace(Some(made));
                    }
                    if own.changed().await.is_err() {
                        return ("the certificate of the bundle endpoint", Ok(()));
                    }
                }
            });
        }
        // INVARIANT: without files, control's own identity was obtained first.
        (None, None) => return Err(ControlError::BundleCertificate("there is none".to_owned())),
    }
    let shared = Arc::clone(shared);
    let document = Arc::new(move || document(&shared));
    tasks.spawn(async move {
        let served = federation::serve(listener, shown, document).await;
        ("the bundle endpoint", served.map_err(|error| error.to_string()))
    });
    Ok(bound)
}

/// Our bundle. Whoever follows its hint knows a new root before it signs: it is distributed for twice as long.
fn document(shared: &Shared) -> String {
    let leaf_ttl_s = shared.current().documents.checked.mesh.workload_ttl_s;
    shared.trust().to_spiffe((Pace::of(leaf_ttl_s).settle_s / 2).max(1))
}

fn read(chain: &Path, key: &Path) -> Result<EndpointTls, String> {
    let read = |path: &Path| std::fs::read(path).map_err(|error| format!("cannot read `{}`: {error}", path.display()));
    EndpointTls::of_pem(&read(chain)?, &read(key)?).map_err(|error| error.to_string())
}
