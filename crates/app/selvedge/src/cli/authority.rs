//! `selvedge authority`: the child process of control that holds the signing keys. Not for people.

use anyhow::Result;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Control's state directory.
    #[arg(long)]
    state: PathBuf,
    /// The socket to serve.
    #[arg(long)]
    socket: PathBuf,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    selvedge_control::authority::run(&arguments.state, &arguments.socket)?;
    Ok(ExitCode::SUCCESS)
}
