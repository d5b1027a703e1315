//! `selvedge can FROM SERVICE "METHOD /path" [DIR]`: whether a caller can, when, and by which rule.

use super::Output;
use super::ask::table::{Table, Tone, colored, paint};
use super::ask::{Asked, Repository, words};
use crate::say::say;
use anyhow::Result;
use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Who calls: `gateway:public`, `gateway:public@api.acme.example`, `service:checkout`.
    from: String,
    /// The service, or one of its ports: `orders`, `orders:http`.
    service: String,
    /// What is asked for: `GET /orders/1`, `GET /orders/{id}`. Left out: everything, connections too.
    request: Option<String>,
    /// The mesh repository.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// The mesh repository, where no request is written.
    #[arg(long = "dir", conflicts_with = "directory")]
    other_directory: Option<PathBuf>,
}

/// Exit 0: it can, always or under conditions. Exit 1: it cannot.
pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    let repository = Repository::read(arguments.other_directory.as_ref().unwrap_or(&arguments.directory))?;
    let asked = arguments.request.as_deref().map(Asked::parse).transpose()?;
    let (service, port) = repository.target(&arguments.service)?;
    let caller = repository.caller(&arguments.from)?;
    let (method, path) = asked.as_ref().map_or((None, None), |asked| (asked.method.as_deref(), Some(&asked.path)));
    let mut answers = repository.analysis().can(&caller, service, method, path);
    answers.retain(|answer| port.as_ref().is_none_or(|port| answer.port == *port));
    match output {
        Output::Json => {
            say(stdout(), &serde_json::json!({ "allowed": !answers.is_empty(), "answers": answers }).to_string())
        }
        Output::Text => {
            let color = colored();
            let mut table = Table::default();
            for answer in &answers {
                words::add(
                    &mut table,
                    answer,
                    &format!(":{} {}", answer.port, words::requests(&answer.requests)),
                    repository.issuers(),
                );
            }
            let request =
                arguments.request.as_deref().map(|request| format!(" {}", request.trim())).unwrap_or_default();
            let title = format!("{} → {}{request}", arguments.from, arguments.service);
            let end = if answers.is_empty() {
                paint("  denied: no rule allows it\n", Tone::Bad, color)
            } else {
                table.lines(color)
            };
            say(stdout(), &format!("{}\n{end}", paint(&title, Tone::Strong, color)));
        }
    }
    Ok(if answers.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
