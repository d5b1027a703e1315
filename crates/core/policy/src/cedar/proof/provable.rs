//! Whether a condition means to the solver what it means to us.

use super::Unprovable;
use crate::cedar::header;
use cedar_policy_core::ast::{Expr, ExprKind};
use std::collections::BTreeSet;

/// Checks a condition, and notes the request fields that it names and whether it names labels.
///
/// For us there is nobody beside who calls and what is called: an attribute of another fails. The solver gives everybody
/// all attributes, so that a condition which never holds would seem to.
///
/// # Errors
/// When it reads an attribute of anything but `principal`, `resource` and what the context has.
pub(super) fn check(
    expr: &Expr,
    place: &str,
    headers: &mut BTreeSet<String>,
    labels: &mut bool,
) -> Result<(), Unprovable> {
    for part in expr.subexpressions() {
        headers.extend(header::name(part).map(str::to_owned));
        match part.expr_kind() {
            ExprKind::GetAttr { expr, attr } => {
                *labels |= attr == "labels";
                is_rooted(expr, place)?;
            }
            ExprKind::HasAttr { expr, .. } | ExprKind::ExtHasAttr { expr, .. } => is_rooted(expr, place)?,
            _ => {}
        }
    }
    Ok(())
}

fn is_rooted(expr: &Expr, place: &str) -> Result<(), Unprovable> {
    match expr.expr_kind() {
        ExprKind::Var(_) => Ok(()),
        ExprKind::GetAttr { expr, .. } => is_rooted(expr, place),
        _ => Err(Unprovable::Stranger(place.to_owned())),
    }
}
