//! Counts of quotas as text, to be kept across restarts. Of callers there are only hashes in it.

use super::{Limiter, Tables};
use selvedge_limit::{Keys, Seed, Table, Used};
use std::sync::{Arc, PoisonError};

/// The counts of the quotas of one process, to be read and put back while it runs.
#[derive(Clone)]
pub struct Quotas(pub(crate) Arc<Limiter>);

/// As it is written.
#[derive(serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Kept {
    seed: Seed,
    /// Keys and states.
    open: Vec<(u64, u64)>,
    proven: Vec<(u64, u64)>,
}

impl Quotas {
    /// The counts of windows that have not ended, at `now_s`. `None`: no quota was asked yet.
    pub fn to_text(&self, now_s: u64) -> Option<String> {
        let limiter = &self.0;
        if limiter.open.quotas.get().is_none() && limiter.proven.quotas.get().is_none() {
            return None;
        }
        // A table that was not asked yet has still to take what was kept before.
        let waiting = limiter.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let of = |tables: &Tables, waiting: Option<&Vec<(u64, u64)>>| match tables.quotas.get() {
            Some(table) => counts(table, now_s),
            None => waiting.cloned().unwrap_or_default(),
        };
        let open = of(&limiter.open, waiting.as_ref().map(|kept| &kept.open));
        let proven = of(&limiter.proven, waiting.as_ref().map(|kept| &kept.proven));
        serde_json::to_string(&Kept { seed: limiter.lasting().seed(), open, proven }).ok()
    }

    /// Puts counts back, before any quota is asked. `false`: the text is none of ours, or it came too late.
    pub fn restore(&self, text: &str) -> bool {
        let Ok(kept) = serde_json::from_str::<Kept>(text) else { return false };
        if self.0.lasting.set(Keys::new(kept.seed)).is_err() {
            return false;
        }
        *self.0.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(kept);
        true
    }
}

impl std::fmt::Debug for Quotas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Quotas").finish_non_exhaustive()
    }
}

fn counts(table: &Table<Used>, now_s: u64) -> Vec<(u64, u64)> {
    let mut counts = Vec::new();
    table.active(now_s, |key, used| counts.push((key, used.to_bits())));
    counts
}

impl Limiter {
    pub(super) fn lasting(&self) -> &Keys {
        self.lasting.get_or_init(|| self.keys.clone())
    }

    /// A table of quotas with what was kept for it.
    pub(super) fn quotas(&self, open: bool, keys: usize, now_s: u64) -> &Table<Used> {
        self.tables(open).quotas.get_or_init(|| {
            let table = Table::new(keys);
            let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            let counts = kept.as_ref().map(|kept| if open { &kept.open } else { &kept.proven });
            counts.into_iter().flatten().for_each(|(key, used)| table.restore(*key, now_s, Used::from_bits(*used)));
            table
        })
    }
}
