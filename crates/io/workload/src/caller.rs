//! The process behind a call, and how much its user has open.

use crate::grpc::{Code, Status};
use crate::limits::{CONNECTIONS_PER_UID_MAX, STREAMS_PER_UID_MAX};
use crate::refusals::Refusals;
use crate::tokens::Tokens;
use crate::view::View;
use selvedge_net::attest::{LocalPeer, Look, UnixPeer};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::watch;

/// What all calls share.
pub(crate) struct Shared {
    pub(crate) views: watch::Receiver<Option<Arc<View>>>,
    pub(crate) tokens: Option<Arc<dyn Tokens>>,
    pub(crate) refusals: Arc<Refusals>,
    pub(crate) log: Box<dyn Fn(&str) + Send + Sync>,
    pub(crate) counts: Counts,
}

/// A caller: the process at the other end.
pub(crate) struct Caller {
    pub(crate) shared: Arc<Shared>,
    pub(crate) peer: Arc<UnixPeer>,
}

impl Caller {
    /// What is to give out now.
    pub(crate) fn view(&self, views: &mut watch::Receiver<Option<Arc<View>>>) -> Result<Arc<View>, Status> {
        let view = views.borrow_and_update().clone();
        view.ok_or_else(|| Status::new(Code::Unavailable, "the node has no documents yet"))
    }

    /// Looks at the process now: it may run another program than when it connected.
    pub(crate) async fn look(&self, look: Look) -> Result<LocalPeer, Status> {
        let ended = |_| Status::new(Code::PermissionDenied, "no identity issued");
        if look < Look::Digest {
            return self.peer.look(look).map_err(ended);
        }
        // A program is read from disk, once: not on the thread that serves the others.
        let peer = Arc::clone(&self.peer);
        let looked = tokio::task::spawn_blocking(move || peer.look(look)).await;
        looked.map_err(|_| Status::new(Code::Internal, "the process could not be looked at"))?.map_err(ended)
    }

    /// Notes that the process gets nothing; what it is told.
    pub(crate) fn refuse(&self, peer: &LocalPeer, reason: &str) -> Status {
        if let Some(line) = self.shared.refusals.note(peer, reason) {
            (self.shared.log)(&line);
        }
        Status::new(Code::PermissionDenied, "no identity issued")
    }
}

/// What is counted for each user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Of {
    Connections,
    Streams,
}

/// How much each user has open.
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts {
    /// Guards the numbers; held for one of them.
    open: Arc<Mutex<HashMap<(u32, Of), usize>>>,
}

/// Counts while it lives.
pub(crate) struct Counted {
    counts: Counts,
    key: (u32, Of),
}

impl Counts {
    pub(crate) fn enter(&self, uid: u32, of: Of) -> Option<Counted> {
        let max = match of {
            Of::Connections => CONNECTIONS_PER_UID_MAX,
            Of::Streams => STREAMS_PER_UID_MAX,
        };
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let count = open.entry((uid, of)).or_default();
        if *count >= max {
            return None;
        }
        *count += 1;
        Some(Counted { counts: self.clone(), key: (uid, of) })
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut open = self.counts.open.lock().unwrap_or_else(PoisonError::into_inner);
        let left = open.get(&self.key).map_or(0, |count| count.saturating_sub(1));
        if left == 0 {
            open.remove(&self.key);
        } else {
            open.insert(self.key, left);
        }
    }
}
