//! Tasks of the repository that are programs: `tidy`, the style rules that run.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks on its terminal")]

mod tidy;

use std::path::Path;
use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some("tidy") => report(&tidy::check(Path::new("."))),
        _ => {
            eprintln!("usage: cargo run -p xtask -- tidy");
            ExitCode::from(2)
        }
    }
}

fn report(found: &[tidy::Finding]) -> ExitCode {
    for finding in found {
        eprintln!("{finding}");
    }
    if found.is_empty() {
        println!("tidy: nothing to mend");
        return ExitCode::SUCCESS;
    }
    eprintln!("tidy: {} to mend", found.len());
    ExitCode::FAILURE
}
