//! What the tasks of a control plane share.

use crate::authority::caller::Caller;
use crate::live::{FailedJoins, Live};
use crate::registry::Registry;
use crate::registry::token::Contact;
use crate::revision::Published;
use crate::state::{self, State, StateError};
use selvedge_identity::TrustBundle;
use selvedge_model::TrustDomain;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// The time in milliseconds since 1970; another one in tests.
pub(crate) type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What the tasks of a control plane share.
pub(crate) struct Shared {
    pub(crate) state: Arc<State>,
    pub(crate) clock: Clock,
    pub(crate) caller: Caller,
    /// Whom to trust, and where control is.
    pub(crate) contact: Contact,
    /// What nodes are to enforce.
    pub(crate) published: watch::Sender<Arc<Published>>,
    /// Told when registered addresses changed, so that they are published.
    pub(crate) registered_changed: Notify,
    /// Guards the registry, what sessions said, and what went wrong. Held for short steps, never across an await.
    world: Mutex<World>,
}

/// What changes as nodes come and go.
#[derive(Debug, Default)]
pub(crate) struct World {
    pub(crate) registry: Registry,
    pub(crate) live: Live,
    pub(crate) failed_joins: FailedJoins,
    /// Why the documents in the directory are not in force.
    pub(crate) documents_error: Option<String>,
    /// Why good documents could not be signed or kept yet.
    pub(crate) publish_error: Option<String>,
}

impl Shared {
    pub(crate) fn new(
        state: Arc<State>,
        clock: Clock,
        caller: Caller,
        contact: Contact,
        first: Published,
        world: World,
    ) -> Shared {
        let (published, _) = watch::channel(Arc::new(first));
        Shared { state, clock, caller, contact, published, registered_changed: Notify::new(), world: Mutex::new(world) }
    }

    /// The registry and what sessions said.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        // Each step leaves the world whole, so a panic elsewhere does not spoil it.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn trust(&self) -> &TrustBundle {
        &self.contact.trust
    }

    pub(crate) fn domain(&self) -> &TrustDomain {
        &self.contact.trust.trust_domain
    }

    /// Seconds since 1970.
    pub(crate) fn now_s(&self) -> u64 {
        (self.clock)() / 1000
    }

    /// What nodes are to enforce now.
    pub(crate) fn current(&self) -> Arc<Published> {
        Arc::clone(&self.published.borrow())
    }
}

impl World {
    /// Writes the registry down. Called with the world held, so that files are written in the order of changes.
    pub(crate) fn keep_registry(&self, state: &State) -> Result<(), StateError> {
        state::write_json(&state.registry(), &self.registry.lasting())
    }
}
