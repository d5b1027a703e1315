//! One `Access` document resolved: its service, ports and callers exist, and every rule can be enforced where it applies.

use super::{World, client, expectation::labelled, schema, unknown};
use crate::Diagnostic;
use crate::checked::{self, CredentialRule, From, Protocol, Service};
use crate::document::{Access, Caller, Rule};
use crate::reader::Placed;
use selvedge_model::{HostPattern, Name, PathPattern, RuleId, Source, TrustDomain};
use std::collections::BTreeSet;

/// Resolves a document; `None` when its service does not exist. Rules in error are left out, and an error was noted.
pub(super) fn resolve(access: Access, world: &World<'_>, found: &mut Vec<Diagnostic>) -> Option<checked::Access> {
    let Some(service) = world.services.get(&access.service.value) else {
        found.push(unknown(&access.service, "service", world.services.keys()));
        return None;
    };
    let mut names = BTreeSet::new();
    let mut rules = Vec::new();
    for rule in access.rules {
        if !names.insert(rule.name.value.clone()) {
            let message = format!("`{}` is the name of another rule here", rule.name.value);
            found.push(rule.name.error("duplicate-name", message, "rename one of them"));
        }
        rules.extend(resolve_rule(&access.name, rule, &service.value, world, found));
    }
    Some(checked::Access { name: access.name, service: access.service.value, rules })
}

fn resolve_rule(
    access: &Name,
    rule: Rule,
    service: &Service,
    world: &World<'_>,
    found: &mut Vec<Diagnostic>,
) -> Option<checked::Rule> {
    for port in rule.ports.iter().filter(|port| service.port(&port.value).is_none()) {
        found.push(unknown(port, &format!("port of `{}` named", service.name), service.ports.iter().map(|p| &p.name)));
    }
    let named: BTreeSet<&Name> = rule.ports.iter().map(|port| &port.value).collect();
    let ports = service.ports.iter().filter(|port| named.is_empty() || named.contains(&port.name));
    let (tcp, http): (Vec<_>, Vec<_>) = ports.partition(|port| port.protocol == Protocol::Tcp);
    check_protocol(&rule, !tcp.is_empty(), !http.is_empty(), found);
    let by_header = |limit: &checked::Limit| limit.per.iter().any(|per| matches!(per, checked::Per::Header(_)));
    if !tcp.is_empty() && rule.terms.limits.iter().any(by_header) {
        let help = "limit by `caller`, or all together";
        found.push(rule.name.error("not-enforceable", "a TCP connection has no header fields".to_owned(), help));
    }
    let on_behalf_of = resolve_user(&rule, world, !tcp.is_empty(), found);
    let outside = matches!(rule.from, Caller::Gateway { .. });
    if outside && rule.paths.is_empty() {
        let help = "write `paths`; `/**` exposes everything";
        found.push(rule.name.error("no-paths", "an exposure says which paths it opens".to_owned(), help));
    }
    let everything = || PathPattern::parse("/**").into_iter().collect();
    let paths = match (rule.paths.is_empty(), http.is_empty()) {
        (true, false) => everything(),
        _ => rule.paths.into_iter().map(|path| path.value).collect(),
    };
    let source = Source { file: rule.name.file.clone(), line: rule.name.at.line };
    let id = RuleId { access: access.clone(), rule: rule.name.value.clone(), source };
    Some(checked::Rule {
        from: resolve_from(rule.from, world, found)?,
        on_behalf_of,
        id,
        ports: tcp.iter().chain(&http).map(|port| port.name.clone()).collect(),
        methods: rule.methods.map(|methods| methods.into_iter().map(|method| method.value).collect()),
        paths,
        when: rule.when,
        terms: rule.terms,
        schema: rule.schema.and_then(|schema| schema::resolve(schema, !http.is_empty(), world, found)),
    })
}

/// Paths and methods exist on HTTP ports alone: on a TCP port such a rule could not be enforced.
fn check_protocol(rule: &Rule, tcp: bool, http: bool, found: &mut Vec<Diagnostic>) {
    let outside = matches!(rule.from, Caller::Gateway { .. });
    if tcp && outside {
        let help = "name the HTTP ports in `ports`; a gateway exposes HTTP";
        found.push(rule.name.error("not-enforceable", "a TCP port cannot be exposed by a gateway".to_owned(), help));
    } else if tcp && http {
        let help = "name the ports in `ports`, and write one rule for HTTP and one for TCP";
        found.push(rule.name.error("not-enforceable", "one rule is for HTTP ports or for TCP ports".to_owned(), help));
    } else if tcp {
        let help = "leave it out, or name an HTTP port in `ports`";
        let paths =
            rule.paths.first().map(|path| path.error("path-on-tcp", "a TCP port has no paths".to_owned(), help));
        let methods = rule.methods.iter().flatten().next();
        let methods = methods.map(|method| method.error("path-on-tcp", "a TCP port has no methods".to_owned(), help));
        found.extend(paths.into_iter().chain(methods));
    }
}

