//! Quotas across restarts: read before the first request, written every few seconds and at the end.

use super::store::Store;
use crate::say::say;
use selvedge_net::now_s;
use selvedge_proxy::Quotas;
use std::cell::RefCell;
use std::io::stderr;
use std::path::Path;
use std::time::Duration;

/// What a killed process may forget of the counts, at most.
const SAVE_EVERY: Duration = Duration::from_secs(5);

/// Keeps the counts of one process.
pub(super) struct KeptQuotas {
    /// `None` where there is no state directory to be had; that was said.
    store: Option<Store>,
    quotas: Quotas,
    /// What was written last.
    written: RefCell<String>,
}

impl KeptQuotas {
    /// Puts back what was kept. To be called before anything is served.
    pub(super) fn open(state: &Path, quotas: Quotas) -> KeptQuotas {
        let store =
            Store::open(state).inspect_err(|error| say(stderr(), &format!("quotas are not kept: {error:#}"))).ok();
        let kept = store.as_ref().and_then(Store::quotas);
        if let Some(kept) = &kept
            && !quotas.restore(kept)
        {
            say(stderr(), "the counts of quotas on disk are unreadable: they begin anew");
        }
        KeptQuotas { store, quotas, written: RefCell::new(kept.unwrap_or_default()) }
    }

    /// Writes them again and again; it does not end.
    pub(super) async fn follow(&self) {
        loop {
            tokio::time::sleep(SAVE_EVERY).await;
            self.save();
        }
    }

    /// Writes them, if they have changed.
    pub(super) fn save(&self) {
        let (Some(store), Some(text)) = (&self.store, self.quotas.to_text(now_s())) else { return };
        if *self.written.borrow() == text {
            return;
        }
        match store.keep_quotas(&text) {
            Ok(()) => *self.written.borrow_mut() = text,
            Err(error) => say(stderr(), &format!("quotas are not kept: {error:#}")),
        }
    }
}
