//! Processes that got no identity, for the operator: the caller is told little.

use selvedge_net::attest::LocalPeer;
use selvedge_net::now_s;
use std::collections::VecDeque;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Different refusals that are remembered.
const KEPT_MAX: usize = 32;
/// The same refusal is told again after so long, in seconds: a library asks again every few.
const TELL_AGAIN_S: u64 = 300;
/// Lines of the log in a minute: whoever has many programs could fill the disk otherwise.
const LINES_PER_MINUTE_MAX: u32 = 30;

/// A process that got no identity, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// Its user.
    pub uid: u32,
    /// Its group.
    pub gid: Option<u32>,
    /// Its number, the last time.
    pub pid: Option<u32>,
    /// Its program.
    pub path: Option<PathBuf>,
    /// Its systemd unit.
    pub unit: Option<String>,
    /// Its Kubernetes pod.
    pub pod: Option<String>,
    /// Why, and what came closest.
    pub reason: String,
    /// How often.
    pub count: u64,
    /// The last time, in seconds since 1970.
    pub last: u64,
    told: u64,
}

/// The last refusals, the newest last.
#[derive(Debug, Default)]
pub struct Refusals {
    /// Guards them; held for a look or a note.
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    refused: VecDeque<Refused>,
    /// The minute of the last line of the log, and how many that minute had.
    lines: (u64, u32),
}

impl Refusals {
    /// What is remembered.
    pub fn list(&self) -> Vec<Refused> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).refused.iter().cloned().collect()
    }

    /// Notes one. `Some`: a line for the log, when it was not told lately.
    pub(crate) fn note(&self, peer: &LocalPeer, reason: &str) -> Option<String> {
        let now = now_s();
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |r: &Refused| (r.uid, &r.path, r.reason.as_str()) == (peer.uid, &peer.path, reason);
        let known = kept.refused.iter().position(same).and_then(|at| kept.refused.remove(at));
        let first = known.is_none();
        let mut refused = known.unwrap_or_else(|| Refused::new(peer, reason));
        (refused.pid, refused.count, refused.last) = (peer.pid, refused.count + 1, now);
        if kept.lines.0 != now / 60 {
            kept.lines = (now / 60, 0);
        }
        let is_news = first || now.saturating_sub(refused.told) >= TELL_AGAIN_S;
        let tell = is_news && kept.lines.1 < LINES_PER_MINUTE_MAX;
        if tell {
            kept.lines.1 += 1;
            refused.told = now;
        }
        let line = tell.then(|| refused.to_string());
        if kept.refused.len() >= KEPT_MAX {
            kept.refused.pop_front();
        }
        kept.refused.push_back(refused);
        line
    }
}

impl Refused {
    fn new(peer: &LocalPeer, reason: &str) -> Refused {
        Refused {
            uid: peer.uid,
            gid: peer.gid,
            pid: peer.pid,
            path: peer.path.clone(),
            unit: peer.unit.clone(),
            pod: peer.pod.clone(),
            reason: reason.to_owned(),
            count: 0,
            last: 0,
            told: 0,
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "no identity issued, because {}; seen: uid {}", self.reason, self.uid)?;
        let number = |f: &mut fmt::Formatter<'_>, what: &str, value: Option<u32>| match value {
            Some(value) => write!(f, ", {what} {value}"),
            None => Ok(()),
        };
        number(f, "gid", self.gid)?;
        number(f, "pid", self.pid)?;
        // A path is the caller's to choose: it is written with its control characters escaped.
        self.path.iter().try_for_each(|path| write!(f, ", program {path:?}"))?;
        self.unit.iter().try_for_each(|unit| write!(f, ", unit {unit:?}"))?;
        self.pod.iter().try_for_each(|pod| write!(f, ", pod {pod}"))
    }
}

#[cfg(test)]
mod tests;
