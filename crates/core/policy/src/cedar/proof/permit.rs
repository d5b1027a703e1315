//! Rules as `permit`s, each with the guardrails of its service inside.

use super::{Unprovable, rules, segment};
use crate::cedar::reference::captures::replaced;
use crate::cedar::reference::text::{any, from, one_of, quoted, user_of};
use cedar_policy_core::ast::{Expr, Var};
use cedar_policy_core::parser::parse_policyset;
use selvedge_config::Checked;
use selvedge_config::checked::Rule;
use selvedge_model::{Name, PathPattern, Segment};
use smol_str::SmolStr;

/// When a guardrail forbids.
pub(super) struct Guard {
    /// Its scope and its condition.
    pub(super) condition: Expr,
    pub(super) place: String,
    /// The one service that its scope names.
    service: Option<String>,
}

/// The guardrails of these documents.
///
/// # Errors
/// When a file is no Cedar.
pub(super) fn guards(checked: &Checked) -> Result<Vec<Guard>, Unprovable> {
    let mut guards = Vec::new();
    for file in &checked.guardrails {
        let place = file.text.file().to_string();
        let policies = parse_policyset(file.text.as_str()).map_err(|_| Unprovable::Unread(place.clone()))?;
        for policy in policies.policies() {
            let named = policy.resource_constraint();
            let service = named.as_inner().get_euid().map(|uid| AsRef::<str>::as_ref(uid.eid()).to_owned());
            guards.push(Guard { condition: policy.condition(), place: place.clone(), service });
        }
    }
    // Cedar hands them out in no order.
    guards.sort_by_cached_key(|guard| guard.condition.to_string());
    Ok(guards)
}

/// A rule's condition, and where it is.
///
/// # Errors
/// When it is no Cedar.
pub(super) fn condition(rule: &Rule) -> Result<Option<(Expr, String)>, Unprovable> {
    let Some(when) = &rule.when else { return Ok(None) };
    let (line, _) = when.place(0);
    let place = format!("{}:{line}", when.file());
    let expr = when.as_str().parse::<Expr>().map_err(|_| Unprovable::Unread(place.clone()))?;
    Ok(Some((expr, place)))
}

/// The rules of a service.
///
/// # Errors
/// When a condition is no Cedar.
pub(super) fn all(checked: &Checked, service: &Name, guards: &[Guard]) -> Result<Vec<String>, Unprovable> {
    let here = guards.iter().filter(|guard| guard.service.as_deref().is_none_or(|named| named == service.as_str()));
    let empty = Expr::record([]).unwrap_or_else(|_| Expr::var(Var::Context));
    let guards: Vec<String> = here.map(|guard| format!("!({})", replaced(&guard.condition, &empty))).collect();
    let mut permits = Vec::new();
    for rule in rules(checked, service) {
        let condition = condition(rule)?.map(|(expr, _)| expr);
        let captures = condition.as_ref().is_some_and(names_captures);
        // What a pattern takes is told of the first that covers the path.
        let ways: Vec<&[PathPattern]> = if captures {
            (1..=rule.paths.len()).filter_map(|end| rule.paths.get(..end)).collect()
        } else {
            vec![&rule.paths]
        };
        for paths in ways {
            let mut parts = vec!["true".to_owned()];
            parts.push(one_of("resource.port", rule.ports.iter()));
            parts.extend(if captures { first_of(paths) } else { some_of(paths) });
            parts.extend(rule.methods.as_ref().map(|methods| one_of("context.method", methods.iter())));
            parts.extend(from(&rule.from));
            parts.extend(rule.on_behalf_of.iter().flat_map(|user| user_of(&user.issuer, &user.scopes, &user.groups)));
            parts.extend(condition.iter().map(|when| format!("({})", replaced(when, &taken(paths.last())))));
            parts.extend(guards.iter().cloned());
            let (service, parts) = (quoted(service), parts.join(" &&\n  "));
            permits.push(format!("permit(principal, action, resource == Service::{service}) when {{\n  {parts}\n}};"));
        }
    }
    Ok(permits)
}

/// Whether it names captures; of the context as a whole nothing can be said, so then it does.
fn names_captures(expr: &Expr) -> bool {
    expr.to_string().contains("captures")
}

fn some_of(paths: &[PathPattern]) -> Vec<String> {
    match paths {
        [] => vec!["!context.request".to_owned()],
        paths => vec!["context.request".to_owned(), any(paths.iter().map(covers))],
    }
}

/// The last of these and none before it.
fn first_of(paths: &[PathPattern]) -> Vec<String> {
    let Some((last, before)) = paths.split_last() else { return some_of(paths) };
    let not = before.iter().map(|path| format!("!{}", covers(path)));
    ["context.request".to_owned(), covers(last)].into_iter().chain(not).collect()
}

fn covers(pattern: &PathPattern) -> String {
    let count = pattern.segments().len();
    let mut parts = vec![format!("context.depth {} {count}", if pattern.takes_rest() { ">=" } else { "==" })];
    parts.extend(pattern.segments().iter().enumerate().map(|(at, found)| match found {
        Segment::Literal(text) => format!("context.{} == {}", segment(at), quoted(text)),
        Segment::Any(_) => format!("context.{} != \"\"", segment(at)),
    }));
    format!("({})", parts.join(" && "))
}

/// What the pattern takes, as a record of segments; of one name the first counts.
fn taken(pattern: Option<&PathPattern>) -> Expr {
    let mut fields: Vec<(SmolStr, Expr)> = Vec::new();
    for (at, found) in pattern.iter().flat_map(|pattern| pattern.segments()).enumerate() {
        let Segment::Any(name) = found else { continue };
        if !fields.iter().any(|(known, _)| known == &**name) {
            fields.push((SmolStr::from(&**name), Expr::get_attr(Expr::var(Var::Context), segment(at).into())));
        }
    }
    // Names are distinct, so it is a record.
    Expr::record(fields).unwrap_or_else(|_| Expr::var(Var::Context))
}
