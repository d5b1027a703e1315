//! Answers in words: who, under which conditions, by which rule.

use super::table::{Table, Tone};
use selvedge_model::Name;
use selvedge_policy::analyse::{Access, Answer, Condition, Identity, Requests, Shown};
use std::collections::{BTreeMap, BTreeSet};

/// Names shown before `and n more`.
const NAMES_SHOWN: usize = 4;

/// Callers in few words: services by name; from outside by gateway, hosts and credential. `issuers`: how many the mesh
/// has.
pub(in crate::cli) fn who(callers: &[Identity], issuers: usize) -> Vec<String> {
    let mut services: Vec<&str> = Vec::new();
    let mut outside: BTreeMap<(&Name, BTreeSet<&Shown>), Vec<String>> = BTreeMap::new();
    let mut shown: BTreeMap<(&Name, String), BTreeSet<&Shown>> = BTreeMap::new();
    for caller in callers {
        match caller {
            Identity::Service(name) => services.push(name.as_str()),
            Identity::Federated(id) => services.push(id.as_str()),
            Identity::Outside { gateway, hosts, shown: credential } => {
                shown.entry((gateway, hosts.to_string())).or_default().insert(credential);
            }
        }
    }
    for ((gateway, host), shown) in shown {
        outside.entry((gateway, shown)).or_default().push(host);
    }
    let mut words: Vec<String> = outside
        .into_iter()
        .map(|((gateway, shown), hosts)| format!("{gateway} @ {}: {}", hosts.join(" "), credentials(&shown, issuers)))
        .collect();
    if !services.is_empty() {
        let names: Vec<&str> = services.iter().take(NAMES_SHOWN).copied().collect();
        let more = services.len() - names.len();
        words.push(if more > 0 { format!("{} and {more} more", names.join(", ")) } else { names.join(", ") });
    }
    words
}

fn credentials(shown: &BTreeSet<&Shown>, issuers: usize) -> String {
    let tokens: Vec<&str> = shown
        .iter()
        .filter_map(|shown| match shown {
            Shown::Token(issuer) => Some(issuer.as_str()),
            Shown::Nothing | Shown::OtherToken => None,
        })
        .collect();
    let all = tokens.len() == issuers;
    match (shown.contains(&Shown::Nothing), tokens.as_slice()) {
        (true, _) if all => "anyone".to_owned(),
        (true, []) => "no credential".to_owned(),
        (true, some) => format!("no credential, or token of {}", some.join(" or ")),
        // No token of another issuer is ever accepted, so that such a caller stands with others or is nobody.
        (false, []) => "token of another issuer".to_owned(),
        (false, some) => format!("token of {}", some.join(" or ")),
    }
}

/// Conditions joined; `always` for none.
pub(in crate::cli) fn conditions(conditions: &[Condition]) -> String {
    match conditions {
        [] => "always".to_owned(),
        some => format!("when {}", some.iter().map(Condition::to_string).collect::<Vec<_>>().join(", ")),
    }
}

/// An access in one line, without rules.
pub(in crate::cli) fn access(access: &Access) -> String {
    if access.is_denied() {
        return "denied".to_owned();
    }
    let unless: Vec<String> = access.unless.iter().map(|unless| format!("unless {}", forbids(unless))).collect();
    std::iter::once(ways(access)).chain(unless).collect::<Vec<_>>().join(", ")
}

/// What held and what will hold; guardrails that forbid before and after are said once.
pub(in crate::cli) fn transition(before: &Access, after: &Access) -> String {
    if before.unless != after.unless || before.is_denied() || after.is_denied() {
        return format!("{} → {}", access(before), access(after));
    }
    let unless: Vec<String> = after.unless.iter().map(|unless| format!("; unless {}", forbids(unless))).collect();
    format!("{} → {}{}", ways(before), ways(after), unless.concat())
}

fn ways(access: &Access) -> String {
    access.ways.iter().map(|way| conditions(&way.conditions)).collect::<Vec<_>>().join(" or ")
}

fn forbids(unless: &selvedge_policy::analyse::Unless) -> String {
    let conditions: Vec<String> = unless.conditions.iter().map(Condition::to_string).collect();
    format!("{} ({})", unless.guardrail, conditions.join(", "))
}

/// The rules of an access, each with its place.
pub(in crate::cli) fn rules(access: &Access) -> Vec<String> {
    let mut rules: Vec<String> = access.ways.iter().map(|way| format!("{} {}", way.rule, way.source)).collect();
    rules.dedup();
    rules
}

/// Lines for an answer: who, what, when, by which rule.
pub(in crate::cli) fn add(table: &mut Table, answer: &Answer, what: &str, issuers: usize) {
    let who = who(&answer.callers, issuers);
    let lines = who.len().max(answer.access.ways.len());
    for at in 0..lines {
        let way = answer.access.ways.get(at);
        let cell = |text: Option<String>, tone| (text.unwrap_or_default(), tone);
        let tone = if way.is_some_and(|way| way.conditions.is_empty()) { Tone::Good } else { Tone::Careful };
        table.add([
            cell(who.get(at).cloned(), Tone::Plain),
            cell((at == 0).then(|| what.to_owned()), Tone::Plain),
            cell(
                way.map(|way| {
                    if at == 0 { conditions(&way.conditions) } else { format!("or {}", conditions(&way.conditions)) }
                }),
                tone,
            ),
            cell(way.map(|way| way.rule.clone()), Tone::Plain),
            cell(way.map(|way| way.source.to_string()), Tone::Quiet),
        ]);
    }
    for unless in &answer.access.unless {
        let source = unless.source.to_string();
        let empty = || (String::new(), Tone::Plain);
        let conditions: Vec<String> = unless.conditions.iter().map(Condition::to_string).collect();
        let unlessed = format!("unless {}", conditions.join(", "));
        table.add([
            empty(),
            empty(),
            (unlessed, Tone::Bad),
            (unless.guardrail.to_string(), Tone::Plain),
            (source, Tone::Quiet),
        ]);
    }
}

/// Requests in words, without what the question itself said.
pub(in crate::cli) fn requests(requests: &Requests) -> String {
    requests.to_string()
}

/// `1 rule`, `2 rules`.
pub(in crate::cli) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
