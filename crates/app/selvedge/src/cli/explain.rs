//! `selvedge explain ID`: every hop of a decision, the rule that allowed it, or the one that came closest.

use super::Output;
use crate::say::say;
use anyhow::{Context, Result, bail};
use selvedge_model::{DecisionId, Outcome, Record};
use std::io::stdout;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Where `selvedge up` keeps its state.
const STATE: &str = ".selvedge";

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The decision id, from the answer's `selvedge-decision` field or its body.
    id: String,
    /// A state directory, or one with several in it; may be given again. `.selvedge` otherwise.
    #[arg(long)]
    state: Vec<PathBuf>,
}

/// Exit 0: found. Exit 1: no record has that id.
pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    let id = DecisionId::parse(&arguments.id).with_context(|| format!("`{}` is no decision id", arguments.id))?;
    let given: &[PathBuf] = &arguments.state;
    let default = [PathBuf::from(STATE)];
    let given = if given.is_empty() { &default } else { given };
    let mut places = Vec::new();
    for state in given {
        if !state.is_dir() {
            bail!("`{}` is no directory: name a state directory with --state", state.display());
        }
        places.extend(with_parts(state));
    }
    let records = selvedge_telemetry::find(&places, id).context("cannot read the records")?;
    match output {
        Output::Text if records.is_empty() => {
            say(stdout(), &format!("no record of {id}: is it from these directories?"))
        }
        Output::Text => say(stdout(), &text(&records)),
        Output::Json => say(stdout(), &serde_json::to_string(&records)?),
    }
    Ok(if records.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// A state directory, and those of the gateways and nodes in it.
fn with_parts(state: &Path) -> Vec<PathBuf> {
    let parts = std::fs::read_dir(state).into_iter().flatten().flatten().map(|entry| entry.path());
    std::iter::once(state.to_owned()).chain(parts.filter(|path| path.is_dir())).collect()
}

fn text(records: &[Record]) -> String {
    let hops = records.iter().enumerate().map(|(index, record)| format!("hop {}  {}", index + 1, hop(record)));
    hops.collect::<Vec<_>>().join("\n\n")
}

fn hop(record: &Record) -> String {
    let mut lines = vec![head(record)];
    let mut line = |name: &str, value: String| lines.push(format!("       {name:<9} {value}"));
    line("caller", caller(record));
    if let Some((issuer, subject)) = &record.user {
        line("user", format!("{subject} (issuer `{issuer}`)"));
    }
    match &record.outcome {
        Outcome::Allowed(rule) => {
            line("allowed", format!("by rule `{rule}`, {}", rule.source));
            if record.status != 0 {
                line("answer", format!("{} in {:.1} ms", record.status, record.duration_us as f64 / 1000.0));
            }
        }
        Outcome::Denied(denial) => {
            line("denied", format!("{} ({})", denial.reason.status(), denial.reason.as_str()));
            match &denial.nearest {
                Some(near) => {
                    line("closest", format!("rule `{}`, {}", near.rule, near.rule.source));
                    line("missing", near.missing.to_string());
                }
                None => line("closest", "no rule of this mesh covers it".to_owned()),
            }
        }
        Outcome::Faulted { fault, detail, rule } => {
            line("broke", format!("{} ({fault}): {detail}", fault.status()));
            rule.iter().for_each(|rule| line("allowed", format!("by rule `{rule}`, {}", rule.source)));
        }
    }
    line("plan", record.plan.get(..12).unwrap_or(&record.plan).to_owned());
    lines.join("\n")
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
