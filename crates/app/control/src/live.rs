//! What nodes said in their sessions: in memory, and gone with the process, since each says it again.

use crate::registry::Key;
use selvedge_link::CertificateInfo;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::Notify;

/// Characters of a node's refusal that are kept.
const REFUSAL_CHARS_MAX: usize = 4_096;
/// Certificates of one node that are kept.
const CERTIFICATES_MAX: usize = 512;
/// Failed joins in one second, over all connections.
const FAILED_JOINS_PER_S_MAX: u32 = 10;

/// Everything that sessions said.
#[derive(Debug, Default)]
pub(crate) struct Live {
    nodes: BTreeMap<Key, Heard>,
    sessions: u64,
}

/// What was heard of one node.
#[derive(Debug, Default, Clone)]
pub(crate) struct Heard {
    /// The session that speaks for the node; `None` when it is away.
    session: Option<(u64, Arc<Notify>)>,
    pub(crate) version: String,
    pub(crate) enforced: Option<String>,
    pub(crate) refused: Option<String>,
    pub(crate) certificates: Vec<CertificateInfo>,
    /// The version of the trust bundle that it uses.
    pub(crate) trust: u64,
    /// The revision that it enforces.
    revision: u64,
    /// By how much its clock was ahead of ours when it last spoke, in seconds.
    pub(crate) clock_off_s: i64,
    /// When the last SVID ends that it was given, in seconds since 1970; zero: none since control started.
    svid_ends: u64,
    /// In seconds since 1970.
    pub(crate) last_seen: u64,
}

/// A session's right to speak for a node, until a newer one takes it.
#[derive(Debug)]
pub(crate) struct Seat {
    pub(crate) key: Key,
    session: u64,
    /// Told when a newer session took over.
    pub(crate) replaced: Arc<Notify>,
}

impl Live {
    /// A new session for a node. An older one is told to end.
    pub(crate) fn enter(&mut self, key: &Key, now: u64) -> Seat {
        self.sessions += 1;
        let replaced = Arc::new(Notify::new());
        let heard = self.nodes.entry(key.clone()).or_default();
        if let Some((_, older)) = heard.session.replace((self.sessions, Arc::clone(&replaced))) {
            older.notify_one();
        }
        heard.last_seen = now;
        Seat { key: key.clone(), session: self.sessions, replaced }
    }

    /// The session ended; the node is away unless a newer session speaks for it.
    pub(crate) fn leave(&mut self, seat: &Seat) {
        if let Some(heard) = self.of(seat) {
            heard.session = None;
        }
    }

    /// What is kept of the node, for the session that speaks for it.
    pub(crate) fn of(&mut self, seat: &Seat) -> Option<&mut Heard> {
        let heard = self.nodes.get_mut(&seat.key)?;
        let speaks = heard.session.as_ref().is_some_and(|(session, _)| *session == seat.session);
        speaks.then_some(heard)
    }

    /// Notes that a node was given an SVID, which ends then.
    pub(crate) fn was_given(&mut self, key: &Key, ends: u64) {
        self.nodes.entry(key.clone()).or_default().was_given(ends);
    }

    /// Ends the session of a node that is enrolled no more.
    pub(crate) fn evict(&mut self, key: &Key) {
        if let Some((_, session)) = self.nodes.remove(key).and_then(|heard| heard.session) {
            session.notify_one();
        }
    }

    /// What was heard of a node.
    pub(crate) fn heard(&self, key: &Key) -> Option<&Heard> {
        self.nodes.get(key)
    }
}

impl Heard {
    pub(crate) fn is_connected(&self) -> bool {
        self.session.is_some()
    }

    /// Notes what a receipt says of trust, time and revision.
    pub(crate) fn trusts(&mut self, trust: u64, revision: u64, clock_off_s: i64) {
        (self.trust, self.revision, self.clock_off_s) = (trust, revision, clock_off_s);
    }

    /// Notes that an SVID was given out, which ends then.
    pub(crate) fn was_given(&mut self, ends: u64) {
        self.svid_ends = self.svid_ends.max(ends);
    }

    /// Until when it may still speak, in seconds since 1970, where `unheard` is what holds for one that got nothing
    /// since control started.
    pub(crate) fn speaks_until(&self, unheard: u64) -> u64 {
        let shown = self.certificates.iter().map(|certificate| certificate.not_after).max();
        let known = self.svid_ends.max(shown.unwrap_or_default());
        if known == 0 { unheard } else { known }
    }

    /// Whether all that it shows comes from this root, and its documents from this revision or a later one.
    pub(crate) fn has_moved(&self, root: &str, revision: u64) -> bool {
        let mut roots = self.certificates.iter().map(|certificate| certificate.root.as_str());
        self.revision >= revision && roots.all(|shown| shown == root || shown.is_empty())
    }

    /// Keeps a receipt.
    pub(crate) fn receive(
        &mut self,
        plan: Option<String>,
        refused: Option<String>,
        mut certificates: Vec<CertificateInfo>,
    ) {
        certificates.truncate(CERTIFICATES_MAX);
        self.enforced = plan;
        self.refused = refused.map(|reason| reason.chars().take(REFUSAL_CHARS_MAX).collect());
        self.certificates = certificates;
    }
}

/// Counts failed joins, so that nobody makes the state directory or the log busy with them.
#[derive(Debug, Default)]
pub(crate) struct FailedJoins {
    second: u64,
    count: u32,
}

impl FailedJoins {
    /// Whether another join may be tried at `now` (seconds).
    pub(crate) fn may_try(&self, now: u64) -> bool {
        self.second != now || self.count < FAILED_JOINS_PER_S_MAX
    }

    /// Notes that one failed.
    pub(crate) fn note(&mut self, now: u64) {
        if self.second != now {
            *self = FailedJoins { second: now, count: 0 };
        }
        self.count = self.count.saturating_add(1);
    }
}
