//! The rotation's clock: gathers what nodes have said, lets the authority take the steps that this allows, and tells
//! everybody of what changed. What is about to end is said long before.

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
/// Seconds before an end at which it is said again, last first.
const ALARMS_S: [u64; 5] = [3_600, 24 * 3_600, 7 * 24 * 3_600, 14 * 24 * 3_600, 30 * 24 * 3_600];
/// A node's clock that is off by more, in seconds, breaks handshakes: leaves are dated back by a minute.
pub(crate) const CLOCK_OFF_S_MAX: u64 = 45;

/// Takes steps, for as long as the future is polled.
pub(crate) async fn keep(shared: Arc<Shared>) {
    let mut alarmed = Vec::new();
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
        let mut now = alarms(&shared.standing(), shared.now_s());
        now.extend(shared.world().federation.alarms(&shared.current().documents.checked, shared.now_s()));
        now.iter().filter(|alarm| !alarmed.contains(*alarm)).for_each(|alarm| say(alarm));
        alarmed = now;
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

/// What ends soon; one line each, which changes when the next threshold is passed. A threshold of more than a quarter of
/// a life is none: then the rotation has not even begun.
pub(crate) fn alarms(standing: &Standing, now: u64) -> Vec<String> {
    let alarm = |(what, (begin, end)): (&'static str, (u64, u64))| {
        let (left, life) = (end.saturating_sub(now), end.saturating_sub(begin));
        let threshold = ALARMS_S.iter().find(|threshold| left <= **threshold && **threshold <= life / 4)?;
        let within = if *threshold == 3_600 { "1 hour".to_owned() } else { format!("{} days", threshold / 86_400) };
        let told = "see `selvedge identity rotate --dry-run` for what rotation waits for";
        let when = if left == 0 { "has ended".to_owned() } else { format!("ends within {within}") };
        Some(format!("the {what} {when}: {told}"))
    };
    lives(standing).into_iter().filter_map(alarm).collect()
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

#[cfg(test)]
mod tests {
    use super::*;
    use selvedge_identity::{Authority, Realm};
    use selvedge_model::TrustDomain;

    const NOW: u64 = 1_800_000_000;
    const DAY: u64 = 24 * 3_600;

    fn standing() -> Standing {
        let domain = TrustDomain::parse("acme.example").unwrap();
        let realm = Realm::create(Authority::create(&domain, NOW).unwrap(), NOW).unwrap();
        let intermediate = realm.active().unwrap().intermediate_life();
        Standing { bundle: realm.bundle(), rotation: realm.rotation().clone(), intermediate, steps: Vec::new() }
    }

    #[test]
    fn nothing_is_alarming_while_rotation_has_time() {
        assert!(alarms(&standing(), NOW).is_empty());
        assert!(alarms(&standing(), NOW + 20 * DAY).is_empty(), "the key of tokens is due now");
    }

    #[test]
    fn an_end_is_said_at_each_threshold_before_it() {
        let standing = standing();
        let said = |days_left: u64| {
            let all = alarms(&standing, standing.intermediate.1 - days_left * DAY);
            all.iter().find(|line| line.contains("intermediate")).cloned().unwrap_or_default()
        };
        assert_eq!(said(31), "");
        for (left, within) in [(30, "30 days"), (14, "14 days"), (7, "7 days"), (1, "1 days")] {
            assert!(said(left).contains(within), "{left}: {}", said(left));
        }
        let all = alarms(&standing, standing.intermediate.1 - 3_000);
        assert!(all.iter().any(|line| line.contains("1 hour")), "{all:?}");
        let all = alarms(&standing, standing.intermediate.1 + 1);
        assert!(all.iter().any(|line| line.contains("the intermediate has ended")), "{all:?}");
    }
}
