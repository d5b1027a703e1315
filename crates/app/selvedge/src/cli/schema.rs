//! `selvedge schema cedar`: what conditions and guardrails may speak of, for editors and for people.

use super::Output;
use crate::say::say;
use anyhow::Result;
use std::io::stdout;
use std::process::ExitCode;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// The Cedar schema of `when` and of guardrails.
    Cedar,
}

pub(super) fn run(command: &Command, output: Output) -> Result<ExitCode> {
    let Command::Cedar = command;
    match output {
        Output::Text => say(stdout(), selvedge_policy::SCHEMA.trim_end()),
        Output::Json => say(stdout(), &serde_json::json!({ "cedar": selvedge_policy::SCHEMA }).to_string()),
    }
    Ok(ExitCode::SUCCESS)
}
