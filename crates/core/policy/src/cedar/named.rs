//! What an expression names of the caller, the service or the context: only that is made for it.

use cedar_policy_core::ast::{Expr, ExprKind};
use smol_str::SmolStr;

/// Which attributes of something an expression names.
#[derive(Debug)]
pub(super) enum Named {
    /// It names the thing as a whole.
    All,
    These(Vec<SmolStr>),
}

impl Named {
    /// Those of what `is` says, such as the context.
    pub(super) fn of(expr: &Expr, is: impl Fn(&Expr) -> bool) -> Named {
        let attributes = expr.subexpressions().filter_map(|part| match part.expr_kind() {
            ExprKind::GetAttr { expr, attr } | ExprKind::HasAttr { expr, attr } if is(expr) => Some(attr.clone()),
            ExprKind::ExtHasAttr { expr, attrs } if is(expr) => Some(attrs.head.clone()),
            _ => None,
        });
        let attributes: Vec<SmolStr> = attributes.collect();
        let times = expr.subexpressions().filter(|part| is(part)).count();
        if times > attributes.len() { Named::All } else { Named::These(attributes) }
    }

    pub(super) fn has(&self, key: &str) -> bool {
        match self {
            Named::All => true,
            Named::These(attributes) => attributes.iter().any(|attribute| attribute == key),
        }
    }
}
