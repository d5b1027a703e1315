//! A rule's `when`: parsed, checked against what that rule can see, lowered.

use super::conjunction::Condition;
use super::error::{self, TYPE, misleads};
use super::header::{named, on_the_wire};
use super::lowering;
use super::names::Names;
use super::schema::Shape;
use cedar_policy_core::ast::{Effect, Expr, Policy, PolicyID, PolicySet};
use cedar_policy_core::validator::{ValidationMode, Validator};
use selvedge_config::Diagnostic;
use selvedge_config::checked::{CredentialRule, From, Rule, Written};
use selvedge_model::Segment;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Compiles conditions. Rules that see the same share what checks them, and those with one text the outcome.
pub(crate) struct Conditions<'a> {
    names: &'a Names,
    validators: BTreeMap<Shape, Option<Validator>>,
    /// What compiled before, by what it sees and its text.
    compiled: BTreeMap<(Shape, Arc<str>), Arc<Condition>>,
    /// Request fields that conditions name, by their names on the wire.
    pub(crate) headers: BTreeSet<Arc<str>>,
}

impl<'a> Conditions<'a> {
    pub(crate) fn new(names: &'a Names) -> Conditions<'a> {
        Conditions { names, validators: BTreeMap::new(), compiled: BTreeMap::new(), headers: BTreeSet::new() }
    }

    /// Compiles the condition of a rule that has one; `None` when an error was noted.
    pub(crate) fn compile(
        &mut self,
        rule: &Rule,
        when: &Written,
        found: &mut Vec<Diagnostic>,
    ) -> Option<Arc<Condition>> {
        let key = (shape(rule, BTreeSet::new()), Arc::from(when.as_str()));
        if let Some(condition) = self.compiled.get(&key) {
            return Some(condition.clone());
        }
        let condition = Arc::new(self.compile_new(rule, when, found)?);
        self.compiled.insert(key, condition.clone());
        Some(condition)
    }

    fn compile_new(&mut self, rule: &Rule, when: &Written, found: &mut Vec<Diagnostic>) -> Option<Condition> {
        let before = found.len();
        if !error::within_budget(when, found) {
            return None;
        }
        let expr = when.as_str().parse::<Expr>().map_err(|errors| error::note_syntax(&errors, when, found)).ok()?;
        if expr.slots().next().is_some() {
            let help = "write the entity itself, such as `Caller::\"checkout\"`";
            found.push(when.error(TYPE, whole(when), "a condition has no `?` slots".to_owned(), help));
            return None;
        }
        let headers = named(&expr, when, found);
        self.names.check(&expr, when, found);
        let validator = self.validator(shape(rule, headers.clone()));
        check(validator, &expr, when, found);
        let condition = lowering::lower(&expr);
        error::few_conjuncts(condition.conjuncts.len(), when, whole(when), found);
        self.headers.extend(headers.iter().map(|name| on_the_wire(name)));
        (found.len() == before).then_some(condition)
    }

    fn validator(&mut self, shape: Shape) -> Option<&Validator> {
        let made = self.validators.entry(shape);
        let made = made.or_insert_with_key(Shape::validator);
        made.as_ref()
    }
}

fn check(validator: Option<&Validator>, expr: &Expr, when: &Written, found: &mut Vec<Diagnostic>) {
    let policy = Policy::from_when_clause(Effect::Permit, expr.clone(), PolicyID::from_string("when"), None);
    let mut policies = PolicySet::new();
    let (Some(validator), Ok(())) = (validator, policies.add(policy)) else {
        // Neither happens; if one did, nothing would have been checked.
        found.push(when.error(TYPE, whole(when), "the condition cannot be checked".to_owned(), "simplify it"));
        return;
    };
    let result = validator.validate(&policies, ValidationMode::Strict);
    for problem in result.validation_errors() {
        error::note(TYPE, problem, when, whole(when), found);
    }
    for warning in result.validation_warnings().filter(|warning| misleads(warning)) {
        error::note("cedar-misleading", warning, when, whole(when), found);
    }
}

fn whole(when: &Written) -> std::ops::Range<usize> {
    0..when.as_str().len()
}

/// What the rule's condition sees.
fn shape(rule: &Rule, headers: BTreeSet<String>) -> Shape {
    let user = match &rule.from {
        From::Gateway { credential: CredentialRule::Token { .. }, .. } => true,
        From::Gateway { credential: CredentialRule::Anonymous, .. } => false,
        From::Services(_) | From::Federated(_) => rule.on_behalf_of.is_some(),
    };
    let names = rule.paths.iter().map(|path| {
        let named = |segment: &Segment| match segment {
            Segment::Any(name) => Some(name.to_string()),
            Segment::Literal(_) => None,
        };
        path.segments().iter().filter_map(named).collect::<BTreeSet<String>>()
    });
    let mut count: BTreeMap<String, usize> = BTreeMap::new();
    for name in names.flatten() {
        *count.entry(name).or_default() += 1;
    }
    let captures = count.into_iter().map(|(name, count)| (name, count == rule.paths.len())).collect();
    Shape { user, request: !rule.paths.is_empty(), headers, captures }
}
