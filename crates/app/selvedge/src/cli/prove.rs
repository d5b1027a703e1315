//! `selvedge prove`: whether a change widens access, conditions and guardrails included, by a solver. Optional: the
//! program is whole without it.

#[cfg(feature = "prove")]
mod asked;
#[cfg(feature = "prove")]
mod example;
#[cfg(feature = "prove")]
mod solver;

use super::Output;
use crate::say::say;
use anyhow::Result;
use serde_json::json;
use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;

/// The solver.
const SOLVER: &str = "cvc5";

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The mesh repository as it shall be.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// What it is compared with: a directory, or a Git revision of DIR.
    #[arg(long, default_value = "HEAD")]
    against: String,
}

/// Exit 0: access does not widen. Exit 1: it does, with an example. Exit 2: that was not found out, and why. `plan` is
/// exact without a solver, but for what conditions mean of each other.
pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    let Some(program) = program() else {
        return Ok(unasked(
            output,
            &format!(
                "there is no `{SOLVER}` on the PATH: install it (Debian: `apt install cvc5`; otherwise a release of \
                 cvc5/cvc5 on GitHub), or ask `selvedge plan`, which carries conditions along without solving them"
            ),
        ));
    };
    #[cfg(feature = "prove")]
    return asked::run(arguments, &program, output);
    #[cfg(not(feature = "prove"))]
    Ok(unasked(
        output,
        &format!(
            "`{}` is there, but this program was built without the engine that asks it: build it with `cargo build \
             --release -p selvedge --features prove`, or use `selvedge plan {} --against {}`, which carries conditions \
             along without solving them",
            program.display(),
            arguments.directory.display(),
            arguments.against
        ),
    ))
}

/// Nothing was proved.
fn unasked(output: Output, why: &str) -> ExitCode {
    match output {
        Output::Text => say(std::io::stderr(), &format!("selvedge: nothing was proved: {why}")),
        Output::Json => say(stdout(), &json!({ "proved": null, "why": why }).to_string()),
    }
    ExitCode::from(2)
}

fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(SOLVER)).find(|file| file.is_file())
}
