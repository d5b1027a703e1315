//! Changes carried out on a copy, so that the engine can say what comes of them.

use super::lacked::service;
use super::step::{NewRule, Step};
use crate::Policy;
use selvedge_config::Checked;
use selvedge_config::checked::{Access, CredentialRule, From, Protocol, Rule};
use selvedge_model::{
    Credential, Decision, Facts, HostPattern, Missing, Name, PathPattern, Peer, Principal, RuleId, Source, SpiffeId,
};
use std::fmt::Write;
use std::sync::Arc;

/// What would be decided after the steps, which are about `rule`, and what that rule would lack. `None` when the changed
/// documents do not compile.
pub(super) fn edited(
    base: &Checked,
    facts: &Facts<'_>,
    rule: Option<&RuleId>,
    steps: &[Step],
) -> Option<(Decision, Option<Missing>)> {
    let mut checked = base.clone();
    let mut principal = match facts.credential {
        Credential::Token(principal) => Some(principal.clone()),
        Credential::Absent | Credential::Refused => None,
    };
    let mut refused = matches!(facts.credential, Credential::Refused);
    for step in steps {
        match step {
            Step::Token(issuer) => {
                refused = false;
                principal = Some(unknown_user(issuer));
            }
            Step::ValidCredential => refused = false,
            Step::Scope(scope) => principal.iter_mut().for_each(|user| user.scopes.push(scope.clone())),
            Step::Group(groups) => {
                let first = groups.split(", ").next().unwrap_or_default();
                principal.iter_mut().for_each(|user| user.groups.push(first.into()));
            }
            Step::When(_) | Step::Except { .. } => {}
            Step::AddRule(_) => add_rule(&mut checked, facts)?,
            Step::AddMethod(_) | Step::AddPath(_) | Step::AddPort(_) | Step::AddHost(_) | Step::AddCaller(_) => {
                let rule = checked.access.iter_mut().flat_map(|access| &mut access.rules).find(|r| Some(&r.id) == rule);
                widen(rule?, step);
            }
        }
    }
    let credential = match (&principal, refused) {
        (_, true) => Credential::Refused,
        (Some(principal), false) => Credential::Token(principal),
        (None, false) => Credential::Absent,
    };
    let (policy, facts) = (Policy::compile(&checked).ok()?, Facts { credential, ..*facts });
    Some((policy.decide(&facts), rule.and_then(|rule| policy.lacks(rule, &facts))))
}

/// Somebody for whom an issuer vouches, and of whom nothing else is known.
fn unknown_user(issuer: &Name) -> Principal {
    let (scopes, groups, amr) = Default::default();
    Principal { issuer: issuer.clone(), subject: "".into(), scopes, groups, amr }
}

fn widen(rule: &mut Rule, step: &Step) {
    match step {
        Step::AddMethod(method) => rule.methods.iter_mut().for_each(|methods| methods.push(method.clone())),
        Step::AddPath(path) => rule.paths.push(path.clone()),
        Step::AddPort(port) => rule.ports.push(port.clone()),
        Step::AddHost(host) => {
            if let From::Gateway { hosts, .. } = &mut rule.from {
                hosts.push(HostPattern::Exact(host.clone()));
            }
        }
        Step::AddCaller(name) => {
            if let From::Services(names) = &mut rule.from {
                names.push(name.clone());
            }
        }
        Step::Token(_) | Step::ValidCredential | Step::Scope(_) | Step::Group(_) | Step::When(_) => {}
        Step::AddRule(_) | Step::Except { .. } => {}
    }
}

fn add_rule(checked: &mut Checked, facts: &Facts<'_>) -> Option<()> {
    let rule = rule_for(checked, facts)?;
    match checked.access.first_mut() {
        Some(access) => access.rules.push(rule),
        None => {
            let service = facts.service.clone();
            checked.access.push(Access { name: service.clone(), service, rules: vec![rule] });
        }
    }
    Some(())
}

/// A rule for exactly these facts; `None` when no rule can be about them.
pub(super) fn new_rule(checked: &Checked, facts: &Facts<'_>) -> Option<NewRule> {
    let rule = rule_for(checked, facts)?;
    let from = match &rule.from {
        From::Federated(id) => {
            format!("{{ trustDomain: {}, service: {} }}", id.trust_domain(), id.path().trim_start_matches('/'))
        }
        From::Services(names) => format!("{{ service: {} }}", names.first()?),
        From::Gateway { gateway, hosts, credential } => {
            let credential = match credential {
                CredentialRule::Anonymous => "anonymous: true".to_owned(),
                CredentialRule::Token { issuer, .. } if checked.mesh.api_keys.contains_key(issuer) => {
                    format!("apiKey: {issuer}")
                }
                CredentialRule::Token { issuer, .. } if checked.mesh.client_sets.contains_key(issuer) => {
                    format!("clientCertificate: {issuer}")
                }
                CredentialRule::Token { issuer, .. } => format!("token: {issuer}"),
            };
            format!("{{ gateway: {gateway}, hosts: [{:?}], {credential} }}", hosts.first()?.to_string())
        }
    };
    let anonymous = matches!(rule.from, From::Gateway { credential: CredentialRule::Anonymous, .. });
    let mut yaml = format!("- name: {}\n  from: {from}\n  ports: [{}]\n", rule.id.rule, facts.port);
    // INVARIANT: writing to a string does not fail.
    for method in rule.methods.iter().flatten() {
        let _ = writeln!(yaml, "  methods: [{:?}]", &**method);
    }
    for path in &rule.paths {
        let _ = writeln!(yaml, "  paths: [{:?}]", path.as_str());
    }
    Some(NewRule { service: facts.service.clone(), yaml, anonymous })
}

