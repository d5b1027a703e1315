//! The difference, for a terminal and for a pull request.

use super::super::ask::table::{Table, Tone, paint};
use super::super::ask::words;
use selvedge_policy::analyse::{Change, Difference, Hop};
use std::collections::BTreeMap;

/// What kind of change, as a sign.
fn sign(change: &Change) -> (&'static str, Tone) {
    match (change.widens, change.narrows) {
        (true, false) => ("+", Tone::Good),
        (false, _) => ("-", Tone::Bad),
        (true, true) => ("~", Tone::Careful),
    }
}

fn hop(change: &Change) -> &'static str {
    match change.hop {
        Hop::Edge => "edge",
        Hop::Mesh => "mesh",
    }
}

/// The rules that make the difference: those that now allow, or that did.
fn rules(change: &Change) -> Vec<String> {
    let now = words::rules(&change.after);
    if change.widens && !now.is_empty() { now } else { words::rules(&change.before) }
}

/// Why it is so when no rule went: a guardrail that came or went.
fn guardrails(change: &Change) -> Vec<String> {
    let of = |access: &selvedge_policy::analyse::Access| {
        access.unless.iter().map(|u| format!("{} {}", u.guardrail, u.source)).collect::<Vec<_>>()
    };
    let (before, after) = (of(&change.before), of(&change.after));
    after.into_iter().filter(|guardrail| !before.contains(guardrail)).collect()
}

fn by_port(difference: &Difference) -> BTreeMap<String, Vec<&Change>> {
    let mut ports: BTreeMap<String, Vec<&Change>> = BTreeMap::new();
    for change in &difference.changes {
        ports.entry(format!("{}:{}", change.service, change.port)).or_default().push(change);
    }
    ports
}

fn summary(difference: &Difference) -> String {
    let count = |test: &dyn Fn(&Change) -> bool| difference.changes.iter().filter(|change| test(change)).count();
    let widens = count(&|change| change.widens) + difference.notes.iter().filter(|note| note.widens).count();
    let narrows = count(&|change| change.narrows);
    match (widens, narrows) {
        (0, 0) => "access neither widens nor narrows".to_owned(),
        (0, narrows) => format!("access narrows in {}, and widens nowhere", words::counted(narrows, "place")),
        (widens, 0) => format!("access widens in {}", words::counted(widens, "place")),
        (widens, narrows) => {
            format!("access widens in {}, and narrows in {narrows}", words::counted(widens, "place"))
        }
    }
}

/// For a terminal.
pub(super) fn text(difference: &Difference, against: &str, issuers: usize, color: bool) -> String {
    if difference.is_empty() {
        return format!("the same as {against}: nothing becomes reachable, nothing stops being");
    }
    let mut text = String::new();
    for (port, changes) in by_port(difference) {
        text.push_str(&format!("{}\n", paint(&port, Tone::Strong, color)));
        let mut table = Table::default();
        for change in changes {
            let (sign, tone) = sign(change);
            let (who, rules) = (
                words::who(&change.callers, issuers),
                rules(change).into_iter().chain(guardrails(change)).collect::<Vec<_>>(),
            );
            for at in 0..who.len().max(rules.len()).max(1) {
                let first = |text: String| if at == 0 { text } else { String::new() };
                let access = words::transition(&change.before, &change.after);
                table.add([
                    (first(sign.to_owned()), tone),
                    (first(hop(change).to_owned()), Tone::Plain),
                    (who.get(at).cloned().unwrap_or_default(), Tone::Plain),
                    (first(words::requests(&change.requests)), Tone::Plain),
                    (first(access), tone),
                    (rules.get(at).cloned().unwrap_or_default(), Tone::Quiet),
                ]);
            }
        }
        text.push_str(&table.lines(color));
    }
    let mut notes = Table::default();
    for note in &difference.notes {
        let (sign, tone) = if note.widens { ("+", Tone::Good) } else { ("-", Tone::Bad) };
        notes.add([(sign.to_owned(), tone), (note.about.clone(), Tone::Plain), (note.message.clone(), Tone::Plain)]);
    }
    if !difference.notes.is_empty() {
        text.push_str(&format!("{}\n{}", paint("beside the rules", Tone::Strong, color), notes.lines(color)));
    }
    format!("{text}\n{}", summary(difference))
}

/// For a pull request.
pub(super) fn markdown(difference: &Difference, against: &str, issuers: usize) -> String {
    if difference.is_empty() {
        return format!("**Access is the same** as at `{against}`.");
    }
    let mut text = format!("**{}** (against `{against}`)\n", capital(&summary(difference)));
    for (port, changes) in by_port(difference) {
        text.push_str(&format!(
            "\n#### `{port}`\n\n| | hop | who | requests | before | after | rule |\n|---|---|---|---|---|---|---|\n"
        ));
        for change in changes {
            let cells = [
                sign(change).0.to_owned(),
                hop(change).to_owned(),
                words::who(&change.callers, issuers).join("; "),
                words::requests(&change.requests),
                words::access(&change.before),
                words::access(&change.after),
                rules(change).into_iter().chain(guardrails(change)).collect::<Vec<_>>().join("; "),
            ];
            text.push_str(&format!("| {} |\n", cells.map(|cell| escaped(&cell)).join(" | ")));
        }
    }
    if !difference.notes.is_empty() {
        text.push_str("\n#### Beside the rules\n\n");
    }
    for note in &difference.notes {
        let sign = if note.widens { "+" } else { "-" };
        text.push_str(&format!("- {sign} {}: {}\n", escaped(&note.about), escaped(&note.message)));
    }
    text
}

fn capital(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}

/// Text that Markdown shows as it is. Documents are a stranger's in a pull request.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '|' | '*' | '_' | '`' | '\\' | '[' | ']' | '#' | '~' | '@' | '!' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' | '\r' => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}
