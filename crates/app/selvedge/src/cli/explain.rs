//! `selvedge explain`: every hop of a decision, or one that was not made yet: the rule that allows it, or what each rule
//! lacked, who wrote it, and the smallest change that would allow it.

mod asked;
mod blame;
mod page;
mod recorded;

use super::Output;
use anyhow::{Result, bail};
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// A decision id, from the answer's `selvedge-decision` field or its body; with --from and --to a request such as
    /// "GET /orders", or nothing for a TCP port.
    what: Option<String>,
    /// The mesh repository, whose rules are explained, and blamed when it is a Git checkout.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// The mesh repository, as an option.
    #[arg(long = "dir", conflicts_with = "directory")]
    other_directory: Option<PathBuf>,
    /// A state directory, or one with several in it; may be given again. `.selvedge` otherwise.
    #[arg(long, conflicts_with = "from")]
    state: Vec<PathBuf>,
    /// Who would call: `gateway:NAME`, `gateway:NAME@HOST` or `service:NAME`.
    #[arg(long, requires = "to")]
    from: Option<String>,
    /// What would be called: `SERVICE` or `SERVICE:PORT`.
    #[arg(long, requires = "from")]
    to: Option<String>,
    /// With --from: a file with the claims of an access token, as JSON.
    #[arg(long, requires = "from")]
    token: Option<PathBuf>,
    /// With --from: a request field, `name: value`; may be given again.
    #[arg(long, requires = "from")]
    header: Vec<String>,
    /// With --from: the client's address.
    #[arg(long, requires = "from")]
    client: Option<std::net::IpAddr>,
    /// With --from: the time, in seconds since 1970; now otherwise.
    #[arg(long, requires = "from")]
    time: Option<u64>,
}

impl Arguments {
    fn directory(&self) -> &std::path::Path {
        self.other_directory.as_deref().unwrap_or(&self.directory)
    }
}

/// Exit 0: found, or it would be allowed. Exit 1: no record has that id, or it would be denied.
pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    match (&arguments.from, &arguments.to, &arguments.what) {
        (Some(from), Some(to), _) => asked::run(arguments, (from, to), output),
        (_, _, Some(id)) => recorded::run(arguments, id, output),
        (_, _, None) => bail!("name a decision id, or say --from and --to"),
    }
}
