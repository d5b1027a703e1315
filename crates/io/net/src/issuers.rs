//! Issuers' public keys: found by discovery, fetched in the background, and read by every core without a lock.
//!
//! An identity provider is an upstream that is not trusted: its addresses, sizes and times are bounded (THREATS 10), and
//! when it fails, the last good keys stay. Without keys no token of it is accepted.

mod desk;
mod introspect;
mod keep;
mod lately;
mod supervise;

pub use desk::{Active, Unanswered};

use arc_swap::ArcSwap;
use keep::Keeper;
use selvedge_authn::{IssuerSettings, KeySet};
use selvedge_config::checked::Issuer;
use selvedge_model::Name;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use supervise::supervise;
use tokio::sync::watch;

/// Every issuer of the plan. Dropping it ends the background work.
#[derive(Debug)]
pub struct Issuers {
    shared: Arc<Shared>,
    /// Tells the supervisor that the set has other issuers.
    changed: watch::Sender<()>,
}

/// How often keys are fetched.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// From a good fetch to the next; each wait is up to a tenth shorter or longer.
    pub refresh: Duration,
    /// After a bad fetch; doubled by each further one.
    pub retry_min: Duration,
    /// Where doubling ends.
    pub retry_max: Duration,
    /// The least time between two fetches when tokens name an unknown key.
    pub refetch: Duration,
    /// The same, while there are no keys at all.
    pub refetch_keyless: Duration,
    /// For one fetch of an issuer, discovery included.
    pub fetch_timeout: Duration,
}

/// The issuers at one moment.
#[derive(Debug, Default)]
pub struct IssuerSet {
    issuers: BTreeMap<Name, IssuerState>,
}

/// One issuer at one moment.
#[derive(Debug, Clone)]
pub struct IssuerState {
    /// What its tokens must have.
    pub settings: IssuerSettings,
    /// The last good keys; `None` until a first fetch succeeded, and then no token can be verified.
    pub keys: Option<Arc<KeySet>>,
    /// Another number whenever the keys or the settings are others: what was verified under the former is to be
    /// forgotten. No two states of a process share one.
    pub generation: u64,
    keeper: Arc<Keeper>,
}

/// How fetching the keys of an issuer goes, for the admin page.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
pub struct IssuerStatus {
    /// When keys were last fetched, in milliseconds since 1970.
    pub succeeded_ms: Option<u64>,
    /// Why the latest fetch failed; `None` when it did not.
    pub error: Option<String>,
}

#[derive(Debug)]
struct Shared {
    set: ArcSwap<IssuerSet>,
    generations: AtomicU64,
    pace: Pace,
    /// Where the relative paths of `ca` files start.
    files: PathBuf,
    variables: Variables,
}

/// Looks up a variable of the environment that a document names.
pub type Variables = fn(&str) -> Option<String>;

impl Default for Pace {
    fn default() -> Pace {
        Pace {
            refresh: Duration::from_secs(300),
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_secs(60),
            refetch: Duration::from_secs(30),
            refetch_keyless: Duration::from_secs(10),
            fetch_timeout: Duration::from_secs(5),
        }
    }
}

impl Issuers {
    /// No issuers yet. `ca` files are looked for from the working directory.
    pub fn new() -> Issuers {
        Issuers::paced(Pace::default(), Path::new(""))
    }

    /// As [`Issuers::new`], with another pace, and `ca` files relative to `files`.
    pub fn paced(pace: Pace, files: &Path) -> Issuers {
        Issuers::with_variables(pace, files, |_| None)
    }

    /// As [`Issuers::paced`], with secrets from variables too.
    pub fn with_variables(pace: Pace, files: &Path, variables: Variables) -> Issuers {
        let set = ArcSwap::default();
        let shared = Shared { set, generations: AtomicU64::new(0), pace, files: files.to_owned(), variables };
        Issuers { shared: Arc::new(shared), changed: watch::Sender::new(()) }
    }

    /// Starts fetching, on the current runtime. Call it once; it ends when `self` is dropped.
    pub fn start(&self) {
        let mut changed = self.changed.subscribe();
        changed.mark_changed();
        tokio::spawn(supervise(Arc::clone(&self.shared), changed));
    }

