//! Expressions that stayed Cedar, and their evaluation.

use super::entity;
use super::header::is_context;
use super::named::Named;
use crate::lower::View;
use cedar_policy_core::ast::{Context, Entity, Expr, ExprKind, Literal, SlotEnv, ValueKind, Var};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use std::sync::Arc;

/// Characters of an evaluation error that are kept.
const ERROR_CHARS_MAX: usize = 200;

/// An expression that is evaluated by Cedar. Only what it names is made for it.
#[derive(Debug)]
pub(crate) struct Residual {
    expr: Expr,
    context: Named,
    user: Named,
    /// `None` when it does not name the caller.
    caller: Option<Named>,
    /// `None` when it does not name the service.
    service: Option<Named>,
}

impl Residual {
    pub(super) fn of(expr: &Expr) -> Residual {
        let var = |var: Var| {
            let is = |part: &Expr| *part.expr_kind() == ExprKind::Var(var);
            expr.subexpressions().any(is).then(|| Named::of(expr, is))
        };
        let context = Named::of(expr, is_context);
        let has_user = |part: &Expr| matches!(part.expr_kind(), ExprKind::ExtHasAttr { expr, attrs } if is_context(expr) && attrs.head == "user");
        // The user as a whole where the context is, and where `context has user.…` asks for more than the user.
        let whole = matches!(context, Named::All) || expr.subexpressions().any(has_user);
        Residual {
            user: if whole { Named::All } else { Named::of(expr, is_user) },
            context,
            caller: var(Var::Principal),
            service: var(Var::Resource),
            expr: expr.clone(),
        }
    }

    /// Whether it is true.
    ///
    /// # Errors
    /// Why it cannot be said, in a short text.
    pub(crate) fn evaluate(&self, view: &View<'_>) -> Result<bool, Arc<str>> {
        let caller = self.caller.as_ref().map(|named| entity::caller(view, named));
        let service = self.service.as_ref().map(|named| entity::service(view, named));
        let context = Context::Value(Arc::new(entity::context(view, &self.context, &self.user)));
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

fn is_user(expr: &Expr) -> bool {
    matches!(expr.expr_kind(), ExprKind::GetAttr { expr, attr } if is_context(expr) && attr == "user")
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
