//! JWT-SVIDs for the workloads of a node: asked of control, kept until half of their life is over, and checked against the
//! trust bundle without asking anybody.

use selvedge_identity::{JwtSvid, TrustBundle};
use selvedge_link::FromNode;
use selvedge_model::{Name, SpiffeId};
use selvedge_net::now_s;
use selvedge_workload::{Later, TokenError, Tokens, Validated, View};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::{Semaphore, mpsc, oneshot, watch};
use zeroize::Zeroizing;

/// How long a workload waits for control. With control away, a call fails after it rather than hangs.
const ANSWER_MAX: Duration = Duration::from_secs(5);
/// Tokens that are being made at once: half of what control makes for one node, so that certificates are never behind.
const OPEN_MAX: usize = 8;
/// Wishes of one identity at once: a workload that asks for ever new audiences holds nobody else up.
const WAITING_PER_ID_MAX: usize = 16;
/// Wishes of all identities that wait to be sent.
const QUEUE_MAX: usize = 256;
/// Tokens that are kept for one identity: a workload speaks to a handful of others.
const KEPT_PER_ID_MAX: usize = 64;
/// Tickets from here on are for tokens, those below it for certificates.
const TICKETS: u64 = 1 << 32;
/// After so many seconds the keys are worth fetching again; whoever holds the stream is told at once.
const REFRESH_HINT_S: u64 = 300;

type Answer = Result<Zeroizing<String>, String>;

/// What the Workload API asks.
#[derive(Clone)]
pub(crate) struct Desk {
    views: watch::Receiver<Option<Arc<View>>>,
    wishes: mpsc::Sender<Wish>,
    kept: Arc<Mutex<BTreeMap<SpiffeId, OfOne>>>,
}

/// What one identity has.
struct OfOne {
    turns: Arc<Semaphore>,
    tokens: BTreeMap<Vec<String>, Token>,
}

#[derive(Clone)]
struct Token {
    text: Zeroizing<String>,
    renew_at: u64,
}

#[derive(Debug)]
struct Wish {
    service: Name,
    audiences: Vec<String>,
    answer: oneshot::Sender<Answer>,
}

/// The agent's half: what is to be asked of control, and what was.
#[derive(Debug)]
pub(crate) struct Wishes {
    queue: mpsc::Receiver<Wish>,
    open: BTreeMap<u64, Wish>,
    tickets: u64,
}

/// Both halves.
pub(crate) fn desk(views: watch::Receiver<Option<Arc<View>>>) -> (Desk, Wishes) {
    let (wishes, queue) = mpsc::channel(QUEUE_MAX);
    (Desk { views, wishes, kept: Arc::default() }, Wishes { queue, open: BTreeMap::new(), tickets: TICKETS })
}

/// The keys of a trust domain as the Workload API gives them out: by its SPIFFE ID.
pub(crate) fn keys(trust: &TrustBundle) -> (String, Arc<str>) {
    (format!("spiffe://{}", trust.trust_domain), trust.jwt(REFRESH_HINT_S).to_jwks().into())
}

impl Tokens for Desk {
    fn mint(&self, id: &SpiffeId, audiences: &[String]) -> Later<String> {
        let (desk, id, audiences) = (self.clone(), id.clone(), audiences.to_vec());
        Box::pin(async move { desk.token(&id, audiences).await })
    }

    fn validate(&self, token: &str, audience: &str) -> Later<Validated> {
        let view = self.views.borrow().clone();
        let checked = match &view {
            Some(view) => verify(view, token, audience).map_err(TokenError::Refused),
            None => Err(TokenError::Unavailable("this node does not know yet whom to trust".to_owned())),
        };
        let validated = checked.map(|svid| Validated { id: svid.id, claims: svid.claims });
        Box::pin(std::future::ready(validated))
    }
}

impl Desk {
    async fn token(&self, id: &SpiffeId, audiences: Vec<String>) -> Result<String, TokenError> {
        let held = self.held(id, &audiences);
        if let Some(held) = held.as_ref().filter(|held| now_s() < held.renew_at) {
            return Ok(held.text.to_string());
        }
        match (self.ask(id, audiences).await, held) {
            (Ok(token), _) => Ok(token),
            // Half of its life is left: control may be away for that long.
            (Err(TokenError::Unavailable(_)), Some(held)) => Ok(held.text.to_string()),
            (Err(error), _) => Err(error),
        }
    }

    /// The token that is kept, if it is still good: its key may have left the bundle since.
    fn held(&self, id: &SpiffeId, audiences: &[String]) -> Option<Token> {
        let held = self.kept().get(id)?.tokens.get(audiences)?.clone();
        let view = self.views.borrow().clone()?;
        let svid = verify(&view, &held.text, audiences.first()?).ok()?;
        // What is verified has a leeway for clocks; what is given out has none.
        (now_s() < svid.expires_at).then_some(held)
    }

