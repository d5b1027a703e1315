//! The program `selvedge`.

mod cli;
mod demo;
mod node;
mod repository;
mod say;

use std::process::ExitCode;

/// Measured in `bench/`: the system's allocator costs a request about a tenth more.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    cli::run()
}
