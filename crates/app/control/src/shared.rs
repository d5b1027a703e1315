//! What the tasks of a control plane share.

use crate::authority::call::Standing;
use crate::authority::caller::Caller;
use crate::federation::Federation;
use crate::live::{FailedJoins, Live};
use crate::registry::Registry;
use crate::registry::token::Contact;
use crate::revision::{Content, Published, known};
use crate::source::Documents;
use crate::state::{self, State, StateError};
use selvedge_identity::{Revoked, TrustBundle};
use selvedge_model::TrustDomain;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{Notify, watch};

/// The time in milliseconds since 1970; another one in tests.
pub(crate) type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// What the tasks of a control plane share.
pub(crate) struct Shared {
    pub(crate) state: Arc<State>,
    pub(crate) clock: Clock,
    pub(crate) caller: Caller,
    /// Where control is, as a token says it.
    pub(crate) address: Option<String>,
    domain: TrustDomain,
    /// Where the authority stands: whom to trust, and which root signs.
    pub(crate) trust: watch::Sender<Arc<Standing>>,
    /// When control started, in seconds since 1970.
    pub(crate) started_at: u64,
    /// The first revision that the root that signs now has signed.
    first_signed: AtomicU64,
    /// Told when documents are to be signed anew.
    pub(crate) sign_again: Notify,
    /// Told when a node said something that a rotation may wait for.
    pub(crate) rotate_soon: Notify,
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
    pub(crate) revoked: Revoked,
    pub(crate) federation: Federation,
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
        (standing, address): (Standing, Option<String>),
        first: Published,
        world: World,
    ) -> Shared {
        let started_at = clock() / 1000;
        let (first_signed, domain) = (AtomicU64::new(first.revision), standing.bundle.trust_domain.clone());
        let ((published, _), (trust, _)) = (watch::channel(Arc::new(first)), watch::channel(Arc::new(standing)));
        let (registered_changed, sign_again, rotate_soon) = (Notify::new(), Notify::new(), Notify::new());
        let world = Mutex::new(world);
        Shared {
            state,
            clock,
            caller,
            address,
            domain,
            trust,
            started_at,
            first_signed,
            sign_again,
            rotate_soon,
            published,
            registered_changed,
            world,
        }
    }

    /// The registry and what sessions said.
    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        // Each step leaves the world whole, so a panic elsewhere does not spoil it.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where the authority stands.
    pub(crate) fn standing(&self) -> Arc<Standing> {
        Arc::clone(&self.trust.borrow())
    }

    /// Whom to trust.
    pub(crate) fn trust(&self) -> TrustBundle {
        self.standing().bundle.clone()
    }

    /// What a join token says besides its secret.
    pub(crate) fn contact(&self) -> Contact {
        self.contact_of(&self.standing())
    }

    pub(crate) fn contact_of(&self, standing: &Standing) -> Contact {
        Contact::of(standing, self.address.clone())
    }

    /// The first revision that the root that signs now has signed.
    pub(crate) fn first_signed(&self) -> u64 {
        self.first_signed.load(Ordering::Relaxed)
    }

    pub(crate) fn signed_anew(&self, revision: u64) {
        self.first_signed.store(revision, Ordering::Relaxed);
    }

    pub(crate) fn domain(&self) -> &TrustDomain {
        &self.domain
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
    /// What the next revision is made of.
    pub(crate) fn content(&self, documents: &Documents) -> Content {
        let registered = known(self.registry.registered(), documents);
        let (revoked, federated) = (self.revoked.clone(), self.federation.bundles(&documents.checked));
        Content { documents: documents.clone(), registered, revoked, federated }
    }

    /// Writes the registry down. Called with the world held, so that files are written in the order of changes.
    pub(crate) fn keep_registry(&self, state: &State) -> Result<(), StateError> {
        state::write_json(&state.registry(), &self.registry.lasting())
    }
}