    async fn ask(&self, id: &SpiffeId, audiences: Vec<String>) -> Result<String, TokenError> {
        let unavailable = |text: &str| TokenError::Unavailable(text.to_owned());
        let service = self.service(id).ok_or_else(|| unavailable("the service has left this node"))?;
        let turns = Arc::clone(&self.kept().entry(id.clone()).or_insert_with(OfOne::new).turns);
        let Ok(_turn) = turns.try_acquire() else { return Err(unavailable("too many tokens are being made for it")) };
        let (answer, answered) = oneshot::channel();
        let wish = Wish { service, audiences: audiences.clone(), answer };
        self.wishes.try_send(wish).map_err(|_| unavailable("too many tokens are being made"))?;
        let answered = tokio::time::timeout(ANSWER_MAX, answered).await;
        let token = match answered {
            Ok(Ok(answer)) => answer.map_err(TokenError::Unavailable)?,
            Ok(Err(_)) => return Err(unavailable("the link to control was lost")),
            Err(_) => return Err(unavailable("control does not answer")),
        };
        self.keep(id, audiences, token)
    }

    /// Takes what control made, if it is what was asked for.
    fn keep(&self, id: &SpiffeId, audiences: Vec<String>, text: Zeroizing<String>) -> Result<String, TokenError> {
        let refuse = |error: String| TokenError::Unavailable(format!("what control made is not used: {error}"));
        let wrong = || TokenError::Unavailable("control made a token for another service".to_owned());
        let (view, now) = (self.views.borrow().clone().ok_or_else(wrong)?, now_s());
        let mut ends = u64::MAX;
        for audience in &audiences {
            let svid = verify(&view, &text, audience).map_err(refuse)?;
            if svid.id != *id {
                return Err(wrong());
            }
            ends = svid.expires_at;
        }
        let token = Token { text: text.clone(), renew_at: now + ends.saturating_sub(now) / 2 };
        self.kept().entry(id.clone()).or_insert_with(OfOne::new).keep(audiences, token);
        Ok(text.to_string())
    }

    /// The service that has this identity here. Identities that nobody here has any more keep nothing.
    fn service(&self, id: &SpiffeId) -> Option<Name> {
        let view = self.views.borrow().clone()?;
        let of =
            |id: &SpiffeId| view.offers.iter().find(|offer| offer.svid.as_ref().is_some_and(|svid| svid.id == *id));
        self.kept().retain(|id, _| of(id).is_some());
        of(id).map(|offer| offer.service.clone())
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, BTreeMap<SpiffeId, OfOne>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl OfOne {
    fn new() -> OfOne {
        OfOne { turns: Arc::new(Semaphore::new(WAITING_PER_ID_MAX)), tokens: BTreeMap::new() }
    }

    fn keep(&mut self, audiences: Vec<String>, token: Token) {
        self.tokens.insert(audiences, token);
        if self.tokens.len() > KEPT_PER_ID_MAX {
            let oldest = self.tokens.iter().min_by_key(|(_, token)| token.renew_at).map(|(key, _)| key.clone());
            oldest.map(|key| self.tokens.remove(&key));
        }
    }
}

/// Verifies a token with the bundle of the trust domain that it names.
fn verify(view: &View, token: &str, audience: &str) -> Result<JwtSvid, String> {
    let domain = JwtSvid::unverified_trust_domain(token).map_err(|error| error.to_string())?;
    let federated = view.federated.iter().find(|trust| trust.trust_domain.as_str() == domain);
    // One of a stranger is refused as such by our own.
    let trust = federated.unwrap_or(&view.trust);
    let svid =
        JwtSvid::verify(token, &trust.jwt(REFRESH_HINT_S), audience, now_s()).map_err(|error| error.to_string())?;
    // One that does not say when it was issued may be as old as any.
    let issued_at = svid.claims.get("iat").and_then(serde_json::Value::as_u64).unwrap_or_default();
    if view.revoked.has_token(svid.id.as_str(), issued_at) {
        return Err(format!("what was issued to `{}` until now is revoked", svid.id));
    }
    Ok(svid)
}

impl Wishes {
    /// The next request to control, once there is room for one. May be dropped while waiting: nothing is lost.
    pub(crate) async fn next(&mut self) -> FromNode {
        self.open.retain(|_, wish| !wish.answer.is_closed());
        if self.open.len() >= OPEN_MAX {
            return std::future::pending().await;
        }
        loop {
            // Without a Workload API nobody wishes.
            let Some(wish) = self.queue.recv().await else { return std::future::pending().await };
            // Who has given up is not worked for.
            if wish.answer.is_closed() {
                continue;
            }
            self.tickets += 1;
            let (ticket, service, audiences) = (self.tickets, wish.service.clone(), wish.audiences.clone());
            self.open.insert(ticket, wish);
            return FromNode::IssueJwt { ticket, service, audiences };
        }
    }

    /// After how long it is worth asking for the next one again: an answer may never come.
    pub(crate) fn patience(&self) -> Duration {
        if self.open.is_empty() { Duration::MAX } else { ANSWER_MAX }
    }

    /// Takes an answer. `false`: the ticket is none of ours.
    pub(crate) fn answered(&mut self, ticket: u64, answer: Result<String, String>) -> bool {
        if let Some(wish) = self.open.remove(&ticket) {
            // It may have given up by now.
            drop(wish.answer.send(answer.map(Zeroizing::new)));
        }
        ticket > TICKETS
    }

    /// Tells all that wait that no answer will come.
    pub(crate) fn link_lost(&mut self) {
        self.open.clear();
    }
}

#[cfg(test)]
mod tests;