/// The user that a rule asks for. Opaque TCP carries none, so on a TCP port such a rule could not be enforced.
fn resolve_user(rule: &Rule, world: &World<'_>, tcp: bool, found: &mut Vec<Diagnostic>) -> Option<checked::OnBehalfOf> {
    let user = rule.on_behalf_of.as_ref()?;
    if tcp {
        let help = "leave `onBehalfOf` out, or name an HTTP port in `ports`";
        found.push(user.issuer.error("not-enforceable", "a TCP connection carries no user".to_owned(), help));
    }
    if !world.mesh.issuers.contains_key(&user.issuer.value) {
        found.push(unknown(&user.issuer, "issuer", world.mesh.issuers.keys()));
    }
    let (issuer, scopes, groups) = (user.issuer.value.clone(), user.scopes.clone(), user.groups.clone());
    Some(checked::OnBehalfOf { issuer, scopes, groups })
}

fn resolve_from(from: Caller, world: &World<'_>, found: &mut Vec<Diagnostic>) -> Option<From> {
    match from {
        Caller::Gateway { gateway, hosts, token, key, certificate, scopes, groups } => {
            let hosts = resolve_hosts(&gateway, hosts, world, found)?;
            let sets = &world.mesh.api_keys;
            if let Some(set) = token.as_ref().filter(|set| key && !sets.contains_key(&set.value)) {
                found.push(unknown(set, "set of API keys named", sets.keys()));
            }
            if let (Some(set), true, Some(known)) = (&token, certificate, world.gateways.get(&gateway.value)) {
                client::check_rule(set, &known.value, &hosts, world.mesh, found);
            }
            let of_issuer = !key && !certificate;
            if let Some(issuer) =
                token.as_ref().filter(|name| of_issuer && !world.mesh.issuers.contains_key(&name.value))
            {
                found.push(unknown(issuer, "issuer", world.mesh.issuers.keys()));
            }
            let credential = match token {
                Some(issuer) => CredentialRule::Token { issuer: issuer.value, scopes, groups },
                None => CredentialRule::Anonymous,
            };
            Some(From::Gateway { gateway: gateway.value, hosts, credential })
        }
        Caller::Services(names) => {
            for name in names.iter().filter(|name| !world.services.contains_key(&name.value)) {
                found.push(unknown(name, "service", world.services.keys()));
            }
            Some(From::Services(names.into_iter().map(|name| name.value).collect()))
        }
        Caller::Federated(id) => {
            let known = |domain: &TrustDomain| domain.as_str() == id.value.trust_domain();
            if !world.mesh.federates_with.keys().any(known) {
                let message = format!("this mesh does not federate with `{}`", id.value.trust_domain());
                let help = "write it under `federatesWith` of the `Mesh`; services of this mesh need no `trustDomain`";
                found.push(id.error("unknown-name", message, help));
            }
            Some(From::Federated(id.value))
        }
        Caller::Labels(labels) => Some(From::Services(labelled(&labels, world, found))),
    }
}

/// The hosts of an exposure: those written, which the gateway must serve, or all that it serves.
fn resolve_hosts(
    gateway: &Placed<Name>,
    hosts: Vec<Placed<HostPattern>>,
    world: &World<'_>,
    found: &mut Vec<Diagnostic>,
) -> Option<Vec<HostPattern>> {
    let Some(known) = world.gateways.get(&gateway.value) else {
        found.push(unknown(gateway, "gateway", world.gateways.keys()));
        return None;
    };
    let mut served: Vec<HostPattern> = known.value.listeners.iter().flat_map(|l| l.hosts.clone()).collect();
    served.sort();
    served.dedup();
    if hosts.is_empty() {
        return Some(served);
    }
    for host in &hosts {
        if !served.iter().any(|pattern| pattern.overlaps(&host.value)) {
            let message = format!("no listener of `{}` serves `{}`", gateway.value, host.value);
            found.push(host.error("unknown-name", message, "add the host to a listener, or correct it here"));
        }
    }
    Some(hosts.into_iter().map(|host| host.value).collect())
}
