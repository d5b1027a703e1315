//! All that a rule lacks, where the engine stops at the first.

use crate::decide::rank;
use selvedge_config::checked::{CredentialRule, From, OnBehalfOf, Rule};
use selvedge_model::{Credential, Facts, Missing, Name, Peer, Principal, SpiffeId, TrustDomain, WorkloadKind};
use std::sync::Arc;

/// What the rule lacks beside its condition, in the order in which the engine tests it. What depends on something that
/// is lacking already is named whole: without a token, every scope.
pub(super) fn all(rule: &Rule, domain: &TrustDomain, facts: &Facts<'_>) -> Vec<Missing> {
    let mut lacked = Vec::new();
    if !rule.ports.contains(facts.port) {
        lacked.push(Missing::Port);
    }
    let covered = match facts.request {
        Some(request) => rule.paths.iter().any(|pattern| pattern.matches(request.path)),
        None => rule.paths.is_empty(),
    };
    if !covered {
        lacked.push(Missing::Path);
    }
    lacked.extend(from(rule, domain, facts));
    if let (Some(methods), Some(request)) = (&rule.methods, facts.request)
        && !methods.iter().any(|method| **method == *request.method)
    {
        lacked.push(Missing::Method);
    }
    lacked.sort_by_key(rank);
    lacked
}

fn from(rule: &Rule, domain: &TrustDomain, facts: &Facts<'_>) -> Vec<Missing> {
    match (&rule.from, facts.peer) {
        (From::Services(names), Peer::Workload(id)) => match service(id, domain) {
            Some(name) if names.contains(&name) => user(rule, facts.credential),
            Some(_) | None => vec![Missing::Caller],
        },
        (From::Gateway { gateway, hosts, credential }, Peer::Outside { gateway: through, host }) => {
            if gateway != through {
                return vec![Missing::Caller];
            }
            let host = hosts.iter().any(|pattern| pattern.matches(host));
            let host = (!host).then_some(Missing::Host);
            host.into_iter().chain(shown(credential, facts.credential)).collect()
        }
        (From::Federated(named), Peer::Workload(id)) if named == id => Vec::new(),
        (From::Services(_) | From::Federated(_), Peer::Outside { .. })
        | (From::Gateway { .. } | From::Federated(_), Peer::Workload(_)) => vec![Missing::Caller],
    }
}

/// What is lacking of the end user for whom a service must speak.
fn user(rule: &Rule, shown: Credential<'_>) -> Vec<Missing> {
    let Some(OnBehalfOf { issuer, scopes, groups }) = &rule.on_behalf_of else { return Vec::new() };
    match shown {
        Credential::Token(principal) if principal.issuer == *issuer => {
            grants(Some(principal), scopes, groups).collect()
        }
        Credential::Token(_) | Credential::Absent | Credential::Refused => {
            std::iter::once(Missing::Token(issuer.clone())).chain(grants(None, scopes, groups)).collect()
        }
    }
}

/// The service of our own trust domain that an id names.
pub(super) fn service(id: &SpiffeId, domain: &TrustDomain) -> Option<Name> {
    match id.kind() {
        Ok(WorkloadKind::Service(name)) if id.trust_domain() == domain.as_str() => Some(name),
        Ok(_) | Err(_) => None,
    }
}

fn shown(rule: &CredentialRule, shown: Credential<'_>) -> Vec<Missing> {
    match (rule, shown) {
        (CredentialRule::Anonymous, Credential::Absent | Credential::Token(_)) => Vec::new(),
        (CredentialRule::Anonymous, Credential::Refused) => vec![Missing::ValidCredential],
        (CredentialRule::Token { issuer, scopes, groups }, Credential::Token(principal))
            if principal.issuer == *issuer =>
        {
            grants(Some(principal), scopes, groups).collect()
        }
        (CredentialRule::Token { issuer, scopes, groups }, _) => {
            std::iter::once(Missing::Token(issuer.clone())).chain(grants(None, scopes, groups)).collect()
        }
    }
}

fn grants<'a>(
    principal: Option<&'a Principal>,
    scopes: &'a [Arc<str>],
    groups: &'a [Arc<str>],
) -> impl Iterator<Item = Missing> + 'a {
    let lacks = move |scope: &&Arc<str>| !principal.is_some_and(|principal| principal.has_scope(scope));
    let scopes = scopes.iter().filter(lacks).map(|scope| Missing::Scope(scope.clone()));
    let member = groups.is_empty() || groups.iter().any(|group| principal.is_some_and(|p| p.in_group(group)));
    scopes.chain((!member).then(|| Missing::Group(groups.join(", ").into())))
}
