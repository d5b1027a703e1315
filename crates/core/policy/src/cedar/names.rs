//! Which entities there are.

use cedar_policy_core::ast::{Expr, ExprKind, Literal};
use selvedge_config::Diagnostic;
use selvedge_config::checked::{Checked, Written};
use std::collections::BTreeSet;

/// The entities of a mesh: naming another is a mistake of the author, since it would never match.
#[derive(Debug)]
pub(crate) struct Names {
    callers: BTreeSet<String>,
    services: BTreeSet<String>,
}

impl Names {
    pub(crate) fn of(checked: &Checked) -> Names {
        let services: BTreeSet<String> = checked.services.keys().map(ToString::to_string).collect();
        let gateways = checked.gateways.keys().map(|name| format!("gateway/{name}"));
        Names { callers: services.iter().cloned().chain(gateways).collect(), services }
    }

    /// Notes an error for each entity that does not exist.
    pub(super) fn check(&self, expr: &Expr, text: &Written, found: &mut Vec<Diagnostic>) {
        for part in expr.subexpressions() {
            let ExprKind::Lit(Literal::EntityUID(uid)) = part.expr_kind() else { continue };
            let (kind, name) = (uid.entity_type().to_string(), AsRef::<str>::as_ref(uid.eid()));
            let exists = match kind.as_str() {
                "Caller" => self.callers.contains(name) || name.starts_with("spiffe://"),
                "Service" => self.services.contains(name),
                // Other kinds are not in the schema, or are the one action.
                _ => true,
            };
            if !exists {
                let loc = part.source_loc().cloned().or_else(|| uid.loc().cloned());
                let at = loc.map_or(0..text.as_str().len(), |loc| loc.start()..loc.end());
                let help = "name a service, `gateway/NAME` for a gateway as caller, or the SPIFFE ID of another mesh";
                found.push(text.error("unknown-name", at, format!("there is no `{kind}::\"{name}\"`"), help));
            }
        }
    }
}
