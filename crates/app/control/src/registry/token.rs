//! Join tokens at rest: one file per token, named by the hash of its secret. Taking a token is removing its file, so it
//! works once, also across a crash.

use super::{Key, SERVICES_MAX};
use crate::authority::call::Standing;
use crate::state::{self, State, StateError};
use selvedge_identity::{JoinToken, TrustBundle};
use selvedge_link::{NodeKind, text};
use selvedge_model::Name;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// How long a token can be used, in seconds.
const TOKEN_TTL_S: u64 = 3_600;
/// Tokens that wait to be used.
const TOKENS_MAX: usize = 10_000;
/// Names that the paths of SPIFFE IDs need: `/gateway/<name>` is no service.
const RESERVED: [&str; 3] = ["gateway", "node", "control"];

/// What a join token is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JoinRequest {
    /// Gateway or node.
    pub kind: NodeKind,
    /// Its name.
    pub name: Name,
    /// The services that the node may stand beside; none for a gateway.
    #[serde(default)]
    pub services: Vec<Name>,
    /// Where the node reaches control (`host:port`); by default what control says of itself.
    #[serde(default)]
    pub control: Option<String>,
}

/// What a token needs to say besides its secret; known after control's first start.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Contact {
    pub(crate) trust: TrustBundle,
    /// `host:port` of the link, when there is one address to say.
    pub(crate) control: Option<String>,
    /// The fingerprints that a token pins: of the root that signs, and of the one that is to.
    #[serde(default)]
    pub(crate) pins: Vec<String>,
}

impl Contact {
    /// Pins the root that signs, and the one that is to.
    pub(crate) fn of(standing: &Standing, control: Option<String>) -> Contact {
        let prepared = standing.rotation.prepared_root().map(|slot| slot.id.clone());
        let pins = [Some(standing.active_root().to_owned()), prepared].into_iter().flatten().collect();
        Contact { trust: standing.bundle.clone(), control, pins }
    }
}

/// What a token grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Grant {
    kind: NodeKind,
    name: Name,
    pub(crate) services: Vec<Name>,
    /// In seconds since 1970.
    expires_at: u64,
    /// The fingerprints of the roots that the token pins.
    #[serde(default)]
    pins: Vec<String>,
}

/// Why there is no token, or why one is refused.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// A gateway with services.
    #[error("a gateway has no services: join a node for them")]
    GatewayServices,
    /// A node without services would have nothing to stand beside.
    #[error("a node stands beside at least one service: name it with `--service`")]
    NoServices,
    /// More services than one node may have.
    #[error("a node stands beside at most {SERVICES_MAX} services: use more nodes")]
    ManyServices,
    /// A name that SPIFFE paths need.
    #[error("`{0}` cannot be a service: SPIFFE IDs need that name")]
    Reserved(Name),
    /// Too many tokens wait.
    #[error("{TOKENS_MAX} tokens wait to be used, which is the most: use them, or let them expire")]
    Many,
    /// Nobody said where control is.
    #[error("control has no one address that a node could dial: start it with `--listen ADDRESS:PORT`")]
    NoAddress,
    /// Where control is said to be is no address.
    #[error("control's address {0}")]
    Control(String),
    /// The trust bundle has no root.
    #[error("the trust bundle has no root: the authority's state is damaged")]
    NoRoot,
    /// Never issued, or used already.
    #[error("the join token is unknown or was used already: make a new one with `selvedge identity join-token`")]
    Unknown,
    /// Issued too long ago.
    #[error("the join token expired: make a new one with `selvedge identity join-token`")]
    Expired,
    /// The state directory failed.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Makes a token, and keeps the hash of its secret. `now` is in seconds since 1970.
