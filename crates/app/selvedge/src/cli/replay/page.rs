//! The outcome of a replay as text and as JSON.

use super::tally::{Group, Seen, Tally};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Groups that are shown as text; JSON has all.
const SHOWN_MAX: usize = 50;

pub(super) fn text(tally: &Tally, against: &Path, took: Duration) -> String {
    let mut text = format!(
        "{} decisions made again under `{}` in {:.1} s: {} newly denied, {} newly allowed, {} as before",
        tally.replayed(),
        against.display(),
        took.as_secs_f64(),
        tally.newly_denied,
        tally.newly_allowed,
        tally.same + tally.other_rule + tally.other_denial,
    );
    if tally.other_rule + tally.other_denial > 0 {
        let (rule, denial) = (tally.other_rule, tally.other_denial);
        text.push_str(&format!("\n  of these {rule} by another rule, {denial} denied for another reason"));
    }
    if tally.newly_observed > 0 {
        text.push_str(&format!("\n  {} newly observed: let through without a rule", tally.newly_observed));
    }
    for (why, count) in &tally.unreplayable {
        text.push_str(&format!("\n  {count} more say nothing about a policy: {why}"));
    }
    if tally.unreadable > 0 {
        text.push_str(&format!("\n  {} lines are no records of this version", tally.unreadable));
    }
    text.push('\n');
    text.push_str(&table("newly denied", "ALLOWED BY", &tally.sorted(false)));
    text.push_str(&table("newly allowed", "WOULD BE ALLOWED BY", &tally.sorted(true)));
    if tally.ungrouped > 0 {
        text.push_str(&format!("\n{} more changes are in too many groups to keep apart\n", tally.ungrouped));
    }
    text
}

fn table(title: &str, rule: &str, groups: &[(&Group, &Seen)]) -> String {
    if groups.is_empty() {
        return String::new();
    }
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["COUNT", "HOP", "CALLER", "SERVICE", "REQUEST", rule, "EXAMPLE"]);
    for (group, seen) in groups.iter().take(SHOWN_MAX) {
        let by = if group.rule.is_empty() { "no rule".to_owned() } else { format!("{}, {}", group.rule, group.source) };
        let by = if group.why.is_empty() { by } else { format!("{by}\nnow {}", group.why) };
        table.add_row([
            seen.count.to_string(),
            group.hop.to_owned(),
            group.caller.clone(),
            group.service.clone(),
            group.request.clone(),
            by,
            seen.example.to_string(),
        ]);
    }
    let more = groups.len().saturating_sub(SHOWN_MAX);
    let more = if more == 0 { String::new() } else { format!("\nand {more} more groups: see --output json") };
    format!("\n{title}\n{table}{more}\n")
}

pub(super) fn json(tally: &Tally, took: Duration) -> Value {
    let groups = |allowed| tally.sorted(allowed).into_iter().map(one).collect::<Vec<_>>();
    let unreplayable: serde_json::Map<String, Value> =
        tally.unreplayable.iter().map(|(why, count)| (why.as_str().to_owned(), json!(count))).collect();
    json!({
        "replayed": tally.replayed(),
        "same": tally.same,
        "other_rule": tally.other_rule,
        "other_denial": tally.other_denial,
        "newly_denied": { "count": tally.newly_denied, "groups": groups(false) },
        "newly_allowed": { "count": tally.newly_allowed, "groups": groups(true) },
        "newly_observed": tally.newly_observed,
        "unreplayable": unreplayable,
        "unreadable": tally.unreadable,
        "ungrouped": tally.ungrouped,
        "seconds": took.as_secs_f64(),
    })
}

fn one((group, seen): (&Group, &Seen)) -> Value {
    json!({
        "count": seen.count,
        "hop": group.hop,
        "caller": group.caller,
        "service": group.service,
        "request": group.request,
        "rule": group.rule,
        "source": group.source,
        "why": group.why,
        "example": seen.example,
    })
}
