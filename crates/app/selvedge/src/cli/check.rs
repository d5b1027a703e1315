//! `selvedge check [DIR]`: everything that is wrong at once; then what is odd.

use super::Output;
use super::ask::table::{Tone, colored, paint};
use super::ask::words::counted;
use crate::repository;
use crate::say::say;
use anyhow::{Result, bail};
use selvedge_config::{Diagnostic, SourceFile, render};
use selvedge_plan::Plan;
use selvedge_policy::analyse::{Analysis, CODES, Finding, Severity};
use std::collections::BTreeMap;
use std::io::{IsTerminal, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The mesh repository.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// Findings that fail the check, by code; `all` for every one. May be given again, or with commas.
    #[arg(long, value_delimiter = ',', num_args = 1)]
    deny: Vec<String>,
}

/// Exit 0: no error, and no finding that was denied. Exit 1: there is one.
pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    if let Some(code) = arguments.deny.iter().find(|code| *code != "all" && !CODES.contains(&code.as_str())) {
        bail!("there is no finding `{code}`: there are {}", CODES.join(", "));
    }
    let files = repository::read(&arguments.directory)?;
    match find(&files) {
        Ok(report) => {
            let denied = report.findings.iter().filter(|finding| arguments.denies(finding)).count();
            match output {
                Output::Text => say(stdout(), &report.text(denied, colored())),
                Output::Json => say(stdout(), &report.json(denied)),
            }
            Ok(if denied == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
        }
        Err(found) => {
            bad(&found, &files, output);
            Ok(ExitCode::FAILURE)
        }
    }
}

impl Arguments {
    fn denies(&self, finding: &Finding) -> bool {
        self.deny.iter().any(|code| code == "all" || *code == finding.code)
    }
}

/// What is said of documents without errors.
struct Report {
    gateways: usize,
    services: usize,
    rules: usize,
    plan: String,
    findings: Vec<Finding>,
}

fn find(files: &[SourceFile]) -> std::result::Result<Report, Vec<Diagnostic>> {
    let (checked, policy) = selvedge_plan::check(files)?;
    let findings = Analysis::of(&checked, &policy).findings();
    let rules = checked.access.iter().map(|access| access.rules.len()).sum();
    let (services, gateways) = (checked.services.len(), checked.gateways.len());
    let plan = Plan::hash_of(&checked, &BTreeMap::new()).to_string();
    Ok(Report { gateways, services, rules, plan, findings })
}

impl Report {
    fn text(&self, denied: usize, color: bool) -> String {
        let mut text = String::new();
        for finding in &self.findings {
            let (word, tone) = match finding.severity {
                Severity::Warning => ("warning", Tone::Careful),
                Severity::Note => ("note", Tone::Quiet),
            };
            let (word, code) = (paint(&format!("{word:<7}"), tone, color), paint(finding.code, Tone::Strong, color));
            let Finding { at, message, help, .. } = finding;
            text.push_str(&format!("{word}  {code}  {at}\n         {message}\n         → {help}\n\n"));
        }
        let what = [counted(self.gateways, "gateway"), counted(self.services, "service"), counted(self.rules, "rule")];
        let verdict = match (self.findings.len(), denied) {
            (0, _) => paint("clean", Tone::Good, color),
            (found, 0) => format!("no errors, {}", counted(found, "finding")),
            (found, denied) => paint(&format!("denied, {denied} of {}", counted(found, "finding")), Tone::Bad, color),
        };
        text + &format!("{verdict}: {}\nplan {}", what.join(", "), self.plan)
    }

    fn json(&self, denied: usize) -> String {
        let Report { gateways, services, rules, plan, findings } = self;
        serde_json::json!({
            "ok": denied == 0, "plan": plan, "gateways": gateways, "services": services, "rules": rules,
            "errors": [], "findings": findings, "denied": denied,
        })
        .to_string()
    }
}

fn bad(found: &[Diagnostic], files: &[SourceFile], output: Output) {
    match output {
        Output::Text => {
            let color = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
            say(stderr(), &render(found, files, color));
            say(stderr(), &format!("{}: nothing would be enforced", counted(found.len(), "error")));
        }
        Output::Json => say(stdout(), &serde_json::json!({ "ok": false, "errors": found, "findings": [] }).to_string()),
    }
}
