//! From checked documents to the index.

use crate::cedar::{Condition, Conditions, Guardrails, Names};
use crate::{Credential, From, Policy, PortRules, Rule, ServiceRules};
use selvedge_config::Diagnostic;
use selvedge_config::checked::{self, Checked};
use selvedge_model::{Name, SpiffeId, TrustDomain, WorkloadKind};
use std::sync::Arc;

impl Policy {
    /// Compiles every rule and guardrail.
    ///
    /// # Errors
    /// Every `when` and guardrail that is not Cedar, or is not about the facts that there are.
    pub fn compile(checked: &Checked) -> Result<Policy, Vec<Diagnostic>> {
        let (mut found, names) = (Vec::new(), Names::of(checked));
        let domain = &checked.mesh.trust_domain;
        let guardrails = Guardrails::compile(&checked.guardrails, &names, &mut found);
        let mut policy = Policy {
            rules: Vec::new(),
            services: Default::default(),
            callers: checked.services.values().map(|service| labels_of(service, domain)).collect(),
            domain: domain.clone(),
            headers: Vec::new(),
            guardrails,
        };
        let mut conditions = Conditions::new(&names);
        for access in &checked.access {
            for rule in &access.rules {
                let when = rule.when.as_ref().map(|when| conditions.compile(rule, when, &mut found));
                // A condition in error is noted; the rule is kept out, since it would hold without.
                if let Some(None) = when {
                    continue;
                }
                policy.add(&access.service, compile_rule(rule, when.flatten(), domain));
            }
            let labels = checked.services.get(&access.service).map(labels);
            policy.services.entry(access.service.clone()).or_default().labels = labels.unwrap_or_default();
        }
        policy.headers = conditions.headers.union(&policy.guardrails.headers).cloned().collect();
        if found.is_empty() { Ok(policy) } else { Err(found) }
    }

    fn add(&mut self, service: &Name, rule: Rule) {
        let index = u32::try_from(self.rules.len()).unwrap_or(u32::MAX);
        let rules = self.services.entry(service.clone()).or_default();
        rules.all.push(index);
        for port in &rule.ports {
            let port = rules.port_mut(port);
            if rule.paths.is_empty() {
                port.whole.push(index);
            }
            for pattern in &rule.paths {
                port.paths.insert(pattern, index);
            }
        }
        self.rules.push(rule);
    }
}

impl ServiceRules {
    fn port_mut(&mut self, name: &Name) -> &mut PortRules {
        let at = self.ports.iter().position(|(port, _)| port == name).unwrap_or_else(|| {
            self.ports.push((name.clone(), PortRules::default()));
            self.ports.len() - 1
        });
        #[expect(clippy::indexing_slicing, reason = "`at` was found in, or just pushed to, this vector")]
        &mut self.ports[at].1
    }
}

fn compile_rule(rule: &checked::Rule, when: Option<Arc<Condition>>, domain: &TrustDomain) -> Rule {
    Rule {
        id: Arc::new(rule.id.clone()),
        ports: rule.ports.clone(),
        methods: rule.methods.clone(),
        paths: rule.paths.clone(),
        from: compile_from(&rule.from, domain),
        user: rule.on_behalf_of.clone().map(|checked::OnBehalfOf { issuer, scopes, groups }| Credential::Token {
            issuer,
            scopes,
            groups,
        }),
        when,
    }
}

fn compile_from(from: &checked::From, domain: &TrustDomain) -> From {
    match from {
        checked::From::Gateway { gateway, hosts, credential } => From::Gateway {
            gateway: gateway.clone(),
            hosts: hosts.clone(),
            credential: match credential {
                checked::CredentialRule::Anonymous => Credential::Anonymous,
                checked::CredentialRule::Token { issuer, scopes, groups } => {
                    Credential::Token { issuer: issuer.clone(), scopes: scopes.clone(), groups: groups.clone() }
                }
            },
        },
        checked::From::Services(names) => {
            let id = |name: &Name| SpiffeId::of(domain, &WorkloadKind::Service(name.clone()));
            let mut ids: Vec<SpiffeId> = names.iter().map(id).collect();
            ids.sort();
            From::Services(ids)
        }
    }
}

/// Labels as conditions see them.
fn labels(service: &checked::Service) -> Vec<Arc<str>> {
    service.labels.iter().map(|(key, value)| format!("{key}={value}").into()).collect()
}

fn labels_of(service: &checked::Service, domain: &TrustDomain) -> (SpiffeId, Vec<Arc<str>>) {
    (SpiffeId::of(domain, &WorkloadKind::Service(service.name.clone())), labels(service))
}
