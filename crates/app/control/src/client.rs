//! Commands beside a running control: they ask it through `control.sock` in its state directory. Blocking, for commands.

use crate::overview::IdentityOverview;
use crate::registry::token::{self, Contact, JoinRequest, TokenError};
use crate::revoke::RevokeRequest;
use crate::socket::{Ask, Reply};
use crate::state::{self, State, StateError};
use crate::status::Status;
use selvedge_identity::{JoinToken, JoinTokenError};
use selvedge_model::Name;
use std::io::{BufRead, BufReader, ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long control may take to answer.
const TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of an answer.
const REPLY_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Why a command got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// No control runs there.
    #[error("no control runs with the state directory `{}`: start one with `selvedge control`", .0.display())]
    NotRunning(PathBuf),
    /// No control ever ran there, so there is no root certificate that a token could pin.
    #[error("no control ever ran with the state directory `{}`: start it once with `selvedge control`", .0.display())]
    NeverRan(PathBuf),
    /// The socket failed.
    #[error("control does not answer at `{path}`: {error}", path = path.display())]
    Socket {
        /// The socket.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The answer was no.
    #[error("{0}")]
    Refused(String),
    /// The answer was to another question.
    #[error("control gave an answer of another kind: it is of another version")]
    Confused,
    /// The token that control gave cannot be read.
    #[error(transparent)]
    Garbled(#[from] JoinTokenError),
    /// The token could not be made here.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The state directory.
    #[error(transparent)]
    State(#[from] StateError),
}

/// The status of the control that runs with this state directory.
///
/// # Errors
/// When none runs there, or it does not answer.
pub fn status(state: &Path) -> Result<Status, ClientError> {
    match ask(state, &Ask::Status {})? {
        Reply::Status(status) => Ok(*status),
        Reply::Error(reason) => Err(ClientError::Refused(reason)),
        _ => Err(ClientError::Confused),
    }
}

/// Where the identities of the mesh stand, by the control that runs with this state directory.
///
/// # Errors
/// When none runs there, or it does not answer.
pub fn identity(state: &Path) -> Result<IdentityOverview, ClientError> {
    match ask(state, &Ask::Identity {})? {
        Reply::Identity(overview) => Ok(*overview),
        Reply::Error(reason) => Err(ClientError::Refused(reason)),
        _ => Err(ClientError::Confused),
    }
}

/// Begins to rotate the root; the answer says what happens now.
///
/// # Errors
/// When no control runs there, or it refuses.
pub fn rotate(state: &Path) -> Result<String, ClientError> {
    done(ask(state, &Ask::Rotate {})?)
}

/// Says that the key of the root with this fingerprint may be known to others.
///
/// # Errors
/// When no control runs there, or there is no such root.
pub fn taint(state: &Path, root: &str) -> Result<String, ClientError> {
    done(ask(state, &Ask::Taint { root: root.to_owned() })?)
}

/// Revokes; the answer says what was done.
///
/// # Errors
/// When no control runs there, or there is nothing of that name.
pub fn revoke(state: &Path, request: &RevokeRequest) -> Result<String, ClientError> {
    done(ask(state, &Ask::Revoke(request.clone()))?)
}

/// A certificate for the key of a request (PKCS#10, DER): the chain, leaf first, DER.
///
/// # Errors
/// When no control runs there, or it refuses.
pub fn issue(state: &Path, csr: Vec<u8>, service: &Name) -> Result<Vec<Vec<u8>>, ClientError> {
    match ask(state, &Ask::Issue { csr, service: service.clone() })? {
        Reply::Chain(chain) => Ok(chain),
        Reply::Error(reason) => Err(ClientError::Refused(reason)),
        _ => Err(ClientError::Confused),
    }
}

fn done(reply: Reply) -> Result<String, ClientError> {
    match reply {
        Reply::Done(words) => Ok(words),
        Reply::Error(reason) => Err(ClientError::Refused(reason)),
        _ => Err(ClientError::Confused),
    }
}

/// A join token: from the control that runs with this state directory; or, when none runs, written into the directory
/// for the next one.
///
/// # Errors
/// When the request is refused, or no control ever ran there.
pub fn join_token(state: &Path, request: &JoinRequest) -> Result<JoinToken, ClientError> {
    match ask(state, &Ask::JoinToken(request.clone())) {
        Ok(Reply::Token(token)) => Ok(JoinToken::parse(&token)?),
        Ok(Reply::Error(reason)) => Err(ClientError::Refused(reason)),
        Ok(_) => Err(ClientError::Confused),
        Err(ClientError::NotRunning(_)) => {
            let here = State::visit(state);
            let contact: Option<Contact> = state::read_json(&here.contact())?;
            let contact = contact.ok_or_else(|| ClientError::NeverRan(state.to_owned()))?;
            Ok(token::make(&here, &contact, request, selvedge_net::now_s())?)
        }
        Err(other) => Err(other),
    }
}

fn ask(state: &Path, ask: &Ask) -> Result<Reply, ClientError> {
    let path = State::visit(state).control_socket();
    let failed = |error| ClientError::Socket { path: path.clone(), error };
    let mut stream = match UnixStream::connect(&path) {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
            return Err(ClientError::NotRunning(state.to_owned()));
        }
        Err(error) => return Err(failed(error)),
    };
    stream.set_read_timeout(Some(TIMEOUT)).map_err(failed)?;
    stream.set_write_timeout(Some(TIMEOUT)).map_err(failed)?;
    let mut line = serde_json::to_vec(ask).map_err(|_| ClientError::Confused)?;
    line.push(b'\n');
    stream.write_all(&line).map_err(failed)?;
    let mut reply = Vec::new();
    BufReader::new(stream.take(REPLY_BYTES_MAX)).read_until(b'\n', &mut reply).map_err(failed)?;
    serde_json::from_slice(&reply).map_err(|_| ClientError::Confused)
}