pub(crate) fn make(state: &State, contact: &Contact, request: &JoinRequest, now: u64) -> Result<JoinToken, TokenError> {
    check(request)?;
    let control = request.control.clone().or_else(|| contact.control.clone()).ok_or(TokenError::NoAddress)?;
    let mut pins = contact.pins.iter().cloned();
    let (root, next_root) = (pins.next().ok_or(TokenError::NoRoot)?, pins.next());
    state::private_directory(&state.tokens())?;
    if sweep(state, now)? >= TOKENS_MAX {
        return Err(TokenError::Many);
    }
    let trust_domain = contact.trust.trust_domain.clone();
    let token = JoinToken { control, trust_domain, root, next_root, secret: selvedge_net::random_bytes().into() };
    let expires_at = now.saturating_add(TOKEN_TTL_S);
    let (name, services, pins) = (request.name.clone(), request.services.clone(), token.roots());
    let grant = Grant { kind: request.kind, name, services, expires_at, pins };
    put_back(state, &token.secret_hash(), &grant)?;
    Ok(token)
}

/// When the last token ends that does not pin `root`, in seconds since 1970; zero when there is none.
pub(crate) fn until(state: &State, root: &str) -> u64 {
    let entries = std::fs::read_dir(state.tokens()).into_iter().flatten().flatten();
    let grants = entries.filter_map(|entry| state::read_json::<Grant>(&entry.path()).ok().flatten());
    grants
        .filter(|grant| !grant.pins.iter().any(|pin| pin == root))
        .map(|grant| grant.expires_at)
        .max()
        .unwrap_or_default()
}

/// Takes a token by the hash of its secret: whoever removes its file has it, and nobody after.
pub(crate) fn take(state: &State, secret_hash: &str, now: u64) -> Result<Grant, TokenError> {
    let path = file(state, secret_hash)?;
    let grant: Grant = state::read_json(&path)?.ok_or(TokenError::Unknown)?;
    if !state::remove(&path)? {
        return Err(TokenError::Unknown);
    }
    if now >= grant.expires_at {
        return Err(TokenError::Expired);
    }
    Ok(grant)
}

/// Gives a token back that was taken and could not be honoured, through no fault of its holder.
pub(crate) fn put_back(state: &State, secret_hash: &str, grant: &Grant) -> Result<(), TokenError> {
    Ok(state::write_json(&file(state, secret_hash)?, grant)?)
}

impl Grant {
    /// Whom the token is for.
    pub(crate) fn key(&self) -> Key {
        (self.kind, self.name.clone())
    }
}

fn check(request: &JoinRequest) -> Result<(), TokenError> {
    match request.kind {
        NodeKind::Gateway if !request.services.is_empty() => return Err(TokenError::GatewayServices),
        NodeKind::Node if request.services.is_empty() => return Err(TokenError::NoServices),
        NodeKind::Gateway | NodeKind::Node => {}
    }
    if let Some(control) = &request.control {
        text::parse_host_port(control).map_err(TokenError::Control)?;
    }
    if request.services.len() > SERVICES_MAX {
        return Err(TokenError::ManyServices);
    }
    match request.services.iter().find(|service| RESERVED.contains(&service.as_str())) {
        Some(reserved) => Err(TokenError::Reserved(reserved.clone())),
        None => Ok(()),
    }
}

/// The file of a token. A hash is hex; nothing else becomes a path.
fn file(state: &State, secret_hash: &str) -> Result<PathBuf, TokenError> {
    if secret_hash.len() != 64 || !secret_hash.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(TokenError::Unknown);
    }
    Ok(state.tokens().join(format!("{secret_hash}.json")))
}

/// Removes expired tokens; how many are left. A file that is not a token is left alone, and counted.
fn sweep(state: &State, now: u64) -> Result<usize, TokenError> {
    let folder = state.tokens();
    let mut left = 0;
    for entry in std::fs::read_dir(&folder).map_err(|error| state::io(&folder, error))? {
        let path = entry.map_err(|error| state::io(&folder, error))?.path();
        let expired = matches!(state::read_json::<Grant>(&path), Ok(Some(grant)) if now >= grant.expires_at);
        if expired {
            state::remove(&path)?;
        } else {
            left += 1;
        }
    }
    Ok(left)
}
