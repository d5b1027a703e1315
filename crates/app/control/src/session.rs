//! A session with one node: hello, then trust and bundle, then whatever changes, until one side ends it.

use crate::grant::{self, Granted};
use crate::live::Seat;
use crate::registry::Key;
use crate::rotate::session_of;
use crate::say;
use crate::shared::Shared;
use selvedge_identity::JwtKey;
use selvedge_link::{Closed, ControlEnd, FromNode, NodeInfo, NodeKind, ToNode, Want};
use selvedge_model::{Name, SpiffeId, WorkloadKind};
use std::sync::Arc;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a node may take to say hello.
const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Certificates that one node may wait for at a time.
const ISSUES_MAX: usize = 16;

/// Serves a node that proved who it is. `not_after` is the end of its certificate, in seconds since 1970: the session
/// ends with it, and the node comes back with a newer one.
pub(crate) async fn serve(shared: Arc<Shared>, mut end: ControlEnd, not_after: Option<u64>) {
    match begin(&shared, &mut end).await {
        Ok(seat) => {
            let (kind, name) = &seat.key;
            say(&format!("the {kind} `{name}` is connected"));
            let why = match talk(&shared, &mut end, &seat, not_after).await {
                Ok(why) => why,
                Err(Closed) => end.reason().map_or_else(|| "it closed".to_owned(), ToString::to_string),
            };
            shared.world().live.leave(&seat);
            say(&format!("the {kind} `{name}` is away: {why}"));
        }
        Err(reason) => {
            let peer = end.peer.as_ref().map_or("nobody", SpiffeId::as_str);
            say(&format!("refused `{peer}`: {reason}"));
            let _ = end.send(ToNode::Refused { ticket: None, reason }).await;
        }
    }
}

/// The key of a peer that may have a session.
fn key_of(shared: &Shared, peer: Option<&SpiffeId>) -> Result<Key, String> {
    let peer = peer.ok_or("a session needs a certificate: join first")?;
    if peer.trust_domain() != shared.domain().as_str() {
        return Err(format!("`{peer}` is of another trust domain"));
    }
    match peer.kind() {
        Ok(WorkloadKind::Gateway(name)) => Ok((NodeKind::Gateway, name)),
        Ok(WorkloadKind::Node(name)) => Ok((NodeKind::Node, name)),
        Ok(WorkloadKind::Service(_) | WorkloadKind::Control(_)) | Err(_) => {
            Err(format!("`{peer}` is neither a gateway nor a node"))
        }
    }
}

async fn begin(shared: &Shared, end: &mut ControlEnd) -> Result<Seat, String> {
    let key = key_of(shared, end.peer.as_ref())?;
    match timeout(HELLO_TIMEOUT, end.recv()).await {
        Ok(Some(FromNode::Hello { node, enforced })) => {
            greet(shared, &key, &node)?;
            let now = shared.now_s();
            let mut world = shared.world();
            let seat = world.live.enter(&key, now);
            if let Some(heard) = world.live.of(&seat) {
                heard.enforced = enforced;
                heard.version = node.version.chars().take(64).collect();
            }
            Ok(seat)
        }
        Ok(Some(_)) => Err("the first message of a session is Hello".to_owned()),
        Ok(None) => Err("it closed before it said hello".to_owned()),
        Err(_) => Err("it did not say hello in time".to_owned()),
    }
}

/// Hears a Hello: it must name the peer itself, and services that were granted.
fn greet(shared: &Shared, key: &Key, info: &NodeInfo) -> Result<(), String> {
    let (kind, name) = key;
    if (info.kind, &info.name) != (*kind, name) {
        return Err(format!("its certificate is of the {kind} `{name}`, and it says that it is another"));
    }
    let mut world = shared.world();
    if world.registry.hello(info).map_err(|error| error.to_string())? {
        // Also when it cannot be kept: then it is said again after a restart, by the next Hello.
        if let Err(error) = world.keep_registry(&shared.state) {
            say(&error.to_string());
        }
        shared.registered_changed.notify_one();
    }
    Ok(())
}

async fn talk(
    shared: &Arc<Shared>,
    end: &mut ControlEnd,
    seat: &Seat,
    not_after: Option<u64>,
) -> Result<String, Closed> {
    let mut published = shared.published.subscribe();
    let mut trust = shared.trust.subscribe();
    let mut told = shared.trust();
    end.send(ToNode::Trust(told.clone())).await?;
    trust.mark_changed();
    published.mark_changed();
    let mut issues = JoinSet::<ToNode>::new();
    loop {
        // A remote node's beats come every 10 s, so this is seen soon, also by a clock that was set.
        if not_after.is_some_and(|end| shared.now_s() > end) {
            return Ok("its certificate ended".to_owned());
        }
        let answer = tokio::select! {
            message = end.recv() => match hear(shared, seat, message.ok_or(Closed)?, &mut issues) {
                Ok(answer) => answer,
                Err(reason) => {
                    end.send(ToNode::Refused { ticket: None, reason: reason.clone() }).await?;
                    return Ok(reason);
                }
            },
            changed = published.changed() => {
                changed.map_err(|_| Closed)?;
                Some(ToNode::Bundle(published.borrow_and_update().signed.clone()))
            }
            changed = trust.changed() => {
                changed.map_err(|_| Closed)?;
                let standing = Arc::clone(&trust.borrow_and_update());
                if standing.bundle != told {
                    told = standing.bundle.clone();
                    end.send(ToNode::Trust(told.clone())).await?;
                }
                standing.is_urgent().then(|| ToNode::Renew { root: standing.active_root().to_owned() })
            }
            Some(issued) = issues.join_next() => issued.ok(),
            () = seat.replaced.notified() => return Ok(replaced(shared, seat)),
        };
        if let Some(answer) = answer {
            end.send(answer).await?;
        }
    }
}

