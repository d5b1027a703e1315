//! Revocation: a leaf by its serial number, everything of a service, or a node with everything that was issued on its
//! word. It is kept, signed into the next revision, and a node is un-enrolled before anything else.

use crate::live::Live;
use crate::registry::Key;
use crate::rotate::session_of;
use crate::say;
use crate::shared::Shared;
use crate::state;
use selvedge_link::NodeKind;
use selvedge_model::{Name, SpiffeId, WorkloadKind};
use serde::{Deserialize, Serialize};

/// Seconds that a serial number stays revoked whose leaf we know nothing of: the longest life of an SVID.
const UNKNOWN_S: u64 = 24 * 3600;

/// What is to be revoked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RevokeRequest {
    /// One leaf.
    Serial(String),
    /// Everything that was issued to a service until now. Its nodes get new ones at once.
    Service(Name),
    /// A gateway or node: it is un-enrolled, and gets nothing more.
    Node(NodeKind, Name),
}

/// Revokes. The answer says what was done.
pub(crate) async fn revoke(shared: &Shared, request: &RevokeRequest) -> Result<String, String> {
    let now = shared.now_s();
    let done = match request {
        RevokeRequest::Serial(serial) => {
            change(shared, |revoked| revoked.serial(serial, now.saturating_add(UNKNOWN_S)).map_err(|e| e.to_string()))?;
            format!("the certificate `{serial}` is revoked")
        }
        RevokeRequest::Service(service) => {
            let id = SpiffeId::of(shared.domain(), &WorkloadKind::Service(service.clone()));
            // Seconds are whole: what was issued within this one is revoked too.
            change(shared, |revoked| revoked.identity(id.as_str(), now + 1).map_err(|e| e.to_string()))?;
            format!("everything that was issued to `{id}` until now is revoked")
        }
        RevokeRequest::Node(kind, name) => node(shared, (*kind, name.clone())).await?,
    };
    shared.registered_changed.notify_one();
    shared.rotate_soon.notify_one();
    say(&done);
    Ok(done)
}

async fn node(shared: &Shared, key: Key) -> Result<String, String> {
    {
        let mut world = shared.world();
        if !world.registry.remove(&key) {
            return Err(format!("no {} `{}` has joined: see `selvedge status`", key.0, key.1));
        }
        world.keep_registry(&shared.state).map_err(|error| error.to_string())?;
        Live::evict(&mut world.live, &key);
    }
    // After it is out, so that nothing is issued between.
    let living = shared.caller.living(session_of(&key)).await.map_err(|error| error.to_string())?;
    let id = key.0.id(shared.domain(), &key.1);
    let now = shared.now_s();
    let count = living.len();
    change(shared, |revoked| {
        revoked.identity(id.as_str(), now + 1).map_err(|error| error.to_string())?;
        living.iter().try_for_each(|leaf| revoked.serial(&leaf.serial, leaf.ends).map_err(|error| error.to_string()))
    })?;
    Ok(format!("the {} `{}` is un-enrolled, and {count} certificates that it was given are revoked", key.0, key.1))
}

fn change(
    shared: &Shared,
    change: impl FnOnce(&mut selvedge_identity::Revoked) -> Result<(), String>,
) -> Result<(), String> {
    let mut world = shared.world();
    let mut changed = world.revoked.clone();
    changed.forget(shared.now_s());
    change(&mut changed)?;
    state::write_json(&shared.state.revoked(), &changed).map_err(|error| error.to_string())?;
    world.revoked = changed;
    Ok(())
}
