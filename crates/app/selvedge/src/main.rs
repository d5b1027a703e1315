//! The program `selvedge`.

mod cli;
mod repository;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run()
}
