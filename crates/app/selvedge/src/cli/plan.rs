//! `selvedge plan DIR --against DIR|REF|control-plane`: what a change changes: who can do what that could not, and who
//! no longer can. Meanings are compared, not texts.

mod git;
mod page;

use super::Output;
use super::ask::Repository;
use super::ask::table::colored;
use crate::repository;
use crate::say::say;
use anyhow::{Context, Result, bail};
use selvedge_config::SourceFile;
use selvedge_policy::analyse::diff;
use selvedge_telemetry::admin;
use std::collections::BTreeSet;
use std::io::stdout;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The mesh repository as it shall be.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// What it is compared with: a directory, a Git revision of DIR, or `control-plane`.
    #[arg(long, default_value = "HEAD")]
    against: String,
    /// Control's admin address, for `--against control-plane`.
    #[arg(long, default_value = "127.0.0.1:7401")]
    admin: SocketAddr,
    /// Exit 1 when somebody can do what nobody could, or might.
    #[arg(long)]
    no_widening: bool,
    /// As Markdown, for a pull request.
    #[arg(long)]
    markdown: bool,
}

/// Exit 0: compared. Exit 1: access widens, and that was not wanted.
pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    let after = Repository::read(&arguments.directory)?;
    let before = Repository::of(&before(arguments)?, &arguments.against)?;
    let difference = diff(&before.analysis(), &after.analysis());
    let names = |repository: &Repository| repository.checked.mesh.credentials().cloned().collect::<BTreeSet<_>>();
    let issuers = names(&before).union(&names(&after)).count();
    match output {
        Output::Json => {
            let mut value = serde_json::to_value(&difference)?;
            if let serde_json::Value::Object(fields) = &mut value {
                fields.insert("widens".to_owned(), difference.widens().into());
            }
            say(stdout(), &value.to_string());
        }
        Output::Text if arguments.markdown => say(stdout(), &page::markdown(&difference, &arguments.against, issuers)),
        Output::Text => say(stdout(), &page::text(&difference, &arguments.against, issuers, colored())),
    }
    let unwanted = arguments.no_widening && difference.widens();
    Ok(if unwanted { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// The files that it is compared with.
fn before(arguments: &Arguments) -> Result<Vec<SourceFile>> {
    let against = arguments.against.as_str();
    if against == "control-plane" {
        return in_force(arguments.admin);
    }
    files(&arguments.directory, against)
}

/// The files of another directory, or of a Git revision of this one.
///
/// # Errors
/// When `against` is neither, or has no documents.
pub(super) fn files(directory: &Path, against: &str) -> Result<Vec<SourceFile>> {
    if Path::new(against).is_dir() {
        return repository::read(Path::new(against));
    }
    git::read(directory, against)
}

/// The documents that a control plane has in force.
fn in_force(address: SocketAddr) -> Result<Vec<SourceFile>> {
    let page = admin::get(address, "/documents").with_context(|| {
        format!(
            "no control plane answers at `{address}`: start one with `selvedge up`, or say where it is with --admin"
        )
    })?;
    let files: Vec<(String, String)> =
        serde_json::from_str(&page).context("what answers there is no control plane of this version")?;
    if files.is_empty() {
        bail!("the control plane at `{address}` has no documents in force");
    }
    Ok(files.into_iter().map(|(name, text)| SourceFile { name: name.into(), text: text.into() }).collect())
}
