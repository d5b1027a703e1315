//! `selvedge check [DIR]`

use super::Output;
use crate::repository;
use crate::say::say;
use anyhow::Result;
use selvedge_config::{Checked, Diagnostic, SourceFile, render};
use selvedge_plan::Plan;
use std::collections::BTreeMap;
use std::io::{IsTerminal, stderr, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The mesh repository.
    #[arg(default_value = ".")]
    directory: PathBuf,
}

pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    let files = repository::read(&arguments.directory)?;
    match selvedge_config::check(&files) {
        Ok(checked) => {
            good(checked, output);
            Ok(ExitCode::SUCCESS)
        }
        Err(found) => {
            bad(&found, &files, output);
            Ok(ExitCode::FAILURE)
        }
    }
}

fn good(checked: Checked, output: Output) {
    let rules: usize = checked.access.iter().map(|access| access.rules.len()).sum();
    let (services, gateways) = (checked.services.len(), checked.gateways.len());
    let plan = Plan::compile(checked, &BTreeMap::new());
    match output {
        Output::Text => say(
            stdout(),
            &format!(
                "clean: {}, {}, {}\nplan {}",
                counted(gateways, "gateway"),
                counted(services, "service"),
                counted(rules, "rule"),
                plan.hash()
            ),
        ),
        Output::Json => say(
            stdout(),
            &serde_json::json!({
                "ok": true, "plan": &**plan.hash(), "gateways": gateways, "services": services, "rules": rules, "errors": [],
            })
            .to_string(),
        ),
    }
}

fn bad(found: &[Diagnostic], files: &[SourceFile], output: Output) {
    match output {
        Output::Text => {
            let color = stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
            say(stderr(), &render(found, files, color));
            say(stderr(), &format!("{}: nothing would be enforced", counted(found.len(), "error")));
        }
        Output::Json => say(stdout(), &serde_json::json!({ "ok": false, "errors": found }).to_string()),
    }
}

fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}
