//! The rotation's clock: gathers what nodes have said, lets the authority take the steps that this allows, and tells
//! everybody of what changed.

use crate::authority::call::Standing;
use crate::live::Heard;
use crate::registry::{Key, Node};
use crate::say;
use crate::shared::Shared;
use crate::state;
use selvedge_identity::{Receipts, Slot, Stage, Step};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::sleep;

/// How often it is looked whether a step can be taken.
const TICK: Duration = Duration::from_secs(1);
/// A node that was not heard since control started may still have a certificate for so long, in seconds: the longest
/// life of an SVID.
const UNHEARD_S: u64 = 24 * 3600;
/// A node's clock that is off by more, in seconds, breaks handshakes: leaves are dated back by a minute.
pub(crate) const CLOCK_OFF_S_MAX: u64 = 45;

/// Takes steps, for as long as the future is polled.
pub(crate) async fn keep(shared: Arc<Shared>) {
    let mut failed = false;
    loop {
        tokio::select! {
            () = sleep(TICK) => {}
            () = shared.rotate_soon.notified() => {}
        }
        match turn(&shared).await {
            Ok(()) => failed = false,
            Err(reason) if !failed => {
                failed = true;
                say(&format!("the rotation of roots stands still: {reason}"));
            }
            Err(_) => {}
        }
    }
}

async fn turn(shared: &Shared) -> Result<(), String> {
    let standing = shared.standing();
    let receipts = receipts(shared, &standing);
    let leaf_ttl_s = shared.current().documents.checked.mesh.workload_ttl_s;
    let next = shared.caller.advance(receipts, leaf_ttl_s).await.map_err(|error| error.to_string())?;
    stand(shared, next)
}

/// Tells everybody where the authority stands, if that is new.
pub(crate) fn stand(shared: &Shared, next: Standing) -> Result<(), String> {
    next.steps.iter().for_each(|step| say(&words(step)));
    let before = shared.standing();
    let next = Standing { steps: Vec::new(), ..next };
    if *before == next {
        return Ok(());
    }
    if before.bundle != next.bundle || before.active_root() != next.active_root() {
        // Kept before it is sent: a token that is made beside a stopped control pins what nodes were told.
        state::write_json(&shared.state.contact(), &shared.contact_of(&next)).map_err(|error| error.to_string())?;
    }
    let is_signed_anew = !before.signs_as(&next);
    shared.trust.send_replace(Arc::new(next));
    if is_signed_anew {
        shared.sign_again.notify_one();
    }
    Ok(())
}

fn words(step: &Step) -> String {
    let short = |id: &String| id.chars().take(12).collect::<String>();
    match step {
        Step::PrepareRoot => "a new root is distributed; it signs once every node has it".to_owned(),
        Step::ActivateRoot(id) => format!("the root {} signs from now on", short(id)),
        Step::RetireRoot(id) => format!("the root {} is trusted no more", short(id)),
        Step::RenewIntermediate => "a new intermediate signs from now on".to_owned(),
        Step::PrepareJwtKey => "a new key of tokens is distributed".to_owned(),
        Step::ActivateJwtKey(id) => format!("the key {} signs tokens from now on", short(id)),
        Step::RetireJwtKey(id) => format!("the key {} of tokens is trusted no more", short(id)),
    }
}

/// What all nodes have said, for the authority.
fn receipts(shared: &Shared, standing: &Standing) -> Receipts {
    let active = standing.active_root();
    let signed = shared.first_signed();
    let mut receipts = Receipts::nobody(active);
    if let Some(prepared) = standing.rotation.prepared_root() {
        receipts.tokens_until = crate::registry::token::until(&shared.state, &prepared.id);
    }
    let world = shared.world();
    for (key, node) in world.registry.nodes() {
        let heard = world.live.heard(key);
        let is_connected = heard.is_some_and(Heard::is_connected);
        let (has, moved) = heard.map_or((0, false), |heard| (heard.trust, heard.has_moved(active, signed)));
        if is_connected || may_speak(shared, node, heard) {
            receipts.everyone_has = receipts.everyone_has.min(has);
            receipts.everyone_moved &= moved;
        }
        if is_connected {
            receipts.connected_have = receipts.connected_have.min(has);
            receipts.connected_moved &= moved;
        }
    }
    receipts
}

/// Whether a node that is away may still have a certificate that has not ended.
fn may_speak(shared: &Shared, node: &Node, heard: Option<&Heard>) -> bool {
    let unheard = shared.started_at.max(node.joined_at).saturating_add(UNHEARD_S);
    shared.now_s() <= heard.map_or(unheard, |heard| heard.speaks_until(unheard))
}

/// Who would break if the root were rotated now, and what rotation would wait for; one line each.
pub(crate) fn rehearse(shared: &Shared) -> Vec<String> {
    let standing = shared.standing();
    let (has, now) = (standing.bundle.sequence, shared.now_s());
    let world = shared.world();
    let mut found = Vec::new();
    for (key, node) in world.registry.nodes() {
        let (name, heard) = (format!("the {} `{}`", key.0, key.1), world.live.heard(key));
        let is_connected = heard.is_some_and(Heard::is_connected);
        if !is_connected && may_speak(shared, node, heard) {
            let until = heard.map_or(0, |heard| heard.speaks_until(now)).saturating_sub(now);
            found.push(format!("{name} is away: rotation waits for it, or until its certificates end ({until} s by what it said); bring it back, or revoke it"));
        } else if !is_connected {
            found.push(format!("{name} is away and its certificates have ended: it has to join again with a token"));
        }
        let Some(heard) = heard.filter(|_| is_connected) else { continue };
        if heard.trust < has {
            found.push(format!("{name} has not taken the trust bundle {has}: look at its log and its clock"));
        }
        if heard.clock_off_s.unsigned_abs() > CLOCK_OFF_S_MAX {
            found.push(format!("{name} has a clock that is off by {} s: set it", heard.clock_off_s));
        }
        if let Some(reason) = &heard.refused {
            let reason = reason.lines().next().unwrap_or_default();
            found.push(format!("{name} refuses the documents, so it would keep old signatures: {reason}"));
        }
    }
    found
}

/// When what signs now was made and ends, in seconds since 1970.
pub(crate) fn lives(standing: &Standing) -> Vec<(&'static str, (u64, u64))> {
    let life = |what: &'static str| move |slot: &Slot| (what, (slot.not_before, slot.not_after));
    let signs = |slot: &&Slot| slot.stage == Stage::Active;
    let roots = standing.rotation.roots.iter().filter(signs).map(life("root"));
    let keys = standing.rotation.jwt_keys.iter().filter(signs).map(life("key of tokens"));
    roots.chain([("intermediate", standing.intermediate)]).chain(keys).collect()
}

/// The name of a node for the issuance log.
pub(crate) fn session_of(key: &Key) -> String {
    format!("session of {}/{}", key.0, key.1)
}
