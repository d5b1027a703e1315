//! Which request fields an expression names.

use super::error::TYPE;
use cedar_policy_core::ast::{Expr, ExprKind, Var};
use selvedge_config::Diagnostic;
use selvedge_config::checked::Written;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Credentials are for the stage that verifies them, never for conditions.
const SECRETS: &[&str] = &["authorization", "cookie", "proxy_authorization", "txn_token", "selvedge_outside"];
/// What a hop writes anew, so that the next one would see something else: two hops would decide differently.
const REWRITTEN: &[&str] = &[
    "connection",
    "content_length",
    "expect",
    "forwarded",
    "host",
    "keep_alive",
    "proxy_connection",
    "selvedge_decision",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer_encoding",
    "upgrade",
    "via",
    "x_forwarded_for",
    "x_forwarded_host",
    "x_forwarded_port",
    "x_forwarded_proto",
    "x_real_ip",
];

/// The names in `context.headers.…`, as Cedar has them. A name that no request field can have is noted as an error.
pub(super) fn named(expr: &Expr, text: &Written, found: &mut Vec<Diagnostic>) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for part in expr.subexpressions() {
        let Some(name) = name(part) else { continue };
        let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let message = if SECRETS.contains(&name) {
            format!("conditions do not see `{name}`: it carries a credential")
        } else if REWRITTEN.contains(&name) {
            format!(
                "conditions do not see `{name}`: each hop writes its own; see `context.client` and `principal.host`"
            )
        } else if name.is_empty() || !name.bytes().all(plain) {
            format!("`{name}` is no name of a header here")
        } else {
            names.insert(name.to_owned());
            continue;
        };
        let at = part.source_loc().map_or(0..text.as_str().len(), |loc| loc.start()..loc.end());
        let help = "write it in lower case with `_` for `-`, such as `context.headers.x_tenant`";
        found.push(text.error(TYPE, at, message, help));
    }
    names
}

/// The name on the wire of a name in Cedar.
pub(super) fn on_the_wire(name: &str) -> Arc<str> {
    name.replace('_', "-").into()
}

/// The request field that this part of an expression names.
pub(super) fn name(expr: &Expr) -> Option<&str> {
    match expr.expr_kind() {
        ExprKind::GetAttr { expr, attr } | ExprKind::HasAttr { expr, attr } if is_headers(expr) => Some(attr),
        ExprKind::ExtHasAttr { expr, attrs } if is_headers(expr) => attrs.iter().next().map(|attr| attr.as_str()),
        ExprKind::ExtHasAttr { expr, attrs } if is_context(expr) => {
            let mut attrs = attrs.iter();
            attrs.next().filter(|first| first.as_str() == "headers")?;
            attrs.next().map(|attr| attr.as_str())
        }
        _ => None,
    }
}

fn is_headers(expr: &Expr) -> bool {
    matches!(expr.expr_kind(), ExprKind::GetAttr { expr, attr } if attr == "headers" && is_context(expr))
}

pub(super) fn is_context(expr: &Expr) -> bool {
    matches!(expr.expr_kind(), ExprKind::Var(Var::Context))
}
