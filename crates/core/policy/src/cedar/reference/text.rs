//! Rules as Cedar's text.

use super::captures::moved;
use selvedge_config::checked::{Checked, CredentialRule, From, Rule};
use selvedge_model::{HostPattern, Name, PathPattern, Segment};
use std::fmt::Display;
use std::sync::Arc;

/// Every rule and guardrail. `None` when a condition is no Cedar.
pub(super) fn of(checked: &Checked) -> Option<String> {
    let rules = checked.access.iter().flat_map(|access| access.rules.iter().map(|rule| permit(&access.service, rule)));
    let guardrails = checked.guardrails.iter().map(|guardrail| Some(guardrail.text.as_str().to_owned()));
    Some(rules.chain(guardrails).collect::<Option<Vec<_>>>()?.join("\n\n"))
}

fn permit(service: &Name, rule: &Rule) -> Option<String> {
    let mut parts = vec![one_of("resource.port", rule.ports.iter())];
    match rule.paths.as_slice() {
        [] => parts.push("!context.request".to_owned()),
        paths => parts.extend(["context.request".to_owned(), any(paths.iter().map(path))]),
    }
    parts.extend(rule.methods.as_ref().map(|methods| one_of("context.method", methods.iter())));
    parts.extend(from(&rule.from));
    parts.extend(rule.on_behalf_of.iter().flat_map(|user| user_of(&user.issuer, &user.scopes, &user.groups)));
    if let Some(when) = &rule.when {
        parts.push(format!("({})", moved(when.as_str(), &rule.id.to_string())?));
    }
    let (id, service) = (quoted(rule.id.to_string()), quoted(service));
    let text = format!(
        "@id({id})\npermit(principal, action, resource == Service::{service}) when {{\n  {}\n}};",
        parts.join(" &&\n  ")
    );
    Some(text)
}

pub(in crate::cedar) fn from(from: &From) -> Vec<String> {
    match from {
        From::Services(names) => {
            let callers: Vec<String> = names.iter().map(|name| format!("Caller::{}", quoted(name))).collect();
            vec!["principal.kind == \"service\"".to_owned(), format!("principal in [{}]", callers.join(", "))]
        }
        From::Federated(id) => {
            vec!["principal.kind == \"service\"".to_owned(), format!("principal == Caller::{}", quoted(id))]
        }
        From::Gateway { gateway, hosts, credential } => {
            let caller = format!("principal == Caller::{}", quoted(format!("gateway/{gateway}")));
            let mut parts = vec!["principal.kind == \"outside\"".to_owned(), caller, any(hosts.iter().map(host))];
            match credential {
                CredentialRule::Anonymous => parts.push("!context.refused".to_owned()),
                CredentialRule::Token { issuer, scopes, groups } => parts.extend(user_of(issuer, scopes, groups)),
            }
            parts
        }
    }
}

pub(in crate::cedar) fn user_of(issuer: &Name, scopes: &[Arc<str>], groups: &[Arc<str>]) -> Vec<String> {
    let mut parts = vec![format!("context has user && context.user.issuer == {}", quoted(issuer))];
    parts.push(format!("context.user.scopes.containsAll({})", list(scopes)));
    if !groups.is_empty() {
        parts.push(format!("context.user.groups.containsAny({})", list(groups)));
    }
    parts
}

fn host(pattern: &HostPattern) -> String {
    match pattern {
        HostPattern::Exact(host) => format!("principal.host == {}", quoted(host)),
        // One label, no more.
        HostPattern::Wildcard(suffix) => format!(
            "(principal.host like {} && !(principal.host like {}))",
            quoted(format!("*.{suffix}")),
            quoted(format!("*.*.{suffix}"))
        ),
        HostPattern::Any => "true".to_owned(),
    }
}

fn path(pattern: &PathPattern) -> String {
    let count = pattern.segments().len();
    let mut parts = vec![format!("context.depth {} {count}", if pattern.takes_rest() { ">=" } else { "==" })];
    parts.extend(pattern.segments().iter().enumerate().map(|(at, segment)| match segment {
        Segment::Literal(text) => format!("context.segments.contains({})", quoted(format!("{at}={text}"))),
        Segment::Any(_) => format!("!context.segments.contains({})", quoted(format!("{at}="))),
    }));
    format!("({})", parts.join(" && "))
}

pub(in crate::cedar) fn any(parts: impl Iterator<Item = String>) -> String {
    format!("({})", parts.collect::<Vec<_>>().join(" || "))
}

pub(in crate::cedar) fn one_of(what: &str, values: impl Iterator<Item = impl Display>) -> String {
    format!("[{}].contains({what})", values.map(quoted).collect::<Vec<_>>().join(", "))
}

fn list(texts: &[Arc<str>]) -> String {
    format!("[{}]", texts.iter().map(quoted).collect::<Vec<_>>().join(", "))
}

pub(in crate::cedar) fn quoted(text: impl Display) -> String {
    format!("\"{}\"", text.to_string().escape_debug())
}
