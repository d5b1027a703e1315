//! `control.sock`: where commands on this machine ask a running control, by one JSON line.

use crate::authority;
use crate::registry::token::{self, JoinRequest};
use crate::shared::Shared;
use crate::status::{self, Status};
use crate::{line, say};
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
}

/// What control answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Reply {
    /// A join token, secret and all: the socket is for our own user.
    Token(String),
    Status(Box<Status>),
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
            Ok(ask) => answer(&shared, &ask),
            Err(reason) => Reply::Error(reason),
        };
        line::write(&mut writer, &reply).await
    })
    .await;
}

fn answer(shared: &Shared, ask: &Ask) -> Reply {
    match ask {
        Ask::Status {} => Reply::Status(Box::new(status::of(shared))),
        Ask::JoinToken(request) => match token::make(&shared.state, &shared.contact, request, shared.now_s()) {
            Ok(token) => Reply::Token(token.to_string()),
            Err(error) => Reply::Error(error.to_string()),
        },
    }
}
