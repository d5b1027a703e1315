//! Expressions that stayed Cedar, and their evaluation.

use super::entity;
use super::header::is_context;
use crate::lower::View;
use cedar_policy_core::ast::{Context, Entity, Expr, ExprKind, Literal, SlotEnv, ValueKind, Var};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use std::sync::Arc;

/// Characters of an evaluation error that are kept.
const ERROR_CHARS_MAX: usize = 200;

/// An expression that is evaluated by Cedar.
#[derive(Debug)]
pub(crate) struct Residual {
    expr: Expr,
    /// Attributes of the context that it names: only those are made for it.
    context: Vec<&'static str>,
    /// Whether it names the caller.
    caller: bool,
    /// Whether it names the service.
    service: bool,
}

impl Residual {
    pub(super) fn of(expr: &Expr) -> Residual {
        let names = |var: Var| expr.subexpressions().any(|part| *part.expr_kind() == ExprKind::Var(var));
        let context = entity::CONTEXT.iter().copied().filter(|key| names_attribute(expr, key)).collect();
        Residual { context, caller: names(Var::Principal), service: names(Var::Resource), expr: expr.clone() }
    }

    /// Whether it is true.
    ///
    /// # Errors
    /// Why it cannot be said, in a short text.
    pub(crate) fn evaluate(&self, view: &View<'_>) -> Result<bool, Arc<str>> {
        let caller = self.caller.then(|| entity::caller(view));
        let service = self.service.then(|| entity::service(view));
        let context = Context::Value(Arc::new(entity::context(view, &self.context)));
        let request = entity::request(caller.as_ref(), service.as_ref(), context);
        let entities = store(caller.into_iter().chain(service))?;
        let evaluator = Evaluator::new(request, &entities, Extensions::all_available());
        let value = evaluator.interpret(&self.expr, &SlotEnv::new()).map_err(|error| short(&error.to_string()))?;
        match value.value_kind() {
            ValueKind::Lit(Literal::Bool(holds)) => Ok(*holds),
            // A checked expression is a boolean.
            _ => Err("the condition is neither true nor false".into()),
        }
    }
}

/// Whether the expression names this attribute of the context, or the context as a whole.
fn names_attribute(expr: &Expr, key: &str) -> bool {
    let of_context = expr.subexpressions().filter_map(|part| match part.expr_kind() {
        ExprKind::GetAttr { expr, attr } | ExprKind::HasAttr { expr, attr } if is_context(expr) => Some(attr),
        ExprKind::ExtHasAttr { expr, attrs } if is_context(expr) => Some(&attrs.head),
        _ => None,
    });
    let attributes: Vec<_> = of_context.collect();
    let times = expr.subexpressions().filter(|part| is_context(part)).count();
    times > attributes.len() || attributes.iter().any(|attr| *attr == key)
}

/// The entities of a request.
pub(super) fn store(entities: impl IntoIterator<Item = Entity>) -> Result<Entities, Arc<str>> {
    let computed = TCComputation::AssumeAlreadyComputed;
    Entities::from_entities(entities, None::<&NoEntitiesSchema>, computed, Extensions::all_available())
        .map_err(|error| short(&error.to_string()))
}

fn short(error: &str) -> Arc<str> {
    let plain = error.chars().map(|c| if c.is_control() { ' ' } else { c });
    plain.take(ERROR_CHARS_MAX).collect::<String>().into()
}
