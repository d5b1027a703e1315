//! From checked documents to the index.

use crate::analyse::{PATH_CLASSES_MAX, are_few};
use crate::cedar::{Condition, Conditions, Guardrails, Names};
use crate::index::Builder;
use crate::{Policy, Rule};
use selvedge_config::Diagnostic;
use selvedge_config::checked::{self, Checked, Mode};
use selvedge_model::{Name, PathPattern};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

impl Policy {
    /// Compiles every rule and guardrail.
    ///
    /// # Errors
    /// Every `when` and guardrail that is not Cedar, or is not about the facts that there are.
    pub fn compile(checked: &Checked) -> Result<Policy, Vec<Diagnostic>> {
        let (mut found, names) = (Vec::new(), Names::of(checked));
        let guardrails = Guardrails::compile(&checked.guardrails, &names, &mut found);
        let mut conditions = Conditions::new(&names);
        let mut numbered = Numbered::default();
        let (mut rules, mut whens) = (Vec::new(), Vec::new());
        let mut by_service: BTreeMap<&Name, Vec<(u32, &checked::Rule)>> = BTreeMap::new();
        for access in &checked.access {
            let own = by_service.entry(&access.service).or_default();
            for rule in &access.rules {
                let when = rule.when.as_ref().map(|when| conditions.compile(rule, when, &mut found));
                // A condition in error is noted; the rule is kept out, since it would hold without.
                if let Some(None) = when {
                    continue;
                }
                let when = when.flatten();
                own.push((u32::try_from(rules.len()).unwrap_or(u32::MAX), rule));
                let captures = when.as_ref().is_some_and(|when| when.captures);
                let patterns = if captures { rule.paths.as_slice().into() } else { Box::default() };
                rules.push(Rule { id: Arc::new(rule.id.clone()), patterns });
                whens.push(when.map_or(0, |when| numbered.number(when)));
            }
        }
        by_service.iter().for_each(|(service, rules)| limit_paths(service, rules, &mut found));
        if !found.is_empty() {
            return Err(found);
        }
        let mut builder = Builder::new(&checked.mesh.trust_domain);
        for service in checked.services.values() {
            builder.number(&service.name, || labels(service));
        }
        by_service.iter().for_each(|(service, rules)| builder.add(service, rules));
        let headers = conditions.headers.union(&guardrails.headers).cloned().collect();
        Ok(Policy {
            index: builder.finish(&whens),
            rules,
            conditions: numbered.conditions,
            domain: checked.mesh.trust_domain.clone(),
            headers,
            guardrails,
            observed: checked.services.values().filter(|service| service.mode == Mode::Observe).map(name).collect(),
        })
    }
}

/// Up to so many patterns cannot make too many classes, so most ports are not looked at.
const PATTERNS_FEW: usize = 8;

/// Notes an error for a port whose patterns could not be analysed: what cannot be answered for is not enforced.
fn limit_paths(service: &Name, rules: &[(u32, &checked::Rule)], found: &mut Vec<Diagnostic>) {
    let ports: BTreeSet<&Name> = rules.iter().flat_map(|(_, rule)| &rule.ports).collect();
    for port in ports {
        let own = rules.iter().map(|(_, rule)| *rule).filter(|rule| rule.ports.contains(port));
        let patterns: BTreeSet<&str> = own.clone().flat_map(|rule| &rule.paths).map(PathPattern::as_str).collect();
        let own: Vec<&checked::Rule> = own.collect();
        let mut distinct = patterns.clone();
        let each = own.iter().flat_map(|rule| &rule.paths).filter(|pattern| distinct.remove(pattern.as_str()));
        let each: Vec<&PathPattern> = each.collect();
        if patterns.len() <= PATTERNS_FEW || are_few(&each) {
            continue;
        }
        let Some(most) = own.iter().max_by_key(|rule| rule.paths.len()) else { continue };
        found.push(Diagnostic {
            code: "too-many-paths",
            file: most.id.source.file.clone(),
            line: most.id.source.line,
            column: 1,
            width: 1,
            message: format!(
                "the {} path patterns at port `{port}` of service `{service}` tell more than {PATH_CLASSES_MAX} kinds of path apart",
                patterns.len()
            ),
            help: "write literals before `{name}`, use `/**` for what belongs together, or split the service".to_owned(),
        });
    }
}

/// Conditions, each once: those that were shared while they were compiled are one.
#[derive(Default)]
struct Numbered {
    conditions: Vec<Arc<Condition>>,
    numbers: HashMap<*const Condition, u32>,
}

impl Numbered {
    /// The condition's number, from 1.
    fn number(&mut self, condition: Arc<Condition>) -> u32 {
        *self.numbers.entry(Arc::as_ptr(&condition)).or_insert_with(|| {
            self.conditions.push(condition);
            u32::try_from(self.conditions.len()).unwrap_or(u32::MAX)
        })
    }
}

fn name(service: &checked::Service) -> Name {
    service.name.clone()
}

/// Labels as conditions see them.
fn labels(service: &checked::Service) -> Box<[Arc<str>]> {
    service.labels.iter().map(|(key, value)| format!("{key}={value}").into()).collect()
}
