//! `selvedge replay --against DIR`: every recorded decision again, under other documents.
//!
//! A record has all that its decision looked at, so the answer is exact, within what a record can know: a token that came
//! on a route that reads none was not looked at, and is not in it. What holds no decision of a policy is counted apart.

mod page;
mod read;
mod tally;

use super::{Output, load};
use crate::say::say;
use anyhow::{Result, bail};
use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;
use tally::Shapes;

/// Where `selvedge up` keeps its state.
const STATE: &str = ".selvedge";

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The mesh repository that decides again.
    #[arg(long, default_value = ".")]
    against: PathBuf,
    /// Files with records, one JSON object a line; `-` is the standard input.
    #[arg(long, num_args = 1..)]
    records: Vec<PathBuf>,
    /// A state directory, or one with several in it, whose records are read when no file is named. `.selvedge` otherwise.
    #[arg(long, conflicts_with = "records")]
    state: Vec<PathBuf>,
}

/// Exit 0: nothing is newly allowed or newly denied. Exit 1: something is.
pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    let plan = load::plan(&arguments.against)?;
    let files = if arguments.records.is_empty() { found(&arguments.state)? } else { arguments.records.clone() };
    let started = Instant::now();
    let tally = read::all(&files, &plan, &Shapes::of(plan.checked()))?;
    match output {
        Output::Text => say(stdout(), &page::text(&tally, &arguments.against, started.elapsed())),
        Output::Json => say(stdout(), &page::json(&tally, started.elapsed()).to_string()),
    }
    Ok(if tally.is_unchanged() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// The record files of state directories, and of those of the gateways and nodes in them.
fn found(given: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let default = [PathBuf::from(STATE)];
    let given = if given.is_empty() { &default } else { given };
    let mut files = Vec::new();
    for state in given {
        if !state.is_dir() {
            bail!(
                "`{}` is no directory: name a state directory with --state, or files with --records",
                state.display()
            );
        }
        let parts = std::fs::read_dir(state)?.flatten().map(|entry| entry.path()).filter(|path| path.is_dir());
        for directory in std::iter::once(state.clone()).chain(parts) {
            let entries = std::fs::read_dir(&directory)?.flatten().map(|entry| entry.path());
            files.extend(entries.filter(|path| path.is_file() && is_records(path)));
        }
    }
    if files.is_empty() {
        bail!("there are no records in these directories: name files with --records");
    }
    files.sort();
    Ok(files)
}

fn is_records(path: &std::path::Path) -> bool {
    path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("records.jsonl"))
}
