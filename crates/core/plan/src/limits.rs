//! Limits by where they stand, ready to be asked.

use ahash::RandomState;
use selvedge_config::checked::{Amount, Checked, From, Limit};
use selvedge_model::{Name, RuleId};
use std::collections::HashMap;
use std::sync::Arc;

/// Every limit of a mesh.
#[derive(Debug, Default)]
pub struct Limits {
    /// By document and rule.
    rules: HashMap<Name, HashMap<Name, Rule, RandomState>, RandomState>,
    services: HashMap<Name, Arc<[Limited]>, RandomState>,
    gateways: HashMap<Name, Arc<[Limited]>, RandomState>,
    /// Whether some rule lets its service have the caller's token.
    forwards: bool,
}

#[derive(Debug)]
struct Rule {
    limits: Arc<[Limited]>,
    scope: Scope,
    forward_token: bool,
}

/// Where a limit is counted. Each request is counted once on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Where the mesh begins: at the gateway.
    Gateway,
    /// Where it ends: at the last of our hops before the service.
    Service,
}

/// A limit with its name.
#[derive(Debug)]
pub struct Limited {
    /// The limit.
    pub limit: Limit,
    /// What a client is told it by (`"rate"`, `"day"`): unique among those of one request's rule, service or gateway.
    pub name: Arc<str>,
    /// What the operator knows it by: where it stands, and what it says.
    pub text: Arc<str>,
    /// What its keys begin with. It stays when a document changes elsewhere, and so does the count.
    pub key: Arc<str>,
}

impl Limits {
    pub(crate) fn of(checked: &Checked) -> Limits {
        let mut limits = Limits::default();
        for access in &checked.access {
            for rule in access.rules.iter().filter(|rule| rule.terms != Default::default()) {
                let scope = match rule.from {
                    From::Gateway { .. } => Scope::Gateway,
                    From::Services(_) | From::Federated(_) => Scope::Service,
                };
                let place = format!("rule {}", rule.id);
                let found = limited(&rule.terms.limits, &place, "");
                let rule_limits = Rule { limits: found, scope, forward_token: rule.terms.forward_token };
                limits.forwards |= rule.terms.forward_token;
                limits.rules.entry(access.name.clone()).or_default().insert(rule.id.rule.clone(), rule_limits);
            }
        }
        let services = checked.services.values().filter(|service| !service.limits.is_empty());
        let of_service = |name: &Name, found: &[Limit]| limited(found, &format!("service {name}"), "service-");
        limits.services = services.map(|s| (s.name.clone(), of_service(&s.name, &s.limits))).collect();
        let gateways = checked.gateways.values().filter(|gateway| !gateway.throttle.is_empty());
        let of_gateway = |name: &Name, found: &[Limit]| limited(found, &format!("gateway {name}"), "gateway-");
        limits.gateways = gateways.map(|g| (g.name.clone(), of_gateway(&g.name, &g.throttle))).collect();
        limits
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty() && self.services.is_empty() && self.gateways.is_empty()
    }

    /// Whether any rule lets its service have the caller's bearer token.
    pub fn forwards_tokens(&self) -> bool {
        self.forwards
    }

    /// Whether the rule lets the service have the caller's bearer token.
    pub fn forwards_token(&self, rule: &RuleId) -> bool {
        self.rule(rule).is_some_and(|rule| rule.forward_token)
    }

    /// Those of a rule that are counted at such a place.
    pub fn of_rule(&self, rule: &RuleId, at: Scope) -> &[Limited] {
        self.rule(rule).filter(|rule| rule.scope == at).map(|rule| &*rule.limits).unwrap_or_default()
    }

    /// Those on all callers of a service.
    pub fn of_service(&self, service: &str) -> &[Limited] {
        self.services.get(service).map(|limits| &**limits).unwrap_or_default()
    }

    /// Those of a gateway, before identity.
    pub fn of_gateway(&self, gateway: &str) -> &[Limited] {
        self.gateways.get(gateway).map(|limits| &**limits).unwrap_or_default()
    }

    fn rule(&self, rule: &RuleId) -> Option<&Rule> {
        self.rules.get(&rule.access)?.get(&rule.rule)
    }
}

fn limited(limits: &[Limit], place: &str, prefix: &str) -> Arc<[Limited]> {
    let mut seen: HashMap<&str, u32, RandomState> = HashMap::default();
    let mut one = |limit: &Limit| {
        let kind = match limit.amount {
            Amount::Rate(_) => "rate",
            Amount::Quota(_) => "quota",
            Amount::Concurrency(_) => "concurrency",
        };
        let count = seen.entry(kind).or_default();
        *count += 1;
        let name = if *count == 1 { format!("{prefix}{kind}") } else { format!("{prefix}{kind}-{count}") };
        let text = format!("{place}: {limit}");
        Limited { limit: limit.clone(), name: name.into(), key: text.as_str().into(), text: text.into() }
    };
    limits.iter().map(&mut one).collect()
}
