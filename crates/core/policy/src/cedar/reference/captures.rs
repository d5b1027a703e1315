//! A condition with its captures moved: in the rendered policy all rules share one context, so each has its own there;
//! in a proof they are segments.

use crate::cedar::header::is_context;
use cedar_policy_core::ast::{Expr, ExprKind, Var};
use smol_str::SmolStr;

/// The condition with `context.taken["access/rule"]` in place of `context.captures`, as text. `None` where it is no
/// Cedar.
pub(super) fn moved(when: &str, rule: &str) -> Option<String> {
    let taken = Expr::get_attr(Expr::get_attr(Expr::var(Var::Context), "taken".into()), SmolStr::from(rule));
    Some(replaced(&when.parse().ok()?, &taken).to_string())
}

/// The condition with `taken` in place of `context.captures`.
pub(in crate::cedar) fn replaced(expr: &Expr, taken: &Expr) -> Expr {
    let of = |expr: &Expr| replaced(expr, taken);
    let taken = || taken.clone();
    match expr.expr_kind() {
        ExprKind::Lit(_) | ExprKind::Var(_) | ExprKind::Slot(_) | ExprKind::Unknown(_) => expr.clone(),
        ExprKind::If { test_expr, then_expr, else_expr } => Expr::ite(of(test_expr), of(then_expr), of(else_expr)),
        ExprKind::And { left, right } => Expr::and(of(left), of(right)),
        ExprKind::Or { left, right } => Expr::or(of(left), of(right)),
        ExprKind::UnaryApp { op, arg } => Expr::unary_app(*op, of(arg)),
        ExprKind::BinaryApp { op, arg1, arg2 } => Expr::binary_app(*op, of(arg1), of(arg2)),
        ExprKind::ExtensionFunctionApp { fn_name, args } => {
            Expr::call_extension_fn(fn_name.clone(), args.iter().map(of).collect())
        }
        ExprKind::GetAttr { expr, attr } if is_context(expr) && attr == "captures" => taken(),
        ExprKind::GetAttr { expr, attr } => Expr::get_attr(of(expr), attr.clone()),
        ExprKind::HasAttr { expr, attr } => Expr::has_attr(of(expr), attr.clone()),
        ExprKind::ExtHasAttr { expr, attrs } => match attrs.tail.first() {
            Some(name) if is_context(expr) && attrs.head == "captures" => Expr::has_attr(taken(), name.clone()),
            _ => Expr::extended_has_attr(of(expr), attrs.clone()),
        },
        ExprKind::Like { expr, pattern } => Expr::like(of(expr), pattern.clone()),
        ExprKind::Is { expr, entity_type } => Expr::is_entity_type(of(expr), entity_type.clone()),
        ExprKind::Set(items) => Expr::set(items.iter().map(of)),
        ExprKind::Record(fields) => {
            // Keys of a record that was parsed are distinct.
            Expr::record(fields.iter().map(|(key, value)| (key.clone(), of(value)))).unwrap_or_else(|_| expr.clone())
        }
    }
}
