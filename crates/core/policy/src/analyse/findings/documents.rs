//! Services, issuers and labels: open to all, reached by nobody, used by nothing.

use super::survey::Survey;
use super::{Finding, Severity};
use crate::analyse::Analysis;
use crate::analyse::identity::{Identity, Shown};
use crate::analyse::term::Term;
use selvedge_config::checked::{CredentialRule, From, Mode, Plaintext, Service};
use selvedge_model::{Name, Source};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

impl Analysis<'_> {
    /// Everything about documents that are not rules.
    pub(super) fn document_findings(&self, surveys: &[Survey<'_>]) -> Vec<Finding> {
        let mut found = Vec::new();
        let callers = self.callers();
        let dialled: BTreeSet<&Name> = self
            .checked
            .services
            .values()
            .flat_map(|service| &service.outbound)
            .flat_map(|o| &o.tcp)
            .map(|tcp| &tcp.service)
            .collect();
        for (service, survey) in self.checked.services.values().zip(surveys) {
            found.extend(self.reached(service, survey, &callers, &dialled));
            if service.plaintext == Plaintext::Accept {
                let message = format!("calls to `{}` may go without mTLS: nobody proves who they are", service.name);
                let help = "put a node beside it and remove `plaintext: accept`, or accept the finding with a reason";
                found.push(of(service, "plaintext-accepted", Severity::Warning, message, help));
            }
            if service.mode == Mode::Observe {
                let message = format!("rules of `{}` are not enforced: every workload may call it", service.name);
                let help = "write what `selvedge explain` calls observed as rules, then remove `mode: observe`";
                found.push(of(service, "observe-mode", Severity::Warning, message, help));
            }
        }
        found.extend(self.issuers());
        found.extend(self.labels());
        found
    }

    /// Services that some rule names as a caller.
    fn callers(&self) -> BTreeSet<&Name> {
        let rules = self.rules.values().flatten();
        let names = rules.filter_map(|(rule, _)| match &rule.from {
            From::Services(names) => Some(names),
            From::Gateway { .. } | From::Federated(_) => None,
        });
        names.flatten().collect()
    }

    /// `unused-service`, `unreachable-service`, `service-open-to-all`.
    fn reached(
        &self,
        service: &Service,
        survey: &Survey<'_>,
        callers: &BTreeSet<&Name>,
        dialled: &BTreeSet<&Name>,
    ) -> Option<Finding> {
        let name = &service.name;
        let has_rules = self.rules.get(name).is_some_and(|rules| !rules.is_empty());
        let calls = service.outbound.is_some() && service.workload.is_some();
        if !has_rules && !dialled.contains(name) {
            if callers.contains(name) || calls {
                return None;
            }
            let message = format!("no rule names service `{name}`, as caller or as destination");
            return Some(of(service, "unused-service", Severity::Note, message, "write a rule for it, or remove it"));
        }
        if !survey.reached {
            let message = format!("nobody can reach service `{name}`");
            let help = "let somebody call it, or remove it and what dials it";
            return Some(of(service, "unreachable-service", Severity::Warning, message, help));
        }
        let others = self.checked.services.len().saturating_sub(1);
        let by = |identities: &Vec<Identity>| {
            let outside = |identity: &Identity| matches!(identity, Identity::Outside { shown: Shown::Nothing, .. });
            let inside = |identity: &&Identity| matches!(identity, Identity::Service(other) if other != name);
            if identities.iter().any(outside) {
                return Some("everyone outside");
            }
            (others > 1 && identities.iter().filter(inside).count() == others).then_some("every other service")
        };
        let (port, who) = survey.open.iter().find_map(|(port, identities)| Some((port, by(identities)?)))?;
        let message = format!("{who} may do everything at port `{port}` of service `{name}`");
        let help = "name the callers that need it, their methods and their paths";
        Some(of(service, "service-open-to-all", Severity::Warning, message, help))
    }

    /// `unused-issuer` and `audience-shared`.
    fn issuers(&self) -> Vec<Finding> {
        let mesh = &self.checked.mesh;
        let place = |name: &Name| {
            let unknown = Source { file: "".into(), line: 1 };
            self.checked.places.issuers.get(name).cloned().unwrap_or(unknown)
        };
        let finding = |name: &Name, code, severity, message, help: &str| Finding {
            code,
            severity,
            kind: "Mesh",
            document: mesh.name.clone(),
            at: place(name),
            message,
            help: help.to_owned(),
        };
        let rules = self.rules.values().flatten();
        let named: BTreeSet<&Name> = rules
            .filter_map(|(rule, _)| match &rule.from {
                From::Gateway { credential: CredentialRule::Token { issuer, .. }, .. } => Some(issuer),
                From::Gateway { credential: CredentialRule::Anonymous, .. } => None,
                From::Services(_) | From::Federated(_) => rule.on_behalf_of.as_ref().map(|user| &user.issuer),
            })
            .collect();
        let mut found = Vec::new();
        for name in mesh.issuers.keys().filter(|name| !named.contains(name)) {
            let message = format!("no rule takes tokens of issuer `{name}`");
            found.push(finding(name, "unused-issuer", Severity::Note, message, "remove it, or name it in a rule"));
        }
        let mut accepted: BTreeMap<&Arc<str>, Vec<&Name>> = BTreeMap::new();
        mesh.issuers
            .iter()
            .for_each(|(name, issuer)| issuer.audiences.iter().for_each(|a| accepted.entry(a).or_default().push(name)));
        for (audience, mut names) in accepted {
            names.sort_by_key(|name| (place(name), (*name).clone()));
            names.dedup();
            if let [first, .., last] = names.as_slice() {
                let message = format!(
                    "issuers `{first}` and `{last}` share the audience `{audience}`: one mints tokens for what is the other's"
                );
                let help = "give each issuer an audience of its own";
                found.push(finding(last, "audience-shared", Severity::Warning, message, help));
            }
        }
        found
    }

    /// `unused-label`: by key and value where rules select by it, by key and value in conditions too.
    fn labels(&self) -> Vec<Finding> {
        let guards = self.guards.iter().flat_map(|guard| &guard.any);
        let whens = self.rules.values().flatten().flat_map(|(_, when)| when);
        let mut read: BTreeSet<String> = BTreeSet::new();
        let mut opaque = String::new();
        for (term, _) in guards.chain(whens).flatten() {
            match term {
                Term::CallerLabel(label) | Term::ServiceLabel(label) => {
                    read.insert(label.to_string());
                }
                Term::Residual(text) => opaque.push_str(text),
                _ => {}
            }
        }
        let used = |key: &str, value: &str| {
            let label = format!("{key}={value}");
            let selected = self.checked.places.selectors.iter().any(|(selected, _)| selected == key);
            selected || read.contains(&label) || opaque.contains("labels")
        };
        let mut found = Vec::new();
        for service in self.checked.services.values() {
            let unused: Vec<String> = service
                .labels
                .iter()
                .filter(|(key, value)| !used(key, value))
                .map(|(key, value)| format!("{key}={value}"))
                .collect();
            if !unused.is_empty() {
                let message = format!("nothing reads label `{}` of service `{}`", unused.join("`, `"), service.name);
                let help = "remove it, or select by it in a rule, a condition, a guardrail or an expectation";
                found.push(of(service, "unused-label", Severity::Note, message, help));
            }
        }
        found
    }
}

fn of(service: &Service, code: &'static str, severity: Severity, message: String, help: &str) -> Finding {
    Finding {
        code,
        severity,
        kind: "Service",
        document: service.name.clone(),
        at: service.source.clone(),
        message,
        help: help.to_owned(),
    }
}
