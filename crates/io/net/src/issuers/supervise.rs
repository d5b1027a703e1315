//! One task for each issuer: it fetches keys, or asks about tokens.

use super::Shared;
use super::introspect::attend;
use super::keep::{Keeper, keep};
use selvedge_model::Name;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Runs one task for each issuer of the set, until the sender of `changed` is gone.
pub(super) async fn supervise(shared: Arc<Shared>, mut changed: watch::Receiver<()>) {
    let mut tasks = JoinSet::new();
    let mut running: BTreeMap<Name, (Arc<Keeper>, tokio::task::AbortHandle)> = BTreeMap::new();
    while changed.changed().await.is_ok() {
        let set = shared.set.load_full();
        running.retain(|name, (keeper, task)| {
            let stays = set.get(name).is_some_and(|state| Arc::ptr_eq(&state.keeper, keeper));
            if !stays {
                task.abort();
            }
            stays
        });
        for (name, state) in set.iter().filter(|(name, _)| !running.contains_key(*name)).collect::<Vec<_>>() {
            let (shared, keeper) = (Arc::clone(&shared), Arc::clone(&state.keeper));
            let task = match keeper.issuer.introspection.clone() {
                Some(introspection) => tasks.spawn(attend(shared, keeper, introspection)),
                None => tasks.spawn(keep(shared, keeper)),
            };
            running.insert(name.clone(), (Arc::clone(&state.keeper), task));
        }
        // Ended tasks are taken out, so that the set does not grow with every change.
        while tasks.try_join_next().is_some() {}
    }
}
