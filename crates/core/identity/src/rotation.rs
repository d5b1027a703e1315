//! Rotation as a state machine: which root and which key of tokens signs, which are distributed ahead, which are to go.
//!
//! *prepare → distribute → receipts from every node → activate → retire.* Nothing signs before every node that may still
//! speak has said that it believes it, and nothing is taken from the bundle while anybody shows what it signed. A step
//! changes one thing; whoever drives it keeps the state before it takes the next, so a crash between two steps loses
//! nothing. Time never suffices alone: a clock that jumps can delay a step, and cannot break a handshake.

use serde::{Deserialize, Serialize};

/// Seconds that a retired root stays after the last leaf below it has ended: clocks may differ by a minute.
const LEAF_SKEW_S: u64 = 60;
/// Seconds that a retired key of tokens stays: the longest token lives an hour.
const TOKENS_END_S: u64 = 2 * 3600;

/// The state: everything that is in the bundle, and what it is for.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// The bundle's: it grows with each change of what is in it.
    pub sequence: u64,
    /// Roots, oldest first.
    pub roots: Vec<Slot>,
    /// Keys of JWT-SVIDs, oldest first.
    pub jwt_keys: Vec<Slot>,
    /// Seconds of the longest life that a leaf was given.
    pub leaf_ttl_s_max: u64,
    /// Somebody asked for a new root.
    pub is_asked: bool,
}

/// A root or a key in the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    /// The root's fingerprint, or the key's `kid`.
    pub id: String,
    /// Seconds since 1970.
    pub not_before: u64,
    /// Seconds since 1970.
    pub not_after: u64,
    /// What it is for now.
    pub stage: Stage,
    /// Since when, in seconds since 1970.
    pub since: u64,
    /// The first bundle that it is in.
    pub sequence: u64,
    /// Its key may be known to others: it goes as soon as those that are connected do not need it.
    pub is_tainted: bool,
}

/// What a root or a key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    /// Distributed, and signs nothing yet.
    Prepared,
    /// Signs.
    Active,
    /// Signs nothing more; what it signed is still believed.
    Retiring,
}

/// What nodes have said, gathered by whoever hears them. With no node, everything is true.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Receipts {
    /// The bundle that every node has which may still speak: one with a certificate that has not ended.
    pub everyone_has: u64,
    /// The bundle that every connected node has.
    pub connected_have: u64,
    /// The root that the next two are about.
    pub moved_to: String,
    /// Every node that may still speak shows certificates of that root alone, and keeps documents signed below it.
    pub everyone_moved: bool,
    /// Every connected node does.
    pub connected_moved: bool,
    /// When the last join token ends that does not pin a prepared root, in seconds since 1970.
    pub tokens_until: u64,
}

/// The next thing to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Step {
    /// Make a root, and put it in the bundle.
    PrepareRoot,
    /// Sign with this root from now on.
    ActivateRoot(String),
    /// Take this root from the bundle.
    RetireRoot(String),
    /// Make a new intermediate below the root that signs.
    RenewIntermediate,
    /// Make a key of tokens, and put it in the bundle.
    PrepareJwtKey,
    /// Sign tokens with this key from now on.
    ActivateJwtKey(String),
    /// Take this key from the bundle.
    RetireJwtKey(String),
}

impl Rotation {
    /// The root that signs.
    pub fn active_root(&self) -> Option<&Slot> {
        active(&self.roots)
    }

    /// The key that signs tokens.
    pub fn active_jwt_key(&self) -> Option<&Slot> {
        active(&self.jwt_keys)
    }

    /// A root that is distributed and signs nothing yet.
    pub fn prepared_root(&self) -> Option<&Slot> {
        prepared(&self.roots)
    }

    /// The next step for roots and keys at `now`, or none. `settle_s` is how long a new root is distributed at least:
    /// workloads that follow their node's socket say nothing.
    pub(crate) fn next(&self, now: u64, receipts: &Receipts, settle_s: u64) -> Option<Step> {
        self.next_root(now, receipts, settle_s).or_else(|| self.next_jwt_key(now, receipts, settle_s))
    }

    fn next_root(&self, now: u64, receipts: &Receipts, settle_s: u64) -> Option<Step> {
        let Some(signs) = active(&self.roots) else {
            let first = prepared(&self.roots).map(|slot| Step::ActivateRoot(slot.id.clone()));
            return Some(first.unwrap_or(Step::PrepareRoot));
        };
        let Some(next) = prepared(&self.roots) else {
            if signs.is_tainted || self.is_asked || signs.is_due(now) {
                return Some(Step::PrepareRoot);
            }
            return self
                .roots
                .iter()
                .find(|slot| self.may_retire(slot, signs, now, receipts))
                .map(|slot| Step::RetireRoot(slot.id.clone()));
        };
        // What cannot vouch any more breaks nobody by being replaced; what others can forge with must go.
        let is_urgent = signs.is_tainted || now > signs.not_after;
        let is_known = receipts.everyone_has >= next.sequence
            && now >= next.since.saturating_add(settle_s)
            && now >= receipts.tokens_until;
        let may_activate = is_known || (is_urgent && receipts.connected_have >= next.sequence);
        may_activate.then(|| Step::ActivateRoot(next.id.clone()))
    }

