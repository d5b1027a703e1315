//! The difference between two policies: not of texts, but of what is allowed.

use super::Analysis;
use super::answer::Access;
use super::cells::Cells;
use super::condition::Formula;
use super::frame::{Asked, Frame};
use super::grant::Side;
use super::identity::Identity;
use super::notes::{Note, notes};
use super::region::{Requests, regions};
use super::terms::Terms;
use ahash::RandomState;
use selvedge_config::checked::Service;
use selvedge_model::Name;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// What a change changes.
#[derive(Debug, Clone, Serialize)]
pub struct Difference {
    /// What is allowed to whom, before and after, in the order of services.
    pub changes: Vec<Change>,
    /// What else changes the meaning of rules, such as another audience.
    pub notes: Vec<Note>,
}

/// Requests that were decided in one way and will be in another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The callers: the same holds for each.
    pub callers: Vec<Identity>,
    /// Where it is decided first.
    pub hop: Hop,
    /// The service that is called.
    pub service: Name,
    /// Its port.
    pub port: Name,
    /// The requests.
    pub requests: Requests,
    /// What held.
    pub before: Access,
    /// What will hold.
    pub after: Access,
    /// Whether something is allowed that was not.
    pub widens: bool,
    /// Whether something is no longer allowed.
    pub narrows: bool,
}

/// Where a request is decided first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hop {
    /// At a gateway, and again at the service's node.
    Edge,
    /// At the service's node.
    Mesh,
}

impl Difference {
    /// Whether anything is allowed that was not, or may be.
    pub fn widens(&self) -> bool {
        self.changes.iter().any(|change| change.widens) || self.notes.iter().any(|note| note.widens)
    }

    /// Whether nothing changes.
    pub fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.notes.is_empty()
    }
}

/// Finds the difference.
pub fn diff(before: &Analysis<'_>, after: &Analysis<'_>) -> Difference {
    let (old, new) = (before.checked(), after.checked());
    let mut changes = Vec::new();
    let services: BTreeSet<&Name> = old.services.keys().chain(new.services.keys()).collect();
    for name in services {
        let pair = [old.services.get(name), new.services.get(name)];
        let ports: BTreeSet<&Name> =
            pair.iter().flatten().flat_map(|service| &service.ports).map(|p| &p.name).collect();
        for port in ports {
            changes.extend(port_changes(before, after, pair, port));
        }
    }
    Difference { changes, notes: notes(old, new) }
}

fn port_changes(
    before: &Analysis<'_>,
    after: &Analysis<'_>,
    [old, new]: [Option<&Service>; 2],
    port: &Name,
) -> Vec<Change> {
    let Some(known) = old.or(new) else { return Vec::new() };
    let mut terms = Terms::default();
    let sides =
        [before.side(old.unwrap_or(known), port, &mut terms), after.side(new.unwrap_or(known), port, &mut terms)];
    if sides.iter().all(|side| side.grants.is_empty()) || Side::are_one(&sides) {
        return Vec::new();
    }
    let frame = Frame::of(&sides, &Asked::default());
    let mut found: BTreeMap<Found, Vec<Identity>> = BTreeMap::new();
    let mut cells = [Cells::new(&frame, 0, &terms), Cells::new(&frame, 1, &terms)];
    let mut compared = Compared { terms: &terms, known: HashMap::default() };
    for (caller, (identities, _)) in frame.callers.iter().enumerate() {
        let differing = regions(&frame, caller, |cell| {
            let [old, new] = &mut cells;
            let (held, holds) = (old.at(cell), new.at(cell));
            let (widens, narrows) = compared.compare(&held.formula, &holds.formula);
            (widens || narrows).then(|| (widens, narrows, old.words(cell, &held), new.words(cell, &holds)))
        });
        for ((widens, narrows, before, after), region) in differing {
            let [old, new] = &cells;
            let (before, after) = (old.access(&before, caller, &region), new.access(&after, caller, &region));
            for identity in identities {
                let key = Found {
                    hop: hop(identity),
                    before: before.clone(),
                    after: after.clone(),
                    widens,
                    narrows,
                    requests: region.requests(&frame),
                };
                found.entry(key).or_default().push(identity.clone());
            }
        }
    }
    let change = |(found, callers): (Found, Vec<Identity>)| {
        let Found { hop, requests, before, after, widens, narrows } = found;
        Change {
            callers,
            hop,
            service: known.name.clone(),
            port: port.clone(),
            requests,
            before,
            after,
            widens,
            narrows,
        }
    };
    found.into_iter().map(change).collect()
}

/// A change without its callers.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Found {
    hop: Hop,
    requests: Requests,
    before: Access,
    after: Access,
    widens: bool,
    narrows: bool,
}

fn hop(identity: &Identity) -> Hop {
    match identity {
        Identity::Outside { .. } => Hop::Edge,
        Identity::Service(_) | Identity::Federated(_) => Hop::Mesh,
    }
}

/// Comparisons of formulas, each made once.
struct Compared<'t> {
    terms: &'t Terms,
    known: HashMap<(Formula, Formula), (bool, bool), RandomState>,
}

impl Compared<'_> {
    /// Whether the second allows what the first does not, and the other way round.
    fn compare(&mut self, before: &Formula, after: &Formula) -> (bool, bool) {
        if before == after {
            return (false, false);
        }
        let terms = self.terms;
        let compare = || (!after.implies(before, terms), !before.implies(after, terms));
        *self.known.entry((before.clone(), after.clone())).or_insert_with(compare)
    }
}
