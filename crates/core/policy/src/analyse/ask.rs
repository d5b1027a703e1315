//! Questions about one policy: who can, what can a caller do here, what can it reach.

use super::Analysis;
use super::answer::{Access, Answer};
use super::cells::Cells;
use super::class::Place;
use super::frame::{Asked, Cell, Frame, shape};
use super::identity::Identity;
use super::region::{Requests, regions};
use super::terms::Terms;
use selvedge_config::checked::Service;
use selvedge_model::{Name, PathPattern, SpiffeId};
use std::collections::BTreeMap;

/// Whom a question is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Caller {
    /// Whoever comes through this gateway, at any host or at this one.
    Gateway(Name, Option<String>),
    /// Whoever comes from outside without a credential, through any gateway or this one.
    Anonymous(Option<Name>),
    /// This service.
    Service(Name),
    /// This workload of a federated mesh.
    Federated(SpiffeId),
}

impl Caller {
    /// Whether the question is about callers of this kind, in part at least.
    pub(super) fn is(&self, identity: &Identity) -> bool {
        match (self, identity) {
            (Caller::Service(name), Identity::Service(other)) => name == other,
            (Caller::Federated(id), Identity::Federated(other)) => id == other,
            (Caller::Gateway(name, host), Identity::Outside { gateway, hosts, .. }) => {
                name == gateway && host.as_ref().is_none_or(|host| hosts.has(host))
            }
            (Caller::Anonymous(name), Identity::Outside { gateway, shown, .. }) => {
                name.as_ref().is_none_or(|name| name == gateway) && *shown == super::Shown::Nothing
            }
            (Caller::Service(_), Identity::Outside { .. } | Identity::Federated(_))
            | (Caller::Federated(_), Identity::Outside { .. } | Identity::Service(_))
            | (Caller::Gateway(..) | Caller::Anonymous(_), Identity::Service(_) | Identity::Federated(_)) => false,
        }
    }
}

/// What of a port is asked about.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Scope<'a> {
    /// `None` is every port.
    pub(super) port: Option<&'a Name>,
    /// `None` is every method.
    pub(super) method: Option<&'a str>,
    /// `None` is every path, and connections too.
    pub(super) path: Option<&'a PathPattern>,
}

impl Analysis<'_> {
    /// Who can make these requests to a service, in full or in part. `method`: `None` is any. Whoever is in no answer
    /// is denied.
    pub fn who_can(
        &self,
        service: &Service,
        port: Option<&Name>,
        method: Option<&str>,
        path: Option<&PathPattern>,
    ) -> Vec<Answer> {
        self.answers(service, Scope { port, method, path }, |_| true)
    }

    /// What a caller can do of these requests. No answer: it is denied.
    pub fn can(
        &self,
        caller: &Caller,
        service: &Service,
        method: Option<&str>,
        path: Option<&PathPattern>,
    ) -> Vec<Answer> {
        self.answers(service, Scope { port: None, method, path }, |identity| caller.is(identity))
    }

    /// Everything that a caller can reach, in the order of the services' names.
    pub fn reach(&self, caller: &Caller) -> Vec<Answer> {
        let services = self.checked.services.values();
        services.flat_map(|service| self.answers(service, Scope::default(), |identity| caller.is(identity))).collect()
    }

    /// The answers for a scope, for the callers that are asked about.
    pub(super) fn answers(
        &self,
        service: &Service,
        scope: Scope<'_>,
        asked: impl Fn(&Identity) -> bool,
    ) -> Vec<Answer> {
        let mut answers = Vec::new();
        let ports = service.ports.iter().map(|port| &port.name);
        for port in ports.filter(|port| scope.port.is_none_or(|asked| asked == *port)) {
            let mut terms = Terms::default();
            let sides = [self.side(service, port, &mut terms)];
            let frame = Frame::of(&sides, &Asked { method: scope.method, path: scope.path });
            let found = allowed(&frame, scope, &asked, &terms);
            answers.extend(found.into_iter().map(|(callers, requests, access)| Answer {
                callers,
                service: service.name.clone(),
                port: port.clone(),
                requests,
                access,
            }));
        }
        answers
    }
}

/// The regions of a frame with one policy in which something is allowed, callers with the same answer together.
fn allowed(
    frame: &Frame<'_>,
    scope: Scope<'_>,
    asked: &impl Fn(&Identity) -> bool,
    terms: &Terms,
) -> Vec<(Vec<Identity>, Requests, Access)> {
    let mut cells = Cells::new(frame, 0, terms);
    let mut found: BTreeMap<(Access, Requests), Vec<Identity>> = BTreeMap::new();
    for (caller, (identities, _)) in frame.callers.iter().enumerate() {
        let identities: Vec<Identity> = identities.iter().filter(|identity| asked(identity)).cloned().collect();
        if identities.is_empty() {
            continue;
        }
        let regions = regions(frame, caller, |cell| {
            if !scope.has(frame, cell) {
                return None;
            }
            let holding = cells.at(cell);
            (!holding.is_never).then(|| cells.words(cell, &holding))
        });
        for (words, region) in regions {
            let access = cells.access(&words, caller, &region);
            found.entry((access, region.requests(frame))).or_default().extend(identities.clone());
        }
    }
    found.into_iter().map(|((access, requests), identities)| (identities, requests, access)).collect()
}

impl Scope<'_> {
    /// Whether a cell is asked about.
    pub(super) fn has(&self, frame: &Frame<'_>, cell: Cell) -> bool {
        let method = frame.methods.get(cell.method).and_then(|(name, _)| name.as_deref());
        match frame.places.get(cell.place).map(|(place, _)| place) {
            Some(Place::Connection) => self.path.is_none() && self.method.is_none(),
            Some(Place::Path(_)) => {
                let within = |path: &PathPattern| {
                    let covers = frame.patterns.iter().find(|(pattern, _)| shape(pattern) == shape(path));
                    covers.is_some_and(|(_, covers)| covers.has(cell.place))
                };
                self.method.is_none_or(|asked| method == Some(asked)) && self.path.is_none_or(within)
            }
            None => false,
        }
    }
}