/// Why the session is not to go on: another has its place, or the node was un-enrolled.
fn replaced(shared: &Shared, seat: &Seat) -> String {
    let is_enrolled = shared.world().registry.node(&seat.key).is_some();
    let why = if is_enrolled { "a newer connection took its place" } else { "it was revoked" };
    why.to_owned()
}

/// Hears one message; the error ends the session.
fn hear(
    shared: &Arc<Shared>,
    seat: &Seat,
    message: FromNode,
    issues: &mut JoinSet<ToNode>,
) -> Result<Option<ToNode>, String> {
    let now = shared.now_s();
    if let Some(heard) = shared.world().live.of(seat) {
        heard.last_seen = now;
    }
    match message {
        FromNode::Join { .. } => Err("a join is for a connection without a certificate".to_owned()),
        FromNode::Hello { node, .. } => greet(shared, &seat.key, &node).map(|()| None),
        FromNode::Receipt { revision, plan, refused, certificates, trust, clock } => {
            if let Some(heard) = shared.world().live.of(seat) {
                heard.receive(plan, refused, certificates);
                heard.trusts(trust, revision, clock.cast_signed().saturating_sub(now.cast_signed()));
            }
            shared.rotate_soon.notify_one();
            Ok(None)
        }
        FromNode::Issue { ticket, want, csr } if issues.len() < ISSUES_MAX => {
            let (shared, key) = (Arc::clone(shared), seat.key.clone());
            // Beside the session: while the authority is away, bundles still go out.
            issues.spawn(async move {
                match issue(&shared, &key, &want, csr).await {
                    Ok(chain) => ToNode::Issued { ticket, chain },
                    Err(reason) => {
                        say(&format!("no certificate for the {} `{}`: {reason}", key.0, key.1));
                        ToNode::Refused { ticket: Some(ticket), reason }
                    }
                }
            });
            Ok(None)
        }
        FromNode::IssueJwt { ticket, service, audiences } if issues.len() < ISSUES_MAX => {
            let (shared, key) = (Arc::clone(shared), seat.key.clone());
            issues.spawn(async move {
                match issue_jwt(&shared, &key, &service, audiences).await {
                    Ok(token) => ToNode::Jwt { ticket, token },
                    Err(reason) => ToNode::Refused { ticket: Some(ticket), reason },
                }
            });
            Ok(None)
        }
        FromNode::Issue { ticket, .. } | FromNode::IssueJwt { ticket, .. } => {
            let reason = format!("{ISSUES_MAX} certificates are being issued: ask again when one is here");
            Ok(Some(ToNode::Refused { ticket: Some(ticket), reason }))
        }
        FromNode::Ping => Ok(None),
    }
}

async fn issue(shared: &Shared, key: &Key, want: &Want, csr: Vec<u8>) -> Result<Vec<Vec<u8>>, String> {
    let current = shared.current();
    let checked = &current.documents.checked;
    let node = shared.world().registry.node(key).cloned();
    let node = node.ok_or_else(|| format!("the {} `{}` is not registered: join it again", key.0, key.1))?;
    let ttl_s = checked.mesh.workload_ttl_s;
    let issued = match grant::decide(key, &node, want, checked)? {
        Granted::Svid(id) => shared.caller.svid(csr, id, ttl_s, session_of(key)).await,
        Granted::Server(hosts) => shared.caller.server(csr, hosts, ttl_s, session_of(key)).await,
    };
    let chain = issued.map_err(|error| error.to_string())?;
    let mut world = shared.world();
    if world.registry.node(key).is_none() {
        // Revoked while the authority signed: it was noted as issued, and is revoked with the rest or never shown.
        return Err(format!("the {} `{}` was revoked", key.0, key.1));
    }
    world.live.was_given(key, shared.now_s().saturating_add(ttl_s));
    Ok(chain)
}

/// A JWT-SVID for a service that the node was granted.
async fn issue_jwt(shared: &Shared, key: &Key, service: &Name, audiences: Vec<String>) -> Result<String, String> {
    let current = shared.current();
    let node = shared.world().registry.node(key).cloned();
    let node = node.ok_or_else(|| format!("the {} `{}` is not registered: join it again", key.0, key.1))?;
    match grant::decide(key, &node, &Want::Service(service.clone()), &current.documents.checked)? {
        Granted::Svid(id) => shared.caller.jwt(id, audiences, JwtKey::TTL_S).await.map_err(|error| error.to_string()),
        Granted::Server(_) => Err("an edge certificate has no token".to_owned()),
    }
}
