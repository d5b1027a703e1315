//! `Expectation` documents resolved: whom and what they speak of exists.

use super::{World, unknown};
use crate::Diagnostic;
use crate::checked::{self, CaseCaller, CaseToken, NeverCaller, Protocol, Service};
use crate::document::expectation::{Caller, Case, Expectation, Never, Strangers, Target, Targets, Token};
use crate::reader::Placed;
use selvedge_model::{Host, HostPattern, Name, PathPattern, Source};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Resolves a document. Cases in error are left out, and an error was noted.
pub(super) fn resolve(
    document: Placed<Expectation>,
    world: &World<'_>,
    found: &mut Vec<Diagnostic>,
) -> checked::Expectation {
    let source = Source { file: document.file, line: document.at.line };
    let Expectation { name, cases, never } = document.value;
    checked::Expectation {
        name,
        cases: cases.into_iter().filter_map(|case| resolve_case(case, world, found)).collect(),
        never: never.into_iter().filter_map(|never| resolve_never(never, world, found)).collect(),
        source,
    }
}

fn resolve_case(case: Case, world: &World<'_>, found: &mut Vec<Diagnostic>) -> Option<checked::Case> {
    let from = match case.from {
        Caller::Service { name, user } => {
            let user = user.map(|user| resolve_token(user, world, found));
            known_service(&name, world, found).map(|_| CaseCaller::Service { name: name.value, user })
        }
        Caller::Gateway { gateway, host, token } => resolve_gateway(gateway, host, token, world, found),
    };
    let (service, port) = resolve_target(&case.to, world, found)?;
    let port = port.or_else(|| service.ports.first().map(|port| port.name.clone()))?;
    let is_tcp = service.port(&port).is_some_and(|port| port.protocol == Protocol::Tcp);
    match (&case.request, is_tcp) {
        (None, false) => {
            let help = "add `request: GET /path`, or name a TCP port in `to`";
            found.push(case.name.error("missing-key", format!("port `{port}` takes requests"), help));
        }
        (Some(request), true) => {
            found.push(request.error("path-on-tcp", "a TCP port has no requests".to_owned(), "leave `request` out"));
        }
        (None, true) | (Some(_), false) => {}
    }
    Some(checked::Case {
        source: source(&case.name),
        name: case.name.value,
        from: from?,
        service: service.name.clone(),
        port,
        request: case.request.map(|request| request.value),
        headers: case.headers,
        client: case.client,
        time_s: case.time_s,
        allow: case.allow,
        status: case.status,
        rule: case.rule,
    })
}

fn resolve_gateway(
    gateway: Placed<Name>,
    host: Option<Host>,
    token: Option<Token>,
    world: &World<'_>,
    found: &mut Vec<Diagnostic>,
) -> Option<CaseCaller> {
    let Some(document) = world.gateways.get(&gateway.value) else {
        found.push(unknown(&gateway, "gateway", world.gateways.keys()));
        return None;
    };
    let exact = |pattern: &HostPattern| match pattern {
        HostPattern::Exact(host) => Some(host.clone()),
        HostPattern::Wildcard(_) | HostPattern::Any => None,
    };
    let served = document.value.listeners.iter().flat_map(|listener| &listener.hosts).find_map(exact);
    let Some(host) = host.or(served) else {
        let help = "add `host: …`; the gateway serves no exact one";
        found.push(gateway.error("missing-key", format!("at which host of `{}`?", gateway.value), help));
        return None;
    };
    let token = token.map(|token| resolve_token(token, world, found));
    Some(CaseCaller::Gateway { gateway: gateway.value, host, token })
}

fn resolve_token(token: Token, world: &World<'_>, found: &mut Vec<Diagnostic>) -> CaseToken {
    if !world.mesh.issuers.contains_key(&token.issuer.value) {
        found.push(unknown(&token.issuer, "issuer", world.mesh.issuers.keys()));
    }
    CaseToken {
        issuer: token.issuer.value,
        subject: token.subject.unwrap_or_else(|| "test".into()),
        scopes: token.scopes,
        groups: token.groups,
        amr: token.amr,
    }
}

fn resolve_never(never: Never, world: &World<'_>, found: &mut Vec<Diagnostic>) -> Option<checked::Never> {
    let from = match never.from {
        Strangers::Gateway { gateway, anonymous } => {
            if let Some(gateway) = gateway.as_ref().filter(|name| !world.gateways.contains_key(&name.value)) {
                found.push(unknown(gateway, "gateway", world.gateways.keys()));
            }
            match (gateway, anonymous) {
                (gateway, true) => Some(NeverCaller::Anonymous(gateway.map(|name| name.value))),
                (Some(gateway), false) => Some(NeverCaller::Gateway(gateway.value)),
                (None, false) => None,
            }
        }
        Strangers::Services(names) => {
            for name in &names {
                known_service(name, world, found);
            }
            Some(NeverCaller::Services(names.into_iter().map(|name| name.value).collect()))
        }
        Strangers::Labels(labels) => Some(NeverCaller::Services(labelled(&labels, world, found))),
    };
    let (to, port) = match &never.to {
        Targets::One(target) => {
            let (service, port) = resolve_target(target, world, found)?;
            (vec![service.name.clone()], port)
        }
        Targets::Labels(labels) => (labelled(labels, world, found), None),
    };
    let (method, path) = match never.request {
        Some(request) => request,
        None => (None, PathPattern::parse("/**").ok()?),
    };
    Some(checked::Never { source: source(&never.name), name: never.name.value, from: from?, to, port, method, path })
}

fn source(name: &Placed<Arc<str>>) -> Source {
    Source { file: name.file.clone(), line: name.at.line }
}

fn known_service<'w>(name: &Placed<Name>, world: &'w World<'_>, found: &mut Vec<Diagnostic>) -> Option<&'w Service> {
    let service = world.services.get(&name.value);
    if service.is_none() {
        found.push(unknown(name, "service", world.services.keys()));
    }
    service.map(|placed| &placed.value)
}

/// The service of a target, and the port if one is written.
fn resolve_target<'w>(
    target: &Placed<Target>,
    world: &'w World<'_>,
    found: &mut Vec<Diagnostic>,
) -> Option<(&'w Service, Option<Name>)> {
    let named = |value: &Name| Placed { value: value.clone(), file: target.file.clone(), at: target.at };
    let service = known_service(&named(&target.value.service), world, found)?;
    if let Some(port) = target.value.port.as_ref().filter(|port| service.port(port).is_none()) {
        let kind = format!("port of `{}` named", service.name);
        found.push(unknown(&named(port), &kind, service.ports.iter().map(|port| &port.name)));
        return None;
    }
    Some((service, target.value.port.clone()))
}

/// The services that have all labels; an error when there is none.
pub(super) fn labelled(
    labels: &Placed<BTreeMap<String, String>>,
    world: &World<'_>,
    found: &mut Vec<Diagnostic>,
) -> Vec<Name> {
    let has = |service: &Service| labels.value.iter().all(|(key, value)| service.labels.get(key) == Some(value));
    let services = world.services.values().map(|placed| &placed.value);
    let names: Vec<Name> = services.filter(|service| has(service)).map(|service| service.name.clone()).collect();
    if names.is_empty() || labels.value.is_empty() {
        let help = "correct them, or label the services that are meant";
        found.push(labels.error("unknown-name", "the labels select no service".to_owned(), help));
    }
    names
}
