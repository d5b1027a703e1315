//! The link's listener: mTLS, then a session; or TLS without a client certificate, then a join.

use crate::identity::Identity;
use crate::shared::Shared;
use crate::{join, session};
use selvedge_link::ControlEnd;
use selvedge_net::{ClientCertificate, Listener};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// How long a handshake may take.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections that did not prove yet who they are: handshakes and joins. Others wait in the kernel's queue.
const STRANGERS_MAX: usize = 256;
/// Sessions; more than the registry has nodes, since a session may be replaced before it is gone.
const SESSIONS_MAX: usize = 12_000;

/// Accepts until the socket itself fails.
pub(crate) async fn serve(
    shared: Arc<Shared>,
    listener: Listener,
    identity: watch::Receiver<Arc<Identity>>,
) -> Result<(), String> {
    let strangers = Arc::new(Semaphore::new(STRANGERS_MAX));
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= SESSIONS_MAX {
            connections.join_next().await;
        }
        while connections.try_join_next().is_some() {}
        let permit = Arc::clone(&strangers).acquire_owned().await.map_err(|error| error.to_string())?;
        let (stream, _) = listener.accept().await.map_err(|error| error.to_string())?;
        let identity = Arc::clone(&identity.borrow());
        connections.spawn(connection(Arc::clone(&shared), stream, identity, permit));
    }
}

async fn connection(shared: Arc<Shared>, stream: TcpStream, identity: Arc<Identity>, permit: OwnedSemaphorePermit) {
    let root = identity.root.clone();
    let tls = &identity.tls;
    let optional = ClientCertificate::Optional;
    let accepted = tls.accept_link(stream, HANDSHAKE_TIMEOUT, &identity.id, optional, root.as_deref()).await;
    // Scanners and peers that refused us: nothing was said, and there is nobody to blame by name.
    let Ok((stream, handshake)) = accepted else { return };
    match handshake.peer {
        Some(peer) => {
            drop(permit);
            session::serve(shared, ControlEnd::remote(stream, Some(peer.id)), Some(peer.not_after)).await;
        }
        None => join::serve(&shared, ControlEnd::remote(stream, None)).await,
    }
}
