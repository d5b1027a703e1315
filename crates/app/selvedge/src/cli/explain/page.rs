//! An explanation as text and as JSON.

use super::blame::{self, Commit};
use selvedge_model::{Decision, RuleId};
use selvedge_policy::{Candidate, Change, Explanation, Step};
use serde_json::{Value, json};
use std::path::Path;

/// Candidates that are shown as text; JSON has all.
const SHOWN_MAX: usize = 8;
/// Lines that are looked up in Git: each is a process.
const BLAMED_MAX: usize = 8;

/// The lines about a decision that was explained, each with its name.
pub(super) fn lines(explanation: &Explanation, directory: &Path) -> Vec<(&'static str, String)> {
    let mut lines = decision(explanation, directory);
    let candidates = &explanation.candidates;
    for (index, candidate) in candidates.iter().take(SHOWN_MAX).enumerate() {
        let name = if index == 0 { "rules" } else { "" };
        lines.push((name, format!("`{}`, {}: {}", candidate.rule, candidate.rule.source, outcome(candidate))));
        lines.extend(commit(directory, &candidate.rule).map(|commit| ("", format!("  {commit}"))));
    }
    if candidates.len() > SHOWN_MAX {
        lines.push(("", format!("and {} more, which lack as much or more", candidates.len() - SHOWN_MAX)));
    }
    if candidates.is_empty() {
        lines.push(("rules", "no rule is about this service".to_owned()));
    }
    if let Decision::Deny(_) = explanation.decision {
        lines.extend(change(explanation.change.as_ref()));
    }
    lines
}

fn decision(explanation: &Explanation, directory: &Path) -> Vec<(&'static str, String)> {
    match &explanation.decision {
        Decision::Allow(rule) => vec![("allowed", format!("by rule `{rule}`, {}", rule.source))],
        Decision::Deny(denial) => {
            let mut lines = vec![match explanation.observed {
                true => ("observed", "no rule allows it, and it goes through all the same: `mode: observe`".to_owned()),
                false => ("denied", format!("{} ({})", denial.reason.status(), denial.reason.as_str())),
            }];
            if let Some(forbidden) = &denial.forbidden {
                lines.push(("guardrail", format!("`{}`, {}", forbidden.guardrail, forbidden.source)));
                let commit = blame::line(directory, &forbidden.source.file, forbidden.source.line);
                lines.extend(commit.map(|commit| ("", format!("  {commit}"))));
                lines.extend(forbidden.error.iter().map(|error| ("", format!("  it could not be evaluated: {error}"))));
                let would = match &forbidden.rule {
                    Some(rule) => format!("  without it, rule `{rule}` would allow this"),
                    None => "  without it, this would go through: `mode: observe`".to_owned(),
                };
                lines.push(("", would));
            }
            lines
        }
    }
}

/// The first thing that a rule lacked, and how much more.
fn outcome(candidate: &Candidate) -> String {
    match candidate.lacked.as_slice() {
        [] => "holds".to_owned(),
        [first] => format!("lacked: {first}"),
        [first, more @ ..] => {
            let more: Vec<String> = more.iter().map(ToString::to_string).collect();
            format!("lacked: {first} (then {})", more.join("; "))
        }
    }
}

fn change(change: Option<&Change>) -> Vec<(&'static str, String)> {
    let Some(change) = change else {
        return vec![("change", "no rule can allow this caller to do this".to_owned())];
    };
    let mut lines = Vec::new();
    let mut line = |text: String| lines.push((if lines.is_empty() { "change" } else { "" }, text));
    if let Some(rule) = &change.rule {
        line(format!("for rule `{rule}`, {}, to allow it:", rule.source));
    }
    for step in &change.steps {
        let text = step.to_string();
        text.lines().for_each(|text| line(if change.rule.is_some() { format!("  {text}") } else { text.to_owned() }));
        if let Step::AddRule(rule) = step
            && rule.anonymous
        {
            line("anybody outside could then call it: no credential was shown".to_owned());
        }
    }
    lines
}

fn commit(directory: &Path, rule: &RuleId) -> Option<Commit> {
    blame::line(directory, &rule.source.file, rule.source.line)
}

/// The explanation for programs.
pub(super) fn json(explanation: &Explanation, directory: &Path) -> Value {
    let candidates = explanation.candidates.iter().enumerate().map(|(index, candidate)| {
        let lacked: Vec<Value> =
            candidate.lacked.iter().map(|missing| json!({ "missing": missing, "text": missing.to_string() })).collect();
        let commit = (index < BLAMED_MAX).then(|| commit(directory, &candidate.rule)).flatten();
        json!({ "rule": &*candidate.rule, "holds": lacked.is_empty(), "lacked": lacked, "commit": commit })
    });
    let decision = match &explanation.decision {
        Decision::Allow(rule) => json!({ "allowed": &**rule }),
        Decision::Deny(denial) if explanation.observed => json!({ "observed": denial }),
        Decision::Deny(denial) => json!({ "denied": denial, "status": denial.reason.status() }),
    };
    let change = explanation.change.as_ref().map(|change| {
        let steps: Vec<Value> = change.steps.iter().map(step).collect();
        json!({ "rule": change.rule.as_deref(), "steps": steps })
    });
    json!({ "decision": decision, "candidates": candidates.collect::<Vec<_>>(), "change": change })
}

fn step(step: &Step) -> Value {
    let (kind, value) = match step {
        Step::Token(issuer) => ("token", json!(issuer)),
        Step::ValidCredential => ("valid-credential", Value::Null),
        Step::Scope(scope) => ("scope", json!(**scope)),
        Step::Group(groups) => ("group", json!(**groups)),
        Step::When(text) => ("when", json!(**text)),
        Step::AddMethod(method) => ("add-method", json!(**method)),
        Step::AddPath(path) => ("add-path", json!(path.as_str())),
        Step::AddPort(port) => ("add-port", json!(port)),
        Step::AddHost(host) => ("add-host", json!(host)),
        Step::AddCaller(service) => ("add-caller", json!(service)),
        Step::AddRule(rule) => {
            ("add-rule", json!({ "service": rule.service, "yaml": rule.yaml, "anonymous": rule.anonymous }))
        }
        Step::Except { guardrail, source } => ("except", json!({ "guardrail": **guardrail, "source": source })),
    };
    json!({ "step": kind, "value": value, "text": step.to_string() })
}
