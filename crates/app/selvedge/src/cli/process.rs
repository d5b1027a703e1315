//! Running a role as a process: one runtime on the main thread, and an orderly end on SIGINT and SIGTERM.

use anyhow::{Context, Result};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a role until it ends. Workers have threads and runtimes of their own.
pub(super) fn run(role: impl Future<Output = Result<()>>) -> Result<ExitCode> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime: raise the limit of open files")?;
    tokio::task::LocalSet::new().block_on(&runtime, role)?;
    Ok(ExitCode::SUCCESS)
}

/// Comes when the process is told to end. Without signals it never comes, and the process ends as it is.
pub(super) async fn end() {
    let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
    let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
