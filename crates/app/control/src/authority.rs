//! The authority: the process that holds the keys which sign. It has no network listener; it answers calls on a unix
//! socket, to processes of its own user alone, and ends when control does.
//!
//! It checks what belongs to keys (proof of possession, the trust domain, lifetimes), and logs each serial before it
//! answers. Who may have which identity is control's to decide.

pub(crate) mod call;
pub(crate) mod caller;
pub(crate) mod child;
mod keys;
mod serials;

use crate::line;
use crate::state::{self, StateError};
use call::{Answer, Call, Standing};
use keys::Keys;
use selvedge_identity::{IssueError, JwtTerms, Pace, Realm, Step, Terms};
use serials::Serials;
use std::future::Future;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Mutex, oneshot};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Calls at a time; control makes fewer.
const CALLS_MAX: usize = 32;
/// How long a caller may take to say what it wants.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Before the next try when accepting failed, mostly for want of file descriptors.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// Why the authority cannot run.
#[derive(Debug, thiserror::Error)]
pub enum AuthorityError {
    /// Its directory or files.
    #[error(transparent)]
    State(#[from] StateError),
    /// The keys on disk do not fit together.
    #[error("the authority's keys in `{path}` cannot be used: {reason}", path = path.display())]
    Keys {
        /// Their directory.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// New keys could not be made, or an intermediate renewed.
    #[error("the authority cannot make its certificates: {0}")]
    Create(#[from] IssueError),
    /// The keys are for another trust domain.
    #[error("the keys in this state directory are for the trust domain `{have}`, not `{asked}`: name another --state")]
    TrustDomain {
        /// Whose keys there are.
        have: String,
        /// What was asked for.
        asked: String,
    },
    /// The socket or the runtime.
    #[error("cannot serve on `{path}`: {error}", path = path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

/// Runs the authority until its standard input closes: the child process of control. Keys are in `state`/authority.
///
/// # Errors
/// When its directory, keys or socket cannot be used.
pub fn run(state: &Path, socket: &Path) -> Result<(), AuthorityError> {
    let unusable = |error| AuthorityError::Socket { path: socket.to_owned(), error };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(unusable)?;
    let (closed, stop) = oneshot::channel::<()>();
    let watch = move || {
        // Whatever control writes there is ignored; the end of it is the sign.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        drop(closed);
    };
    std::thread::Builder::new().name("stdin".to_owned()).spawn(watch).map_err(unusable)?;
    runtime.block_on(serve(state, socket, async move {
        let _ = stop.await;
    }))
}

/// Serves calls until `stop` is done.
///
/// # Errors
/// As [`run`].
pub async fn serve(state: &Path, socket: &Path, stop: impl Future<Output = ()>) -> Result<(), AuthorityError> {
    let unusable = |error| AuthorityError::Socket { path: socket.to_owned(), error };
    let own_uid = own_uid().map_err(unusable)?;
    let directory = state.join("authority");
    state::private_directory(&directory)?;
    state::check_private(&directory, Some(own_uid))?;
    let office = Arc::new(Mutex::new(Office {
        keys: Keys::open(&directory, own_uid)?,
        serials: Serials::open(&directory.join("issued.jsonl"), own_uid)?,
    }));
    let listener = bind(socket).map_err(unusable)?;
    let mut calls = JoinSet::new();
    tokio::pin!(stop);
    loop {
        while calls.len() >= CALLS_MAX {
            calls.join_next().await;
        }
        tokio::select! {
            () = &mut stop => return Ok(()),
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    calls.spawn(connection(stream, own_uid, Arc::clone(&office)));
                }
                Err(_) => sleep(ACCEPT_RETRY).await,
            },
            Some(_) = calls.join_next() => {}
        }
    }
}

/// Binds a unix socket that only our user can connect to. A leftover of a former process is removed first.
pub(crate) fn bind(path: &Path) -> std::io::Result<UnixListener> {
    use std::os::unix::fs::FileTypeExt;
    if std::fs::symlink_metadata(path).is_ok_and(|found| found.file_type().is_socket()) {
        std::fs::remove_file(path)?;
    }
    let listener = UnixListener::bind(path)?;
    // Until this line the directory's mode and the check of the caller's uid keep others out.
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Our own user, by the kernel's word. Must be called inside a runtime.
pub(crate) fn own_uid() -> std::io::Result<u32> {
    let (one, _other) = UnixStream::pair()?;
    Ok(one.peer_cred()?.uid())
}

/// Whether a caller may use the keys: our own user alone, and not root either, which has its own ways.
fn may_call(caller_uid: u32, own_uid: u32) -> bool {
    caller_uid == own_uid
}

/// Everything behind the socket. A mutex guards it, held for one call: signatures and the serial log are in one order.
struct Office {
    keys: Keys,
    serials: Serials,
}

async fn connection(stream: UnixStream, own_uid: u32, office: Arc<Mutex<Office>>) {
    if !stream.peer_cred().is_ok_and(|caller| may_call(caller.uid(), own_uid)) {
        return;
    }
    let _ = timeout(CALL_TIMEOUT, async {
        let (mut reader, mut writer) = stream.into_split();
        let answer = match line::read(&mut reader, call::LINE_BYTES_MAX).await {
            Ok(call) => office.lock().await.answer(call),
            Err(reason) => Answer::Refused(reason),
        };
        line::write(&mut writer, &answer).await
    })
    .await;
}

impl Office {
    fn answer(&mut self, call: Call) -> Answer {
        self.try_answer(call).unwrap_or_else(Answer::Refused)
    }

    fn try_answer(&mut self, call: Call) -> Result<Answer, String> {
        let now = selvedge_net::now_s();
        let refused = |error: IssueError| error.to_string();
        let failed = |error: AuthorityError| error.to_string();
        match call {
            Call::Open { trust_domain } => {
                self.keys.open_for(&trust_domain, now).map_err(failed)?;
                self.standing(Vec::new())
            }
            Call::Svid { csr, id, ttl_s, how } => {
                let terms = Terms { ttl_s, now, serial: serial() };
                let realm = self.keys.for_leaf(ttl_s).map_err(failed)?.ok_or_else(closed)?;
                let chain =
                    realm.active().and_then(|signs| signs.issue_svid(&csr, &id, &[], &terms)).map_err(refused)?;
                self.serials.note(&terms, id.as_str(), &how)?;
                Ok(Answer::Chain(chain))
            }
            Call::Server { csr, hosts, ttl_s, how } => {
                let terms = Terms { ttl_s, now, serial: serial() };
                let realm = self.keys.for_leaf(ttl_s).map_err(failed)?.ok_or_else(closed)?;
                let chain =
                    realm.active().and_then(|signs| signs.issue_server(&csr, &hosts, &terms)).map_err(refused)?;
                let names: Vec<&str> = hosts.iter().map(|host| host.as_str()).collect();
                self.serials.note(&terms, &names.join(","), &how)?;
                Ok(Answer::Chain(chain))
            }
            Call::Jwt { id, audiences, ttl_s } => {
                let realm = self.keys.realm().ok_or_else(closed)?;
                let terms = JwtTerms { audiences: &audiences, ttl_s, now };
                let issued = realm.jwt_key().map_err(refused)?.issue(realm.trust_domain(), &id, &terms);
                issued.map(Answer::Token).map_err(|error| error.to_string())
            }
            Call::Sign { message } => {
                let signs = self.keys.realm().ok_or_else(closed)?.active().map_err(refused)?;
                Ok(Answer::Signature(signs.sign(message.as_bytes()).map_err(refused)?))
            }
            Call::Advance { receipts, leaf_ttl_s } => {
                let steps = self.keys.advance(now, &receipts, Pace::of(leaf_ttl_s)).map_err(failed)?;
                self.standing(steps)
            }
            Call::Rotate {} => {
                self.keys.ask().map_err(failed)?;
                self.standing(Vec::new())
            }
            Call::Taint { root } if self.keys.taint(&root).map_err(failed)? => self.standing(Vec::new()),
            Call::Taint { root } => Err(format!("no root has the fingerprint `{root}`: see `selvedge identity show`")),
            Call::Living { how } => Ok(Answer::Living(self.serials.living(&how, now)?)),
        }
    }

    fn standing(&self, steps: Vec<Step>) -> Result<Answer, String> {
        let realm: &Realm = self.keys.realm().ok_or_else(closed)?;
        let signs = realm.active().map_err(|error| error.to_string())?;
        let (bundle, rotation) = (realm.bundle(), realm.rotation().clone());
        let standing = Standing { bundle, rotation, intermediate: signs.intermediate_life(), steps };
        Ok(Answer::Standing(Box::new(standing)))
    }
}

fn closed() -> String {
    "the authority is not open: say first for which trust domain".to_owned()
}

/// 127 random bits, so that the number is positive as it is written (RFC 5280 §4.1.2.2), and never zero.
fn serial() -> [u8; 16] {
    let mut serial: [u8; 16] = selvedge_net::random_bytes();
    if let Some(first) = serial.first_mut() {
        *first = *first & 0x7f | 0x40;
    }
    serial
}

#[cfg(test)]
mod tests;
