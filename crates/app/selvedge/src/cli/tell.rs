//! `selvedge drain` and `selvedge reload`: a word to a gateway or node that runs on this machine.

use super::Output;
use crate::node;
use crate::say::say;
use anyhow::Result;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The state directory of the gateway or node.
    #[arg(long)]
    state: PathBuf,
}

pub(super) fn drain(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    node::tell(&arguments.state, true)?;
    done(output, "draining", "it takes no more connections, and ends when those that are open have ended")
}

pub(super) fn reload(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    node::tell(&arguments.state, false)?;
    done(output, "reloading", "it reads the files again that its documents name")
}

fn done(output: Output, word: &str, text: &str) -> Result<ExitCode> {
    match output {
        Output::Text => say(std::io::stdout(), text),
        Output::Json => say(std::io::stdout(), &serde_json::json!({ "state": word }).to_string()),
    }
    Ok(ExitCode::SUCCESS)
}