fn rule_for(checked: &Checked, facts: &Facts<'_>) -> Option<Rule> {
    let port = checked.services.get(facts.service)?.port(facts.port)?;
    if (port.protocol == Protocol::Tcp) != facts.request.is_none() {
        return None;
    }
    let (from, caller) = match facts.peer {
        Peer::Workload(id) if federates(checked, id) => (From::Federated(id.clone()), Name::parse("federated").ok()?),
        Peer::Workload(id) => {
            let name = service(id, &checked.mesh.trust_domain)?;
            checked.services.get(&name)?;
            (From::Services(vec![name.clone()]), name)
        }
        Peer::Outside { gateway, host } => {
            if !serves(checked, gateway, host) || is_claimed(checked, facts, gateway, host) {
                return None;
            }
            let credential = match facts.credential {
                Credential::Absent => CredentialRule::Anonymous,
                // No rule lets in whoever shows a credential that is refused.
                Credential::Refused => return None,
                Credential::Token(principal) => {
                    checked.mesh.credentials().find(|name| **name == principal.issuer)?;
                    let (issuer, scopes, groups) = (principal.issuer.clone(), Vec::new(), Vec::new());
                    CredentialRule::Token { issuer, scopes, groups }
                }
            };
            let hosts = vec![HostPattern::parse(host).ok()?];
            (From::Gateway { gateway: gateway.clone(), hosts, credential }, gateway.clone())
        }
    };
    let path = facts.request.map(|request| PathPattern::parse(request.path)).transpose().ok()?;
    let method = facts.request.map(|request| Arc::from(request.method));
    let id = RuleId {
        access: facts.service.clone(),
        rule: free_name(checked, facts.service, &caller)?,
        source: Source { file: "".into(), line: 0 },
    };
    let methods = method.map(|method| vec![method]);
    Some(Rule {
        id,
        from,
        on_behalf_of: None,
        ports: vec![facts.port.clone()],
        methods,
        paths: path.into_iter().collect(),
        when: None,
        terms: Default::default(),
        schema: None,
    })
}

/// Whether it is of a mesh that this one federates with.
fn federates(checked: &Checked, id: &SpiffeId) -> bool {
    checked.mesh.federates_with.keys().any(|domain| domain.as_str() == id.trust_domain())
}

/// Whether an exposure leads the very path elsewhere: two that claim it for different destinations are an error.
fn is_claimed(checked: &Checked, facts: &Facts<'_>, gateway: &Name, host: &str) -> bool {
    let Some(request) = facts.request else { return false };
    let rules = checked.access.iter().flat_map(|access| access.rules.iter().map(move |rule| (&access.service, rule)));
    let elsewhere = |service: &Name, rule: &Rule| service != facts.service || rule.ports != [facts.port.clone()];
    let mut claims = rules.filter(|(service, rule)| elsewhere(service, rule)).map(|(_, rule)| rule);
    claims.any(|rule| {
        let at_host = match &rule.from {
            From::Gateway { gateway: through, hosts, .. } => {
                through == gateway && hosts.iter().any(|p| matches!(p, HostPattern::Exact(one) if one.as_str() == host))
            }
            From::Services(_) | From::Federated(_) => false,
        };
        let takes = rule.methods.as_ref().is_none_or(|methods| methods.iter().any(|m| **m == *request.method));
        at_host && takes && rule.paths.iter().any(|path| path.as_str() == request.path)
    })
}

/// Whether the gateway serves the host: only there may a rule expose anything.
pub(super) fn serves(checked: &Checked, gateway: &Name, host: &str) -> bool {
    let listeners = checked.gateways.get(gateway).into_iter().flat_map(|gateway| &gateway.listeners);
    listeners.flat_map(|listener| &listener.hosts).any(|pattern| pattern.matches(host))
}

/// A name for a rule about this caller that no rule of the service has.
fn free_name(checked: &Checked, service: &Name, caller: &Name) -> Option<Name> {
    let rules = || checked.access.iter().filter(|a| a.service == *service).flat_map(|access| &access.rules);
    let taken = |name: &Name| rules().any(|rule| rule.id.rule == *name);
    // One more than there are rules: one is free. A caller's name may be too long for an addition.
    let mut numbers = 1..=rules().count() + 1;
    numbers.find_map(|number| {
        let name = Name::parse(&format!("{caller}-{number}")).or_else(|_| Name::parse(&format!("rule-{number}")));
        name.ok().filter(|name| !taken(name))
    })
}
