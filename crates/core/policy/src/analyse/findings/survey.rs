//! One look at every cell of a service, for all findings that need it.

use super::rules::Seen;
use crate::analyse::Analysis;
use crate::analyse::condition::{Cube, Formula};
use crate::analyse::frame::{Applying, Asked, Cell, Frame};
use crate::analyse::identity::Identity;
use crate::analyse::terms::Terms;
use ahash::RandomState;
use selvedge_config::checked::{From, Rule, Service};
use selvedge_model::Name;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

/// What is seen in all cells of a service.
#[derive(Debug, Default)]
pub(super) struct Survey<'a> {
    /// The rules, in the order in which they decide.
    pub(super) rules: Vec<&'a Rule>,
    /// What is known of each.
    pub(super) seen: Vec<Seen>,
    /// Exposures, the earlier first, that meet where the later asks for something else than the earlier.
    pub(super) weaker: BTreeSet<(usize, usize)>,
    /// Whether somebody who can call is allowed something.
    pub(super) reached: bool,
    /// By port, who is allowed everything, always.
    pub(super) open: BTreeMap<&'a Name, Vec<Identity>>,
}

/// A cell as findings look at it.
struct Sight {
    by_rule: BTreeMap<usize, Formula>,
    none: Vec<Cube>,
    guardrails: BTreeSet<Arc<str>>,
}

impl<'a> Analysis<'a> {
    /// Looks at a service.
    pub(super) fn survey(&self, service: &'a Service) -> Survey<'a> {
        let rules: Vec<&Rule> = self.rules.get(&service.name).into_iter().flatten().map(|(rule, _)| *rule).collect();
        let seen = rules.iter().map(|_| Seen::default()).collect();
        let mut survey = Survey { rules, seen, ..Survey::default() };
        for port in &service.ports {
            let mut terms = Terms::default();
            let sides = [self.side(service, &port.name, &mut terms)];
            let frame = Frame::of(&sides, &Asked::default());
            for caller in 0..frame.callers.len() {
                if survey.look(self, &frame, &terms, caller) {
                    let open = frame.callers.get(caller).map(|(identities, _)| identities.clone());
                    survey.open.entry(&port.name).or_default().extend(open.unwrap_or_default());
                }
            }
        }
        survey
    }

    /// Whether a process can be this caller, and has a way to call.
    fn can_call(&self, identity: &Identity) -> bool {
        let can = |service: &Service| service.workload.is_some() && service.outbound.is_some();
        match identity {
            Identity::Outside { .. } | Identity::Federated(_) => true,
            Identity::Service(name) => self.checked.services.get(name).is_some_and(can),
        }
    }
}

impl Survey<'_> {
    /// Looks at the cells of one kind of caller, those that are alike once. Whether all of them are always allowed.
    fn look(&mut self, analysis: &Analysis<'_>, frame: &Frame<'_>, terms: &Terms, caller: usize) -> bool {
        let identities = frame.callers.get(caller).map(|(identities, _)| identities.as_slice()).unwrap_or_default();
        let calls = identities.iter().any(|identity| analysis.can_call(identity));
        let index: HashMap<*const Rule, usize, RandomState> =
            self.rules.iter().enumerate().map(|(at, rule)| (std::ptr::from_ref(*rule), at)).collect();
        let mut looked: HashSet<(Applying, Option<Cell>), RandomState> = HashSet::default();
        let (mut open, mut granted) = (true, 0);
        for cell in frame.cells_of(caller) {
            granted += 1;
            let applying = frame.applying(0, cell);
            let varies = frame.varies(0, &applying).then_some(cell);
            if !looked.insert((applying.clone(), varies)) {
                continue;
            }
            let sight = sight(frame, terms, &applying, cell, &index);
            let any = sight.by_rule.values().flat_map(|formula| &formula.any);
            open &= sight.none.is_empty() && any.clone().any(|cube| cube.literals().is_empty());
            let whole = Formula { any: any.cloned().collect(), none: sight.none.clone() };
            self.reached |= calls && !self.reached && !whole.is_never(terms);
            self.note(&sight, calls, terms);
        }
        open && granted == frame.count()
    }

    fn note(&mut self, sight: &Sight, calls: bool, terms: &Terms) {
        for (rule, formula) in &sight.by_rule {
            if let Some(seen) = self.seen.get_mut(*rule) {
                seen.called |= calls;
                seen.look(*rule, &sight.by_rule, &sight.none, &sight.guardrails, terms);
            }
            for (earlier, other) in sight.by_rule.range(..rule) {
                // A later one that asks for at least as much is the same here, or `unreachable-rule` tells of it.
                let exposed = self.is_exposure(*earlier) && self.is_exposure(*rule) && !other.any.is_empty();
                if exposed && !self.weaker.contains(&(*earlier, *rule)) && !formula.implies(other, terms) {
                    self.weaker.insert((*earlier, *rule));
                }
            }
        }
    }

    fn is_exposure(&self, rule: usize) -> bool {
        self.rules.get(rule).is_some_and(|rule| matches!(rule.from, From::Gateway { .. }))
    }
}

/// Every way in which a cell is allowed or forbidden, also those that another makes needless.
fn sight(
    frame: &Frame<'_>,
    terms: &Terms,
    applying: &Applying,
    cell: Cell,
    index: &HashMap<*const Rule, usize, RandomState>,
) -> Sight {
    let ways = frame.every_way(0, applying, cell, terms);
    let mut sight = Sight { by_rule: BTreeMap::new(), none: Vec::new(), guardrails: BTreeSet::new() };
    let Some(side) = frame.sides.first() else { return sight };
    let rule = |grant: usize| index.get(&std::ptr::from_ref(side.grants.get(grant)?.rule)).copied();
    // A rule whose conditions exclude each other here has no way, and is looked at all the same.
    for rule in applying.grants.iter().filter_map(rule) {
        sight.by_rule.entry(rule).or_default();
    }
    for (grant, cube) in ways.any {
        rule(grant).into_iter().for_each(|rule| sight.by_rule.entry(rule).or_default().any.push(cube.clone()));
    }
    for (forbid, cube) in ways.none {
        sight.none.push(cube);
        sight.guardrails.extend(side.forbids.get(forbid).map(|forbid| forbid.guard.id.clone()));
    }
    sight
}
