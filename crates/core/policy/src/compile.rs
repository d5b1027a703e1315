//! From checked documents to the index.

use crate::{Credential, From, Policy, PortRules, Rule, ServiceRules};
use selvedge_config::checked::{self, Checked};
use selvedge_model::{Name, SpiffeId, TrustDomain, WorkloadKind};
use std::sync::Arc;

impl Policy {
    /// Compiles every rule. Checked documents always compile: what could not be enforced was an error before.
    pub fn compile(checked: &Checked) -> Policy {
        let mut policy = Policy { rules: Vec::new(), services: Default::default() };
        for access in &checked.access {
            for rule in &access.rules {
                policy.add(&access.service, compile_rule(rule, &checked.mesh.trust_domain));
            }
        }
        policy
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

fn compile_rule(rule: &checked::Rule, domain: &TrustDomain) -> Rule {
    Rule {
        id: Arc::new(rule.id.clone()),
        ports: rule.ports.clone(),
        methods: rule.methods.clone(),
        paths: rule.paths.clone(),
        from: compile_from(&rule.from, domain),
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
