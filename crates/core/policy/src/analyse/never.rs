//! Invariants: what must never be allowed, proved for every request or refuted with one.

use super::Analysis;
use super::answer::Access;
use super::ask::{Caller, Scope};
use super::identity::Identity;
use super::region::Requests;
use selvedge_config::checked::{Never, NeverCaller};
use selvedge_model::{Name, PathPattern};
use serde::Serialize;

/// Something that must never be allowed, and is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Violation {
    /// The callers.
    pub callers: Vec<Identity>,
    /// The service that they reach.
    pub service: Name,
    /// Its port.
    pub port: Name,
    /// The requests that are allowed, with an example.
    pub requests: Requests,
    /// By which rules, and when.
    pub access: Access,
}

impl Analysis<'_> {
    /// Everything that an invariant forbids and the policy allows, under any condition. Nothing: the invariant is proved.
    pub fn never(&self, never: &Never) -> Vec<Violation> {
        let everything = PathPattern::parse("/**").ok();
        let connections = never.method.is_none() && everything.as_ref() == Some(&never.path);
        let callers: Vec<Caller> = match &never.from {
            NeverCaller::Gateway(gateway) => vec![Caller::Gateway(gateway.clone(), None)],
            NeverCaller::Anonymous(gateway) => vec![Caller::Anonymous(gateway.clone())],
            NeverCaller::Services(names) => names.iter().cloned().map(Caller::Service).collect(),
        };
        let path = (!connections).then_some(&never.path);
        let scope = Scope { port: never.port.as_ref(), method: never.method.as_deref(), path };
        let services = never.to.iter().filter_map(|name| self.checked.services.get(name));
        let asked = |identity: &Identity| callers.iter().any(|caller| caller.is(identity));
        services
            .flat_map(|service| self.answers(service, scope, asked))
            .map(|answer| Violation {
                callers: answer.callers,
                service: answer.service,
                port: answer.port,
                requests: answer.requests,
                access: answer.access,
            })
            .collect()
    }
}
