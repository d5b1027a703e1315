//! `selvedge init [DIR]`

use super::Output;
use crate::say::say;
use anyhow::{Context, Result, bail};
use std::io::{Write, stdout};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Where to write it; made when absent.
    #[arg(default_value = ".")]
    directory: PathBuf,
}

pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    let directory = &arguments.directory;
    std::fs::create_dir_all(directory).with_context(|| format!("cannot make `{}`", directory.display()))?;
    let files = selvedge_config::template();
    for file in &files {
        let path = directory.join(&*file.name);
        if path.exists() {
            bail!("`{}` exists already: choose an empty directory; nothing was written", path.display());
        }
    }
    for file in &files {
        let path = directory.join(&*file.name);
        let written = std::fs::File::create_new(&path).and_then(|mut new| new.write_all(file.text.as_bytes()));
        written.with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    let names: Vec<&str> = files.iter().map(|file| &*file.name).collect();
    match output {
        Output::Text => {
            let place = directory.display();
            say(stdout(), &format!("wrote {} to {place}\nnext: selvedge check {place}", names.join(" and ")));
        }
        Output::Json => say(stdout(), &serde_json::json!({ "directory": directory, "files": names }).to_string()),
    }
    Ok(ExitCode::SUCCESS)
}
