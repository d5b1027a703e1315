//! `selvedge prove`: implications between conditions, by a solver. Optional: the program is whole without it.

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
    /// The mesh repository.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// What it is compared with.
    #[arg(long)]
    against: Option<PathBuf>,
}

/// Exit 2: nothing was proved, and why. `plan` is exact without a solver, but for what conditions mean of each other.
pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    let why = match solver() {
        None => format!(
            "there is no `{SOLVER}` on the PATH: install it (Debian: `apt install cvc5`; otherwise a release of \
             cvc5/cvc5 on GitHub), or ask `selvedge plan`, which carries conditions along without solving them"
        ),
        Some(path) => format!(
            "`{}` is there, but this program was built without the engine that asks it (`prove`): use `selvedge plan \
             {} --against {}`, which carries conditions along without solving them",
            path.display(),
            arguments.directory.display(),
            arguments.against.as_deref().unwrap_or(&arguments.directory).display()
        ),
    };
    match output {
        Output::Text => say(std::io::stderr(), &format!("selvedge: nothing was proved: {why}")),
        Output::Json => say(stdout(), &json!({ "proved": null, "why": why }).to_string()),
    }
    Ok(ExitCode::from(2))
}

fn solver() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(SOLVER)).find(|file| file.is_file())
}
