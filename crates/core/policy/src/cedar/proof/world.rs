//! What is true of all facts, so that no example speaks of what cannot be.

use super::{same, segment};
use crate::cedar::reference::text::quoted;
use selvedge_config::Checked;
use selvedge_config::checked::{From, Rule};
use selvedge_model::{Name, PathPattern, Segment, SpiffeId, WorkloadKind};
use std::collections::BTreeSet;

/// A service whose labels are not the same in both; one that is in neither has none.
pub(super) fn relabelled(before: &Checked, after: &Checked) -> Option<Name> {
    let names: BTreeSet<&Name> = before.services.keys().chain(after.services.keys()).collect();
    names.into_iter().find(|name| labels(before, name) != labels(after, name)).cloned()
}

/// Labels as conditions see them.
fn labels(checked: &Checked, name: &Name) -> Vec<String> {
    let service = checked.services.get(name);
    service.iter().flat_map(|service| &service.labels).map(|(key, value)| format!("{key}={value}")).collect()
}

/// A `forbid` of all else.
pub(super) fn assumed(checked: &Checked, service: &Name, rules: &[&Rule]) -> String {
    let mut parts: Vec<String> = ALWAYS.iter().map(|part| (*part).to_owned()).collect();
    parts.push(format!("resource.name == {}", quoted(service)));
    parts.push(same("resource.labels", &labels(checked, service)));
    let callers: BTreeSet<(bool, &Name)> = rules.iter().flat_map(|rule| callers(&rule.from)).collect();
    parts.extend(callers.into_iter().map(|(outside, name)| caller(checked, outside, name)));
    let prefixes: BTreeSet<Vec<&str>> = rules.iter().flat_map(|rule| &rule.paths).map(prefix).collect();
    parts.extend(prefixes.iter().filter(|prefix| !prefix.is_empty()).map(|prefix| begins(prefix)));
    let parts: Vec<String> = parts.iter().map(|part| format!("({part})")).collect();
    format!("forbid(principal, action, resource) unless {{\n  {}\n}};", parts.join(" &&\n  "))
}

const ALWAYS: &[&str] = &[
    "context.time.epoch >= 0",
    "context.time.hour >= 0 && context.time.hour <= 23",
    "context.time.minute >= 0 && context.time.minute <= 59",
    "context.time.weekday >= 1 && context.time.weekday <= 7",
    "!(context.refused && context has user)",
    "!context.request || context.depth >= 1",
    "context.request || (context.method == \"\" && context.path == \"\")",
    "principal.kind == \"outside\" || principal.kind == \"service\"",
    // Of those inside nothing of a client is told.
    "principal.kind == \"outside\" || (principal.gateway == \"\" && principal.host == \"\" && !(context has client) && !(context has tls))",
    "principal.kind == \"service\" || (principal.id == \"\" && principal.service == \"\" && principal.labels.isEmpty())",
];

fn callers(from: &From) -> Vec<(bool, &Name)> {
    match from {
        // Nothing is known of it but its name.
        From::Federated(_) => Vec::new(),
        From::Gateway { gateway, .. } => vec![(true, gateway)],
        From::Services(names) => names.iter().map(|name| (false, name)).collect(),
    }
}

/// What is known of a caller whom rules name.
fn caller(checked: &Checked, outside: bool, name: &Name) -> String {
    if outside {
        let caller = quoted(format!("gateway/{name}"));
        // A gateway has an identity of its own, under the same name.
        return format!(
            "principal.kind != \"outside\" || principal != Caller::{caller} || principal.gateway == {}",
            quoted(name)
        );
    }
    let id = SpiffeId::of(&checked.mesh.trust_domain, &WorkloadKind::Service(name.clone()));
    format!(
        "principal.kind != \"service\" || principal != Caller::{caller} || (principal.service == {caller} && principal.id \
         == {} && {})",
        quoted(id.as_str()),
        same("principal.labels", &labels(checked, name)),
        caller = quoted(name),
    )
}

/// The literal segments that a pattern begins with.
fn prefix<'p>(pattern: &'p PathPattern) -> Vec<&'p str> {
    let literal = |segment: &'p Segment| match segment {
        Segment::Literal(text) => Some(&**text),
        Segment::Any(_) => None,
    };
    pattern.segments().iter().map_while(literal).collect()
}

/// A path begins with these segments where its text does.
fn begins(prefix: &[&str]) -> String {
    let numbered = prefix.iter().enumerate().map(|(at, text)| format!("context.{} == {}", segment(at), quoted(text)));
    let numbered: Vec<String> = numbered.collect();
    let path = format!("/{}", prefix.join("/"));
    format!(
        "!context.request || (context.depth >= {} && {}) == (context.path == {} || context.path like {})",
        prefix.len(),
        numbered.join(" && "),
        quoted(&path),
        quoted(format!("{path}/*")),
    )
}
