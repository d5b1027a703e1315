//! The authority as a child process: started, and started again when it dies.

use crate::say;
use crate::state::State;
use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

/// The first wait before starting it again; doubled each time.
const BACKOFF_MIN: Duration = Duration::from_millis(100);
/// The longest wait.
const BACKOFF_MAX: Duration = Duration::from_secs(10);
/// A child that ran this long was well: the next wait is the first again.
const WELL_AFTER: Duration = Duration::from_secs(30);

/// Keeps a child running, for as long as the future is polled. Dropping it kills the child; if control itself is killed,
/// the child sees its standard input close and ends.
pub(crate) async fn keep_running(program: PathBuf, args: Vec<OsString>, state: Arc<State>) {
    let mut backoff = BACKOFF_MIN;
    loop {
        let started = Instant::now();
        // The environment of control is none of its business, whatever secrets it may have.
        let child = Command::new(&program)
            .args(&args)
            .arg("--state")
            .arg(state.root())
            .arg("--socket")
            .arg(state.authority_socket())
            .env_clear()
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let ended = match child {
            Ok(mut child) => {
                // Taken, since waiting closes a child's standard input, and that would end it.
                let _stdin = child.stdin.take();
                child.wait().await.map_or_else(|error| error.to_string(), |status| status.to_string())
            }
            Err(error) => format!("cannot start `{}`: {error}", program.display()),
        };
        if started.elapsed() >= WELL_AFTER {
            backoff = BACKOFF_MIN;
        }
        say(&format!("the authority ended ({ended}): starting it again in {} ms", backoff.as_millis()));
        sleep(backoff).await;
        backoff = (backoff * 2).min(BACKOFF_MAX);
    }
}