    fn may_retire(&self, slot: &Slot, signs: &Slot, now: u64, receipts: &Receipts) -> bool {
        if slot.stage != Stage::Retiring || receipts.moved_to != signs.id {
            return false;
        }
        if slot.is_tainted || now > slot.not_after {
            return receipts.connected_moved;
        }
        let leaves_end = slot.since.saturating_add(self.leaf_ttl_s_max).saturating_add(LEAF_SKEW_S);
        receipts.everyone_moved && now >= leaves_end
    }

    fn next_jwt_key(&self, now: u64, receipts: &Receipts, settle_s: u64) -> Option<Step> {
        let Some(signs) = active(&self.jwt_keys) else {
            let first = prepared(&self.jwt_keys).map(|slot| Step::ActivateJwtKey(slot.id.clone()));
            return Some(first.unwrap_or(Step::PrepareJwtKey));
        };
        let gone = |slot: &&Slot| slot.stage == Stage::Retiring && now >= slot.since.saturating_add(TOKENS_END_S);
        if let Some(slot) = self.jwt_keys.iter().find(gone) {
            return Some(Step::RetireJwtKey(slot.id.clone()));
        }
        let Some(next) = prepared(&self.jwt_keys) else {
            return signs.is_due(now).then_some(Step::PrepareJwtKey);
        };
        let is_known = receipts.everyone_has >= next.sequence && now >= next.since.saturating_add(settle_s);
        (is_known || now > signs.not_after).then(|| Step::ActivateJwtKey(next.id.clone()))
    }

    /// Notes a new root or key, distributed from the next bundle on.
    pub(crate) fn prepared(&mut self, kind: Kind, id: String, life: (u64, u64), now: u64) {
        self.sequence = self.sequence.saturating_add(1);
        let (not_before, not_after) = life;
        let stage = Stage::Prepared;
        let slot = Slot { id, not_before, not_after, stage, since: now, sequence: self.sequence, is_tainted: false };
        self.line(kind).push(slot);
        if kind == Kind::Root {
            self.is_asked = false;
        }
    }

    /// Notes that `id` signs from now on, and what signed before does not.
    pub(crate) fn activated(&mut self, kind: Kind, id: &str, now: u64) {
        for slot in self.line(kind) {
            let stage = match (slot.id == id, slot.stage) {
                (true, _) => Stage::Active,
                (false, Stage::Active) => Stage::Retiring,
                (false, stage) => stage,
            };
            if stage != slot.stage {
                (slot.stage, slot.since) = (stage, now);
            }
        }
    }

    /// Notes that `id` is in no bundle from the next on.
    pub(crate) fn retired(&mut self, kind: Kind, id: &str) {
        self.sequence = self.sequence.saturating_add(1);
        self.line(kind).retain(|slot| slot.id != id);
    }

    /// Marks a root as compromised. `false`: there is none of that name.
    pub(crate) fn taint(&mut self, id: &str) -> bool {
        let found = self.roots.iter_mut().find(|slot| slot.id == id);
        found.map(|slot| slot.is_tainted = true).is_some()
    }

    fn line(&mut self, kind: Kind) -> &mut Vec<Slot> {
        match kind {
            Kind::Root => &mut self.roots,
            Kind::JwtKey => &mut self.jwt_keys,
        }
    }
}

/// Which line of slots.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Root,
    JwtKey,
}

impl Slot {
    /// Whether two thirds of its life are over.
    fn is_due(&self, now: u64) -> bool {
        is_due((self.not_before, self.not_after), now)
    }
}

/// Whether two thirds of a life are over.
pub(crate) fn is_due((not_before, not_after): (u64, u64), now: u64) -> bool {
    now >= not_after.saturating_sub(not_after.saturating_sub(not_before) / 3)
}

fn active(line: &[Slot]) -> Option<&Slot> {
    line.iter().find(|slot| slot.stage == Stage::Active)
}

fn prepared(line: &[Slot]) -> Option<&Slot> {
    line.iter().find(|slot| slot.stage == Stage::Prepared && !slot.is_tainted)
}

impl Receipts {
    /// Of a mesh without nodes.
    pub fn nobody(active: &str) -> Receipts {
        Receipts {
            everyone_has: u64::MAX,
            connected_have: u64::MAX,
            moved_to: active.to_owned(),
            everyone_moved: true,
            connected_moved: true,
            tokens_until: 0,
        }
    }
}
