//! `selvedge who-can SERVICE "METHOD /path" [DIR]`: everyone who can make these requests, and by which rule.

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
    /// The service, or one of its ports: `orders`, `orders:http`.
    service: String,
    /// What is asked for: `GET /orders/1`, `GET /orders/{id}`, `* /orders/**`.
    request: String,
    /// The mesh repository.
    #[arg(default_value = ".")]
    directory: PathBuf,
}

/// Exit 0: somebody can. Exit 1: nobody.
pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    let repository = Repository::read(&arguments.directory)?;
    let asked = Asked::parse(&arguments.request)?;
    let (service, port) = repository.target(&arguments.service)?;
    let analysis = repository.analysis();
    let answers = analysis.who_can(service, port.as_ref(), asked.method.as_deref(), Some(&asked.path));
    match output {
        Output::Json => say(stdout(), &serde_json::json!({ "answers": answers }).to_string()),
        Output::Text => {
            let color = colored();
            let mut table = Table::default();
            for answer in &answers {
                // What the question said is not said again: only what is less than it.
                let all = format!("{} {}", asked.method.as_deref().unwrap_or("any method"), asked.path);
                let requests = words::requests(&answer.requests);
                let what = if requests == all { String::new() } else { requests };
                let what = if service.ports.len() > 1 {
                    format!(":{} {what}", answer.port).trim_end().to_owned()
                } else {
                    what
                };
                words::add(&mut table, answer, &what, repository.issuers());
            }
            let title = format!("{} {}", arguments.service, arguments.request.trim());
            let end = if answers.is_empty() { paint("  nobody can\n", Tone::Bad, color) } else { table.lines(color) };
            say(stdout(), &format!("{}\n{end}", paint(&title, Tone::Strong, color)));
        }
    }
    Ok(if answers.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
