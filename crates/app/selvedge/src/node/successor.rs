//! Between a gateway or node that runs and the process after it: a unix socket in its state directory, which only its own
//! user reaches. Over it a new process takes the listening sockets, and `selvedge drain` and `reload` are heard.

use anyhow::{Context, Result};
use selvedge_net::handover::{self, Held};
use selvedge_proxy::Proxy;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixListener;
use tokio::sync::Notify;

/// What is asked for, in one byte.
const TAKE_OVER: u8 = b'T';
const DRAIN: u8 = b'D';
const RELOAD: u8 = b'L';
/// The answer: done, or ready to serve.
const DONE: u8 = b'R';
/// How long the new process may take until it serves: it may have to wait for certificates.
const READY_TIMEOUT: Duration = Duration::from_secs(120);
/// How long whoever connects may take to say what it wants.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// The process that serves until we do.
#[derive(Debug)]
pub(crate) struct Predecessor(UnixStream);

/// Why a process is to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Leaves {
    /// Another serves in its place.
    Succeeded,
    /// Somebody said so.
    Told,
}

fn place(state: &Path) -> PathBuf {
    state.join("process.sock")
}

/// The listening sockets of the process that runs with this state, if there is one.
pub(crate) async fn take(state: &Path) -> Option<(Predecessor, Vec<Held>)> {
    let place = place(state);
    let taking = tokio::task::spawn_blocking(move || {
        let mut stream = UnixStream::connect(place).ok()?;
        stream.write_all(&[TAKE_OVER]).ok()?;
        let held = handover::take(&mut stream).ok()?;
        Some((Predecessor(stream), held))
    });
    taking.await.ok()?
}

impl Predecessor {
    /// Tells it that we serve now.
    pub(crate) fn dismiss(mut self) {
        // One that has gone needs no word.
        let _ = self.0.write_all(&[DONE]);
    }
}

/// Tells the process that runs with this state to drain or to reload.
///
/// # Errors
/// When there is none, or it does not answer.
pub(crate) fn tell(state: &Path, drain: bool) -> Result<()> {
    let place = place(state);
    let none = || format!("no gateway or node runs with the state `{}`: say which with --state", state.display());
    let mut stream = UnixStream::connect(&place).with_context(none)?;
    stream.set_read_timeout(Some(ASK_TIMEOUT))?;
    stream.write_all(&[if drain { DRAIN } else { RELOAD }])?;
    let mut word = [0];
    stream.read_exact(&mut word).context("the process does not answer: look at its log")?;
    Ok(())
}

/// Listens in the place of whoever did before.
fn listen(state: &Path) -> Result<UnixListener> {
    let (place, new) = (place(state), state.join("process.sock.new"));
    // One that a process left that was killed while it started.
    let _ = std::fs::remove_file(&new);
    let listener = UnixListener::bind(&new).with_context(|| format!("cannot listen on `{}`", new.display()))?;
    std::fs::set_permissions(&new, std::fs::Permissions::from_mode(0o600))?;
    std::fs::rename(&new, &place).with_context(|| format!("cannot make `{}`", place.display()))?;
    Ok(listener)
}

/// Hears what is asked until this process is to end.
///
/// # Errors
/// When the socket cannot be made: hot restarts are not possible then, and everything else is.
pub(crate) async fn hear(state: &Path, proxy: Arc<Proxy>, admin: Option<Held>, reload: &Notify) -> Result<Leaves> {
    let listener = listen(state)?;
    loop {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let Ok(mut stream) = stream.into_std() else { continue };
        let (asked, back) = match blocking(move || ask(&mut stream).map(|word| (word, stream))).await {
            Some(asked) => asked,
            None => continue,
        };
        match asked {
            TAKE_OVER => {
                let Ok(mut sockets) = proxy.share().await else { continue };
                let copy = admin.as_ref().and_then(|(at, socket)| Some((*at, socket.try_clone().ok()?)));
                sockets.extend(copy);
                if blocking(move || succeeded(back, &sockets)).await.is_some() {
                    return Ok(Leaves::Succeeded);
                }
            }
            DRAIN => {
                answer(back);
                return Ok(Leaves::Told);
            }
            RELOAD => {
                reload.notify_one();
                answer(back);
            }
            _ => {}
        }
    }
}

fn ask(stream: &mut UnixStream) -> Option<u8> {
    stream.set_nonblocking(false).ok()?;
    stream.set_read_timeout(Some(ASK_TIMEOUT)).ok()?;
    let mut word = [0];
    stream.read_exact(&mut word).ok()?;
    Some(word[0])
}

fn answer(mut stream: UnixStream) {
    // Whoever asked may have gone; what was asked is done all the same.
    let _ = stream.write_all(&[DONE]);
}

/// Gives the sockets, and waits until the new process serves. `None`: it never did, and we go on.
fn succeeded(mut stream: UnixStream, sockets: &[Held]) -> Option<()> {
    handover::give(&mut stream, sockets).ok()?;
    stream.set_read_timeout(Some(READY_TIMEOUT)).ok()?;
    let mut word = [0];
    stream.read_exact(&mut word).ok()?;
    (word == [DONE]).then_some(())
}

async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Option<T> + Send + 'static) -> Option<T> {
    tokio::task::spawn_blocking(work).await.ok()?
}
