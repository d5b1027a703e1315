//! `selvedge reach FROM [DIR]`: everything that a caller can reach, and by which rule.

use super::Output;
use super::ask::table::{Table, Tone, colored, paint};
use super::ask::{Repository, words};
use crate::say::say;
use anyhow::Result;
use std::collections::BTreeSet;
use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Who calls: `gateway:public`, `gateway:public@api.acme.example`, `service:checkout`.
    from: String,
    /// The mesh repository.
    #[arg(default_value = ".")]
    directory: PathBuf,
}

/// Exit 0: it reaches something. Exit 1: nothing.
pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    let repository = Repository::read(&arguments.directory)?;
    let caller = repository.caller(&arguments.from)?;
    let answers = repository.analysis().reach(&caller);
    match output {
        Output::Json => say(stdout(), &serde_json::json!({ "answers": answers }).to_string()),
        Output::Text => {
            let color = colored();
            let mut table = Table::default();
            for answer in &answers {
                let what = format!("{}:{} {}", answer.service, answer.port, words::requests(&answer.requests));
                words::add(&mut table, answer, &what, repository.issuers());
            }
            let services: BTreeSet<_> = answers.iter().map(|answer| &answer.service).collect();
            let title = format!("{} reaches {}", arguments.from, words::counted(services.len(), "service"));
            say(stdout(), &format!("{}\n{}", paint(&title, Tone::Strong, color), table.lines(color)));
        }
    }
    Ok(if answers.is_empty() { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}
