//! What the live table counts: who called whom, and what came of it, by the rule or by what was missing.

use selvedge_model::{DecisionId, Denial, Outcome, Record, Role, RuleId, SpiffeId};
use std::collections::{BTreeMap, HashSet, VecDeque};

/// Rows that are kept; calls of further kinds are counted in the last one.
const ROWS_MAX: usize = 200;
/// Durations of one row that are kept: the latest.
const DURATIONS_MAX: usize = 1_000;
/// Refused calls whose ids are remembered, since two nodes may record the same one.
const REFUSED_MAX: usize = 4_096;

/// The caller of whatever comes through a gateway.
pub(crate) const OUTSIDE: &str = "outside";

/// All that was seen.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    rows: BTreeMap<Kind, Row>,
    refused: HashSet<DecisionId>,
    refused_in_order: VecDeque<DecisionId>,
}

/// Calls that are one row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kind {
    /// Who called.
    pub(crate) caller: String,
    /// Who was called.
    pub(crate) callee: String,
    /// The method and the first segment of the path, or the TCP port.
    pub(crate) what: String,
    /// The rule, or why not.
    pub(crate) why: String,
}

/// What came of them.
#[derive(Debug, Default)]
pub(crate) struct Row {
    /// How many were carried out.
    pub(crate) allowed: u64,
    /// How many were denied.
    pub(crate) denied: u64,
    /// How many broke.
    pub(crate) faulted: u64,
    /// The latest durations, in microseconds.
    durations_us: VecDeque<u64>,
}

impl Calls {
    /// Counts a record. An outbound hop that was carried out is counted where it arrived.
    pub(crate) fn count(&mut self, record: &Record) {
        let allowed = matches!(record.outcome, Outcome::Allowed(_) | Outcome::Observed(_));
        match record.role {
            Role::MeshOutbound if allowed => return,
            Role::MeshInbound | Role::MeshOutbound if !allowed && self.seen(record.id) => return,
            Role::Gateway | Role::MeshInbound | Role::MeshOutbound => {}
        }
        let mut kind = Kind::of(record);
        if self.rows.len() >= ROWS_MAX && !self.rows.contains_key(&kind) {
            kind =
                Kind { caller: "~ others".to_owned(), callee: String::new(), what: String::new(), why: String::new() };
        }
        let row = self.rows.entry(kind).or_default();
        let count = match &record.outcome {
            Outcome::Allowed(_) | Outcome::Observed(_) => &mut row.allowed,
            Outcome::Denied(_) => &mut row.denied,
            Outcome::Faulted { .. } => &mut row.faulted,
        };
        *count = count.saturating_add(1);
        row.durations_us.push_back(record.duration_us);
        if row.durations_us.len() > DURATIONS_MAX {
            let _ = row.durations_us.pop_front();
        }
    }

    /// The rows, in order of caller and callee.
    pub(crate) fn rows(&self) -> impl Iterator<Item = (&Kind, &Row)> {
        self.rows.iter()
    }

    /// Allowed, denied and faulted in all.
    pub(crate) fn totals(&self) -> (u64, u64, u64) {
        self.rows.values().fold((0, 0, 0), |(allowed, denied, faulted), row| {
            (allowed + row.allowed, denied + row.denied, faulted + row.faulted)
        })
    }

    /// Whether a refused call was counted before.
    fn seen(&mut self, id: DecisionId) -> bool {
        if !self.refused.insert(id) {
            return true;
        }
        self.refused_in_order.push_back(id);
        if self.refused_in_order.len() > REFUSED_MAX
            && let Some(oldest) = self.refused_in_order.pop_front()
        {
            let _ = self.refused.remove(&oldest);
        }
        false
    }
}

impl Row {
    /// A percentile of the latest durations, in microseconds.
    pub(crate) fn percentile(&self, percent: u64) -> Option<u64> {
        let mut sorted: Vec<u64> = self.durations_us.iter().copied().collect();
        sorted.sort_unstable();
        percentile(&sorted, percent)
    }
}

/// The nearest-rank percentile: the smallest value that at least `percent` in a hundred do not exceed.
fn percentile(sorted: &[u64], percent: u64) -> Option<u64> {
    let rank = (sorted.len() as u64 * percent.min(100)).div_ceil(100);
    sorted.get(usize::try_from(rank.saturating_sub(1)).ok()?).copied()
}

impl Kind {
    fn of(record: &Record) -> Kind {
        let at = record.at.as_ref().map_or("?", |name| name.as_str()).to_owned();
        let service = record.service.as_ref().map(ToString::to_string);
        let (caller, callee) = match record.role {
            Role::Gateway => (OUTSIDE.to_owned(), service.unwrap_or_else(|| "(nothing)".to_owned())),
            Role::MeshInbound => (record.peer.as_ref().map_or_else(|| "?".to_owned(), short), service.unwrap_or(at)),
            Role::MeshOutbound => (at, service.unwrap_or_else(|| "?".to_owned())),
        };
        let port = || record.port.as_ref().map_or_else(String::new, |port| format!("tcp {port}"));
        let what = match (&record.method, &record.path) {
            (Some(method), Some(path)) => format!("{method} {}", first_segment(path)),
            (Some(method), None) => method.to_string(),
            (None, _) => port(),
        };
        let why = why(&record.outcome, &callee);
        Kind { caller, callee, what, why }
    }
}

/// The service that an identity names, or the kind of what else it is: there is one trust domain, and one gateway.
fn short(id: &SpiffeId) -> String {
    let text = id.to_string();
    text.split('/').nth(3).map(str::to_owned).unwrap_or(text)
}

/// Paths are without bound; their first segments are few.
fn first_segment(path: &str) -> String {
    match path.get(1..).and_then(|rest| rest.split_once('/')) {
        Some((first, _)) => format!("/{first}/…"),
        None => path.to_owned(),
    }
}

fn why(outcome: &Outcome, callee: &str) -> String {
    // Mostly the document is called like the service.
    let named = |rule: &RuleId| {
        if rule.access.as_str() == callee { rule.rule.to_string() } else { rule.to_string() }
    };
    match outcome {
        Outcome::Allowed(rule) => named(rule),
        Outcome::Denied(Denial { reason, nearest: Some(nearest), .. }) => {
            format!("{} {}: {}", reason.status(), named(&nearest.rule), nearest.missing)
        }
        Outcome::Denied(Denial { reason, nearest: None, .. }) => format!("{} {}", reason.status(), reason.as_str()),
        Outcome::Observed(_) => "observed: no rule allows it".to_owned(),
        Outcome::Faulted { fault, .. } => format!("{} {fault}", fault.status()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
