//! Running a role as a process: one runtime on the main thread, and an orderly end on SIGINT and SIGTERM.

use anyhow::{Context, Result};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Runs a role until it ends. Workers have threads and runtimes of their own.
pub(super) fn run(role: impl Future<Output = Result<()>>) -> Result<ExitCode> {
    // Connections of local processes must not take the descriptors of the data plane.
    selvedge_net::raise_descriptors();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime: raise the limit of open files")?;
    tokio::task::LocalSet::new().block_on(&runtime, role)?;
    Ok(ExitCode::SUCCESS)
}

/// Comes when standard input closes: whoever started this process has ended, however it did.
pub(super) async fn stdin_closed() {
    let (ended, closed) = tokio::sync::oneshot::channel::<()>();
    // The thread ends with the stream or with the process.
    drop(std::thread::spawn(move || {
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(ended);
    }));
    let _ = closed.await;
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