    /// Replaces the issuers. Keys stay with an issuer whose URLs, reach and authorities are the same.
    pub fn set(&self, issuers: &BTreeMap<Name, Issuer>) {
        self.shared.set.rcu(|old| {
            let state = |(name, issuer): (&Name, &Issuer)| (name.clone(), self.shared.state(old.get(name), issuer));
            IssuerSet { issuers: issuers.iter().map(state).collect() }
        });
        self.changed.send_replace(());
    }

    /// The issuers now: one atomic load, from any thread.
    pub fn snapshot(&self) -> Arc<IssuerSet> {
        self.shared.set.load_full()
    }

    /// Asks for the keys again, since a token named a key that is not known. However often this is called, an issuer is
    /// asked at most once in [`Pace::refetch`].
    pub fn report_unknown_key(&self, issuer: &Name) {
        if let Some(state) = self.shared.set.load().get(issuer) {
            state.keeper.ask();
        }
    }

    /// What an issuer with `introspection` says of a token, now or lately: `None`, it is refused.
    ///
    /// # Errors
    /// Why nothing is known of it: that is no proof that it is bad, and still it lets nobody in.
    pub async fn introspect(&self, issuer: &Name, token: &str) -> Result<Option<Active>, Unanswered> {
        let set = self.snapshot();
        let state = set.get(issuer).ok_or(Unanswered::Nobody)?;
        let desk = state.keeper.desk.as_ref().ok_or(Unanswered::Nobody)?;
        desk.ask(state.generation, token, self.shared.pace.fetch_timeout).await
    }

    /// How each issuer does.
    pub fn status(&self) -> BTreeMap<Name, IssuerStatus> {
        let set = self.shared.set.load();
        set.issuers.iter().map(|(name, state)| (name.clone(), state.keeper.status())).collect()
    }
}

impl Default for Issuers {
    fn default() -> Issuers {
        Issuers::new()
    }
}

impl IssuerSet {
    /// The issuer of this name.
    pub fn get(&self, name: &Name) -> Option<&IssuerState> {
        self.issuers.get(name)
    }

    /// Every issuer with its name.
    pub fn iter(&self) -> impl Iterator<Item = (&Name, &IssuerState)> {
        self.issuers.iter()
    }
}

impl Shared {
    fn next_generation(&self) -> u64 {
        self.generations.fetch_add(1, Ordering::Relaxed) + 1
    }

    fn state(&self, old: Option<&IssuerState>, issuer: &Issuer) -> IssuerState {
        let kept = old.filter(|old| old.keeper.serves(issuer));
        if let Some(same) = kept.filter(|old| is_same(&old.settings, issuer)) {
            return same.clone();
        }
        IssuerState {
            settings: settings(issuer),
            keys: kept.and_then(|old| old.keys.clone()),
            generation: self.next_generation(),
            keeper: kept.map_or_else(|| Arc::new(Keeper::new(issuer)), |old| Arc::clone(&old.keeper)),
        }
    }

    /// Publishes new keys, unless the issuer was replaced meanwhile.
    fn publish(&self, keeper: &Arc<Keeper>, keys: &Arc<KeySet>) {
        self.set.rcu(|old| {
            let mut issuers = old.issuers.clone();
            for state in issuers.values_mut().filter(|state| Arc::ptr_eq(&state.keeper, keeper)) {
                state.keys = Some(Arc::clone(keys));
                state.generation = self.next_generation();
            }
            IssuerSet { issuers }
        });
    }
}

fn settings(issuer: &Issuer) -> IssuerSettings {
    IssuerSettings {
        name: issuer.name.clone(),
        url: Arc::clone(&issuer.url),
        audiences: issuer.audiences.clone(),
        token_types: issuer.token_types.clone(),
        groups_claim: issuer.groups_claim.clone(),
    }
}

fn is_same(old: &IssuerSettings, issuer: &Issuer) -> bool {
    let IssuerSettings { name, url, audiences, token_types, groups_claim } = old;
    let tokens = *token_types == issuer.token_types && *groups_claim == issuer.groups_claim;
    *name == issuer.name && *url == issuer.url && *audiences == issuer.audiences && tokens
}

#[cfg(test)]
mod tests;
