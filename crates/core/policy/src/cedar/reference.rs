//! The whole policy as plain Cedar: what our engine is compared with.
//!
//! Each rule becomes a `permit`, and guardrails stand as they are written. Cedar's patterns know no segments, so the
//! request also tells its path's segments: `0=orders`, `1=17`, and how many there are. Cedar has no order: where several
//! rules hold it names all of them, we the first; and it passes over a `forbid` that fails, where we deny.

pub(super) mod captures;
mod facts;
pub(super) mod text;

use crate::Policy;
use cedar_policy_core::ast::{AnyId, PolicyID, PolicySet, Request};
use cedar_policy_core::authorizer::{AuthorizationError, Authorizer, Decision};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::parser::parse_policyset;
use selvedge_config::Checked;
use selvedge_model::{Facts, Name, PathPattern};
use std::collections::BTreeMap;

/// A policy rendered as Cedar, with Cedar's own authorizer.
pub struct Reference {
    text: String,
    policies: PolicySet,
    authorizer: Authorizer,
    /// The patterns of rules with a condition, by the name of the rule: their captures are in its context.
    patterns: BTreeMap<Name, Vec<(String, Vec<PathPattern>)>>,
}

/// Facts as Cedar takes them.
pub struct Question {
    request: Request,
    entities: Entities,
}

/// What Cedar's authorizer says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Whether it allows, guardrails that failed left aside.
    pub allowed: bool,
    /// The rules (`access/rule`) that hold when it allows; the guardrails that forbid when it does not.
    pub reasons: Vec<String>,
    /// The rules and guardrails that could not be evaluated.
    pub failed: Vec<String>,
}

impl Reference {
    /// Renders checked documents. `None` where Cedar does not read what we wrote: a fault of this file.
    pub fn of(checked: &Checked) -> Option<Reference> {
        let text = text::of(checked)?;
        let policies = parse_policyset(&text).ok()?;
        let mut patterns: BTreeMap<Name, Vec<(String, Vec<PathPattern>)>> = BTreeMap::new();
        for access in &checked.access {
            let with_condition = access.rules.iter().filter(|rule| rule.when.is_some());
            let named = with_condition.map(|rule| (rule.id.to_string(), rule.paths.clone()));
            patterns.entry(access.service.clone()).or_default().extend(named);
        }
        Some(Reference { text, policies, authorizer: Authorizer::new(), patterns })
    }

    /// The policies, as Cedar.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Facts as a request and its entities. `policy` was compiled from the same documents.
    pub fn question(&self, policy: &Policy, facts: &Facts<'_>) -> Option<Question> {
        let patterns = self.patterns.get(facts.service).map(Vec::as_slice).unwrap_or_default();
        facts::question(policy, facts, patterns)
    }

    /// Asks Cedar's authorizer.
    pub fn answer(&self, question: &Question) -> Answer {
        let response = self.authorizer.is_authorized(question.request.clone(), &self.policies, &question.entities);
        let failed = response.diagnostics.errors.iter().map(|error| match error {
            AuthorizationError::PolicyEvaluationError { id, .. } => self.name(id),
        });
        let mut reasons: Vec<String> = response.diagnostics.reason.iter().map(|id| self.name(id)).collect();
        reasons.sort();
        Answer { allowed: response.decision == Decision::Allow, reasons, failed: failed.collect() }
    }

    /// The rule or guardrail that a policy stands for.
    fn name(&self, id: &PolicyID) -> String {
        let key = "id".parse::<AnyId>().ok();
        let policy = self.policies.get(id);
        let name = policy.zip(key).and_then(|(policy, key)| policy.annotation(&key).map(|id| id.val.to_string()));
        name.unwrap_or_else(|| id.to_string())
    }
}
