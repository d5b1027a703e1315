//! The routing table of a gateway, derived from the exposures: a rule from a gateway is a route and its permission.

use ahash::RandomState;
use selvedge_config::checked::{Checked, CredentialRule, From, Rule};
use selvedge_model::{Host, HostPattern, Name};
use selvedge_policy::PathTree;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

/// Where a request at a gateway goes.
#[derive(Debug, PartialEq, Eq)]
pub struct Route {
    /// The service.
    pub service: Name,
    /// Its port.
    pub port: Name,
    /// Whose principals some exposure of this service at this gateway accepts, sorted: issuers, and sets of API keys.
    pub issuers: Arc<[Name]>,
    /// Those of them that are issuers of tokens. When there are none, an `Authorization` field is not ours to read, unless
    /// an API key may be in it.
    pub token_issuers: Arc<[Name]>,
    /// Those of them that are sets of API keys.
    pub key_sets: Arc<[Name]>,
    /// Those of them that are sets of client certificates.
    pub certificate_sets: Arc<[Name]>,
    /// The issuer of tokens that is asked about them, and the `iss` that it goes by; at most one behind a service.
    pub introspecting: Option<(Name, Arc<str>)>,
}

/// Hosts and paths of one gateway.
#[derive(Debug, Default)]
pub struct RouteTable {
    exact: HashMap<Host, PathTree<Claim>, RandomState>,
    /// By suffix, without its `*.`.
    wildcard: HashMap<Host, PathTree<Claim>, RandomState>,
    any: PathTree<Claim>,
}

/// A rule's claim to a path.
#[derive(Debug, Clone)]
struct Claim {
    methods: Option<Arc<[Arc<str>]>>,
    route: Arc<Route>,
}

impl RouteTable {
    /// The table for one gateway.
    pub(crate) fn of(checked: &Checked, gateway: &Name) -> RouteTable {
        let mut table = RouteTable::default();
        for access in &checked.access {
            let exposures: Vec<Exposure<'_>> = access.rules.iter().filter_map(|r| exposure(r, gateway)).collect();
            let mut issuers: Vec<Name> = exposures.iter().filter_map(|e| e.issuer.cloned()).collect();
            issuers.sort();
            issuers.dedup();
            let (sets, tokens): (Vec<Name>, Vec<Name>) =
                issuers.iter().cloned().partition(|name| checked.mesh.api_keys.contains_key(name));
            let (certificates, tokens): (Vec<Name>, Vec<Name>) =
                tokens.into_iter().partition(|name| checked.mesh.client_sets.contains_key(name));
            let certificates: Arc<[Name]> = certificates.into();
            let asked = tokens.iter().filter_map(|name| checked.mesh.issuers.get(name));
            let mut asked = asked.filter(|issuer| issuer.introspection.is_some());
            let introspecting = asked.next().map(|issuer| (issuer.name.clone(), issuer.url.clone()));
            let issuers: Arc<[Name]> = issuers.into();
            let (tokens, sets): (Arc<[Name]>, Arc<[Name]>) = (tokens.into(), sets.into());
            for exposure in exposures {
                for port in &exposure.rule.ports {
                    let (service, port, key_sets) = (access.service.clone(), port.clone(), sets.clone());
                    let (issuers, token_issuers) = (issuers.clone(), tokens.clone());
                    let (introspecting, certificate_sets) = (introspecting.clone(), certificates.clone());
                    let route =
                        Route { service, port, issuers, token_issuers, key_sets, certificate_sets, introspecting };
                    table.add(&exposure, Arc::new(route));
                }
            }
        }
        table
    }

    /// The route for a request. The more specific host wins, then the more specific path among those that take the
    /// method. `None`: nothing is exposed there.
    pub fn find(&self, host: &str, path: &str, method: &str) -> Option<&Arc<Route>> {
        let suffix = host.split_once('.').map(|(_, suffix)| suffix);
        let wildcard = suffix.and_then(|suffix| self.wildcard.get(suffix));
        let mut trees = [self.exact.get(host), wildcard, Some(&self.any)].into_iter().flatten();
        trees.find_map(|tree| find_in(tree, path, method))
    }

    fn add(&mut self, exposure: &Exposure<'_>, route: Arc<Route>) {
        let methods: Option<Arc<[Arc<str>]>> = exposure.rule.methods.as_deref().map(Arc::from);
        for host in exposure.hosts {
            let tree = match host {
                HostPattern::Exact(host) => self.exact.entry(host.clone()).or_default(),
                HostPattern::Wildcard(suffix) => self.wildcard.entry(suffix.clone()).or_default(),
                HostPattern::Any => &mut self.any,
            };
            for path in &exposure.rule.paths {
                tree.insert(path, Claim { methods: methods.clone(), route: route.clone() });
            }
        }
    }
}

struct Exposure<'a> {
    rule: &'a Rule,
    hosts: &'a [HostPattern],
    issuer: Option<&'a Name>,
}

fn exposure<'a>(rule: &'a Rule, gateway: &Name) -> Option<Exposure<'a>> {
    match &rule.from {
        From::Gateway { gateway: through, hosts, credential } if through == gateway => {
            let issuer = match credential {
                CredentialRule::Anonymous => None,
                CredentialRule::Token { issuer, .. } => Some(issuer),
            };
            Some(Exposure { rule, hosts, issuer })
        }
        From::Gateway { .. } | From::Services(_) | From::Federated(_) => None,
    }
}

fn find_in<'a>(tree: &'a PathTree<Claim>, path: &str, method: &str) -> Option<&'a Arc<Route>> {
    let mut found = None;
    let _ = tree.visit(path, &mut |claim: &'a Claim| {
        let takes = claim.methods.as_deref().is_none_or(|methods| methods.iter().any(|m| **m == *method));
        if takes {
            found = Some(&claim.route);
            return ControlFlow::Break(());
        }
        ControlFlow::Continue(())
    });
    found
}
