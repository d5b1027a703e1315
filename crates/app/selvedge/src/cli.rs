//! The command line: one file for each command. Exit 0 is yes, 1 is no (findings), 2 is that it could not run.

mod check;
mod init;

use clap::{Parser, Subcommand, ValueEnum};
use std::io::Write;
use std::process::ExitCode;

/// One policy, one identity and one pipeline for the gateway and the mesh.
#[derive(Parser)]
#[command(name = "selvedge", version, arg_required_else_help = true)]
struct Arguments {
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// Write a small commented mesh repository that checks clean.
    Init(init::Arguments),
    /// Check a mesh repository: everything that is wrong, at once.
    Check(check::Arguments),
}

/// Reads the arguments, runs the command, and turns its end into an exit code.
pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Init(init) => init::run(&init, arguments.output),
        Command::Check(check) => check::run(&check, arguments.output),
    };
    done.unwrap_or_else(|error| {
        say(std::io::stderr(), &format!("selvedge: {error:#}"));
        ExitCode::from(2)
    })
}

/// Prints a line. A reader that went away, such as `head`, is not an error of ours.
fn say(mut to: impl Write, line: &str) {
    let _ = writeln!(to, "{}", line.trim_end());
}
