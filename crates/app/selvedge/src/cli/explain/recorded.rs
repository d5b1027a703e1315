//! `selvedge explain ID`: every hop that left a record, and what the documents make of it.

use super::super::{Output, destination::destination};
use super::{Arguments, page};
use crate::repository;
use crate::say::say;
use anyhow::{Context, Result, bail};
use selvedge_model::{DecisionId, Outcome, Record};
use selvedge_plan::Plan;
use selvedge_policy::{Explanation, Recorded, Replayed};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::stdout;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where `selvedge up` keeps its state.
const STATE: &str = ".selvedge";

pub(super) fn run(arguments: &Arguments, id: &str, output: Output) -> Result<ExitCode> {
    let id = DecisionId::parse(id).with_context(|| format!("`{id}` is no decision id"))?;
    let records = find(&arguments.state, id)?;
    let plan = documents(arguments.directory());
    match output {
        Output::Text if records.is_empty() => {
            say(stdout(), &format!("no record of {id}: is it from these directories?"))
        }
        Output::Text => say(stdout(), &text(&records, plan.as_ref(), arguments.directory())),
        Output::Json => say(stdout(), &json(&records, plan.as_ref().ok(), arguments.directory())?),
    }
    Ok(if records.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn find(given: &[PathBuf], id: DecisionId) -> Result<Vec<Record>> {
    let default = [PathBuf::from(STATE)];
    let given = if given.is_empty() { &default } else { given };
    let mut places = Vec::new();
    for state in given {
        if !state.is_dir() {
            bail!("`{}` is no directory: name a state directory with --state", state.display());
        }
        places.extend(with_parts(state));
    }
    selvedge_telemetry::find(&places, id).context("cannot read the records")
}

/// A state directory, and those of the gateways and nodes in it.
fn with_parts(state: &Path) -> Vec<PathBuf> {
    let parts = std::fs::read_dir(state).into_iter().flatten().flatten().map(|entry| entry.path());
    std::iter::once(state.to_owned()).chain(parts.filter(|path| path.is_dir())).collect()
}

/// The documents, or why there are none. A record is shown without them all the same.
fn documents(directory: &Path) -> Result<Plan, String> {
    let files = repository::read(directory).map_err(|error| format!("{error:#}"))?;
    let checked = selvedge_config::check(&files)
        .map_err(|_| format!("the documents in `{}` have errors: see `selvedge check`", directory.display()))?;
    Plan::compile(checked, &BTreeMap::new())
        .map_err(|_| format!("the documents in `{}` have errors: see `selvedge check`", directory.display()))
}

fn text(records: &[Record], plan: Result<&Plan, &String>, directory: &Path) -> String {
    let hops = records.iter().enumerate().map(|(index, record)| {
        let mut lines = hop(record);
        if let Ok(plan) = plan {
            lines.extend(again(record, plan, directory));
        }
        let lines: Vec<String> = lines.into_iter().map(|(name, value)| format!("       {name:<9} {value}")).collect();
        format!("hop {}  {}\n{}", index + 1, head(record), lines.join("\n"))
    });
    let mut text = hops.collect::<Vec<_>>().join("\n\n");
    if let Err(why) = plan {
        text.push_str(&format!("\n\nrules are not shown: {why}; name the mesh repository with --dir"));
    }
    text
}

fn json(records: &[Record], plan: Option<&Plan>, directory: &Path) -> Result<String> {
    let hops = records.iter().map(|record| {
        let mut hop = serde_json::to_value(record)?;
        let explained = plan.and_then(|plan| explain(record, plan));
        let explained = explained.map(|(explanation, replayed)| {
            let mut value = page::json(&explanation, directory);
            if let Value::Object(fields) = &mut value {
                fields.insert("same".to_owned(), json!(replayed == Replayed::Same));
            }
            value
        });
        if let Value::Object(fields) = &mut hop {
            fields.insert("explanation".to_owned(), json!(explained));
        }
        Ok(hop)
    });
    let hops: Vec<Value> = hops.collect::<Result<_, serde_json::Error>>()?;
    Ok(serde_json::to_string(&hops)?)
}

/// The record under these documents, which may not be those that decided.
fn explain(record: &Record, plan: &Plan) -> Option<(Explanation, Replayed)> {
    let recorded = Recorded::of(record, &plan.checked().mesh.trust_domain).ok()?;
    let to = destination(plan, &recorded);
    let replayed = plan.policy().replay(&recorded, to.as_ref());
    let explanation = match to.or(recorded.destination()) {
        Some(to) => Explanation::of(plan.checked(), plan.policy(), &recorded.facts(&to)),
        None => {
            let service = plan.checked().services.values().next()?;
            let port = &service.ports.first()?.name;
            let nowhere = selvedge_policy::Destination { service: &service.name, port, issuers: None };
            Explanation::unrouted(plan.checked(), plan.policy(), &recorded.facts(&nowhere))
        }
    };
    Some((explanation, replayed))
}

fn again(record: &Record, plan: &Plan, directory: &Path) -> Vec<(&'static str, String)> {
    let Some((explanation, replayed)) = explain(record, plan) else { return Vec::new() };
    let mut lines = page::lines(&explanation, directory);
    match replayed {
        // The decision stands above already, as it was recorded.
        Replayed::Same => lines.retain(|(name, _)| !matches!(*name, "allowed" | "denied" | "observed")),
        Replayed::OtherRule(_)
        | Replayed::OtherDenial(_)
        | Replayed::NewlyDenied(_)
        | Replayed::NewlyAllowed(_)
        | Replayed::NewlyObserved(_) => {
            lines.insert(0, ("now", format!("the documents in `{}` decide otherwise:", directory.display())));
        }
    }
    lines
}

fn hop(record: &Record) -> Vec<(&'static str, String)> {
    let mut lines = vec![("caller", caller(record))];
    if let Some(user) = &record.user {
        lines.push(("user", format!("{} (issuer `{}`)", user.subject, user.issuer)));
    }
    match &record.outcome {
        Outcome::Allowed(rule) => {
            lines.push(("allowed", format!("by rule `{rule}`, {}", rule.source)));
            if record.status != 0 {
                let took = record.duration_us as f64 / 1000.0;
                lines.push(("answer", format!("{} in {took:.1} ms", record.status)));
            }
        }
        Outcome::Denied(denial) | Outcome::Observed(denial) => {
            lines.push(match &record.outcome {
                Outcome::Observed(_) => (
                    "observed",
                    format!("no rule allows it, and it went through with {}: `mode: observe`", record.status),
                ),
                _ => ("denied", format!("{} ({})", denial.reason.status(), denial.reason.as_str())),
            });
            match (&denial.forbidden, &denial.nearest) {
                (Some(forbidden), _) => {
                    lines.push(("guardrail", format!("`{}`, {}", forbidden.guardrail, forbidden.source)));
                    let rule = forbidden.rule.iter();
                    lines.extend(rule.map(|rule| ("closest", format!("rule `{rule}`, {}", rule.source))));
                }
                (None, Some(near)) => {
                    lines.push(("closest", format!("rule `{}`, {}", near.rule, near.rule.source)));
                    lines.push(("missing", near.missing.to_string()));
                }
                (None, None) => lines.push(("closest", "no rule of this mesh covers it".to_owned())),
            }
        }
        Outcome::Faulted { fault, detail, rule } => {
            lines.push(("broke", format!("{} ({fault}): {detail}", fault.status())));
            lines.extend(rule.iter().map(|rule| ("allowed", format!("by rule `{rule}`, {}", rule.source))));
        }
    }
    lines.push(("plan", record.plan.get(..12).unwrap_or(&record.plan).to_owned()));
    lines
}

fn head(record: &Record) -> String {
    let at = record.at.as_ref().map(ToString::to_string).unwrap_or_default();
    let what = match (&record.method, &record.host, &record.path) {
        (Some(method), Some(host), Some(path)) => format!("{method} {host}{path}"),
        _ => "a connection".to_owned(),
    };
    let to = match (&record.service, &record.port) {
        (Some(service), Some(port)) => format!(" → {service}:{port}"),
        _ => String::new(),
    };
    format!("{} {at}: {what}{to}", record.role.as_str())
}

fn caller(record: &Record) -> String {
    let client = record.client.map(|client| client.to_string()).unwrap_or_default();
    let tls = record.tls.as_ref().map(|tls| format!(", TLS {} {}", tls.version, tls.group)).unwrap_or_default();
    match &record.peer {
        Some(peer) => format!("{peer} (client {client}{tls})"),
        None => format!("{client}{tls}"),
    }
}
