//! Polls the bundle endpoints of other trust domains (SPIFFE Federation §5.2), each by itself.

use crate::federation::key;
use crate::say;
use crate::shared::Shared;
use crate::state;
use selvedge_config::checked::Federation as Written;
use selvedge_identity::ForeignBundle;
use selvedge_model::TrustDomain;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;

/// How often it is looked whether an endpoint is to be asked.
const TICK: Duration = Duration::from_millis(500);
/// Seconds before a fetch that failed is tried again, which double up to the refresh.
const RETRY_S: u64 = 1;

/// When an endpoint is asked next, in this process.
#[derive(Debug, Default)]
struct Turn {
    is_open: bool,
    at: u64,
    failed: u32,
}

type Fetched = (Written, Result<ForeignBundle, String>);

/// Polls every endpoint that the documents name, for as long as the future is polled. `files` is where their files are.
pub(crate) async fn keep(shared: Arc<Shared>, files: PathBuf) {
    let mut turns: BTreeMap<(TrustDomain, String), Turn> = BTreeMap::new();
    let mut fetches: JoinSet<Fetched> = JoinSet::new();
    loop {
        let checked = shared.current().documents.checked.clone();
        let named: BTreeSet<_> = checked.mesh.federates_with.values().map(key).collect();
        turns.retain(|key, turn| turn.is_open || named.contains(key));
        for written in checked.mesh.federates_with.values() {
            let turn = turns.entry(key(written)).or_default();
            if turn.is_open || turn.at > shared.now_s() {
                continue;
            }
            turn.is_open = true;
            let (written, files) = (written.clone(), files.clone());
            let known = shared.world().federation.bundle(&written);
            fetches.spawn(async move {
                let fetched = selvedge_net::federation::fetch(&written, known.as_ref(), &files).await;
                (written, fetched.map_err(|error| error.to_string()))
            });
        }
        tokio::select! {
            Some(Ok((written, fetched))) = fetches.join_next() => {
                // Of documents that are gone by now nothing is kept.
                if !turns.contains_key(&key(&written)) || !is_named(&shared, &written) {
                    turns.remove(&key(&written));
                    continue;
                }
                let wait_s = take(&shared, &written, fetched, turns.get(&key(&written)).map_or(0, |turn| turn.failed));
                let turn = turns.entry(key(&written)).or_default();
                let is_failed = wait_s.is_err();
                turn.failed = if is_failed { turn.failed.saturating_add(1) } else { 0 };
                (turn.is_open, turn.at) = (false, shared.now_s().saturating_add(wait_s.unwrap_or_else(|wait_s| wait_s)));
            }
            () = tokio::time::sleep(TICK) => {}
        }
    }
}

fn is_named(shared: &Shared, written: &Written) -> bool {
    let current = shared.current();
    let named = current.documents.checked.mesh.federates_with.get(&written.trust_domain);
    named.is_some_and(|named| key(named) == key(written))
}

/// Takes what was fetched: seconds until the next time, as an error where it brought nothing.
fn take(shared: &Shared, written: &Written, fetched: Result<ForeignBundle, String>, failed: u32) -> Result<u64, u64> {
    let (ours, now, domain) = (shared.trust(), shared.now_s(), &written.trust_domain);
    let mut world = shared.world();
    let (before, _) = world.federation.last(domain);
    let is_new = world.federation.note(written, fetched, &ours, now);
    let (error, refresh_s) = world.federation.last(domain);
    // Once, not at each try.
    if let Some(error) = error.as_ref().filter(|error| before.as_ref() != Some(error)) {
        say(&format!("federation with `{domain}`: {error}"));
    }
    if is_new || (before.is_some() && error.is_none()) {
        let roots = world.federation.bundle(written).map_or(0, |bundle| bundle.roots.len());
        say(&format!("federation with `{domain}`: its bundle has {roots} roots"));
    }
    if error.is_none()
        && let Err(error) = state::write_json(&shared.state.federation(), &world.federation)
    {
        say(&format!("the bundle of `{domain}` is not kept for a restart: {error}"));
    }
    drop(world);
    if is_new {
        shared.registered_changed.notify_one();
    }
    match error {
        None => Ok(refresh_s),
        Some(_) => Err((RETRY_S << failed.min(16)).min(refresh_s)),
    }
}
