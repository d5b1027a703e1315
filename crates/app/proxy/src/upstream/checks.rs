//! Which endpoints are checked, and what the checks say: one flag for each, shared by all workers.

use super::endpoint::Key;
use selvedge_config::checked::Check;
use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::mpsc;

/// Checks of one endpoint.
pub(crate) type Watched = (Key, Check);

/// What is checked, and the way to have more checked.
pub(crate) struct Checks {
    /// Guards which flag belongs to which endpoint: taken when a worker meets an endpoint under a new plan, never for a
    /// request.
    flags: Mutex<HashMap<Watched, Weak<AtomicBool>>>,
    begin: mpsc::UnboundedSender<(Watched, Weak<AtomicBool>)>,
}

/// What the thread of the checks receives.
pub(crate) type Begun = mpsc::UnboundedReceiver<(Watched, Weak<AtomicBool>)>;

impl Checks {
    pub(crate) fn new() -> (Checks, Begun) {
        let (begin, begun) = mpsc::unbounded_channel();
        (Checks { flags: Mutex::default(), begin }, begun)
    }

    /// The flag of an endpoint: set while it is down. Its checks go on for as long as somebody holds the flag.
    pub(crate) fn watch(&self, key: &Key, check: &Check) -> Arc<AtomicBool> {
        let watched = (key.clone(), check.clone());
        let mut flags = self.flags.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(flag) = flags.get(&watched).and_then(Weak::upgrade) {
            return flag;
        }
        flags.retain(|_, flag| flag.strong_count() > 0);
        let flag = Arc::new(AtomicBool::new(false));
        flags.insert(watched.clone(), Arc::downgrade(&flag));
        // A process that ends checks nothing any more.
        let _ = self.begin.send((watched, Arc::downgrade(&flag)));
        flag
    }
}
