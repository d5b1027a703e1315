//! `control.sock`: where commands on this machine ask a running control, by one JSON line.

use crate::authority;
use crate::overview::{self, IdentityOverview};
use crate::registry::token::{self, JoinRequest};
use crate::revoke::{self, RevokeRequest};
use crate::rotate;
use crate::shared::Shared;
use crate::status::{self, Status};
use crate::{line, say};
use selvedge_model::{Name, SpiffeId, WorkloadKind};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

/// Bytes of a question.
const ASK_BYTES_MAX: u64 = 64 * 1024;
/// Questions at a time.
const ASKS_MAX: usize = 16;
/// How long a question and its answer may take.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// Before the next try when accepting failed.
const ACCEPT_RETRY: Duration = Duration::from_millis(50);

/// What a command asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Ask {
    JoinToken(JoinRequest),
    Status {},
    Identity {},
    /// Begins to rotate the root.
    Rotate {},
    /// A root's key may be known to others.
    Taint {
        root: String,
    },
    Revoke(RevokeRequest),
    /// A certificate for a key that the operator holds.
    Issue {
        #[serde(with = "selvedge_link::text::b64")]
        csr: Vec<u8>,
        service: Name,
    },
}

/// What control answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// A join token, secret and all: the socket is for our own user.
    Token(String),
    Status(Box<Status>),
    Identity(Box<IdentityOverview>),
    Done(String),
    Chain(#[serde(with = "selvedge_link::text::b64_list")] Vec<Vec<u8>>),
    Error(String),
}

/// Binds the socket.
pub(crate) fn bind(shared: &Shared) -> std::io::Result<UnixListener> {
    authority::bind(&shared.state.control_socket())
}

/// Answers, for as long as the future is polled.
pub(crate) async fn serve(shared: Arc<Shared>, listener: UnixListener, own_uid: u32) {
    let mut asks = JoinSet::new();
    loop {
        while asks.len() >= ASKS_MAX {
            asks.join_next().await;
        }
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    asks.spawn(one(Arc::clone(&shared), stream, own_uid));
                }
                Err(_) => sleep(ACCEPT_RETRY).await,
            },
            Some(_) = asks.join_next() => {}
        }
    }
}

/// Whether a process may ask: one of our own user, or root.
pub(crate) fn may_ask(caller_uid: u32, own_uid: u32) -> bool {
    caller_uid == own_uid || caller_uid == 0
}

async fn one(shared: Arc<Shared>, stream: UnixStream, own_uid: u32) {
    if !stream.peer_cred().is_ok_and(|caller| may_ask(caller.uid(), own_uid)) {
        say("refused a process of another user at control.sock");
        return;
    }
    let _ = timeout(ASK_TIMEOUT, async {
        let (mut reader, mut writer) = stream.into_split();
        let reply = match line::read(&mut reader, ASK_BYTES_MAX).await {
            Ok(ask) => answer(&shared, ask).await.unwrap_or_else(Reply::Error),
            Err(reason) => Reply::Error(reason),
        };
        line::write(&mut writer, &reply).await
    })
    .await;
}

async fn answer(shared: &Shared, ask: Ask) -> Result<Reply, String> {
    match ask {
        Ask::Status {} => Ok(Reply::Status(Box::new(status::of(shared)))),
        Ask::JoinToken(request) => {
            let token = token::make(&shared.state, &shared.contact(), &request, shared.now_s());
            token.map(|token| Reply::Token(token.to_string())).map_err(|error| error.to_string())
        }
        Ask::Identity {} => Ok(Reply::Identity(Box::new(overview::of(shared)))),
        Ask::Rotate {} => {
            let standing = shared.caller.rotate().await.map_err(|error| error.to_string())?;
            rotate::stand(shared, standing)?;
            shared.rotate_soon.notify_one();
            Ok(Reply::Done("a new root is being distributed; it signs once every node has it".to_owned()))
        }
        Ask::Taint { root } => {
            let standing = shared.caller.taint(root).await.map_err(|error| error.to_string())?;
            rotate::stand(shared, standing)?;
            shared.rotate_soon.notify_one();
            let left_out = rotate::rehearse(shared);
            Ok(Reply::Done(format!("the root is tainted: everybody is issued anew. {}", left_out_words(&left_out))))
        }
        Ask::Revoke(request) => revoke::revoke(shared, &request).await.map(Reply::Done),
        Ask::Issue { csr, service } => issue(shared, csr, service).await.map(Reply::Chain),
    }
}

fn left_out_words(left_out: &[String]) -> String {
    if left_out.is_empty() { "nobody is left out".to_owned() } else { format!("left out:\n{}", left_out.join("\n")) }
}

/// A certificate for a service, by the operator's word.
async fn issue(shared: &Shared, csr: Vec<u8>, service: Name) -> Result<Vec<Vec<u8>>, String> {
    let current = shared.current();
    let checked = &current.documents.checked;
    if !checked.services.contains_key(&service) {
        return Err(format!("no document describes the service `{service}`: write a `Service` of that name"));
    }
    let id = SpiffeId::of(shared.domain(), &WorkloadKind::Service(service));
    let how = "the operator, at control.sock".to_owned();
    shared.caller.svid(csr, id, checked.mesh.workload_ttl_s, how).await.map_err(|error| error.to_string())
}
