//! Where an issuer is asked about opaque tokens: what it said lately, what is being asked, and who waits for it.
//!
//! Shared by all workers of a process. A token is asked about once, however many requests bring it at a time. Answers are
//! found by a hash, so that no token lies in memory longer than it is asked about.

use super::lately::{Digest, Lately};
use crate::now_s;
use aws_lc_rs::digest::{Context, SHA256};
use selvedge_authn::Verified;
use selvedge_model::Principal;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use zeroize::Zeroizing;

/// Tokens of one issuer that may wait for an answer at a time; more is a flood, or an issuer that is slower than its callers.
const FLIGHTS_MAX: usize = 256;
/// Active tokens that are kept, twice: some 10 MiB at most.
const ACTIVE_MAX: usize = 8_192;
/// Refused tokens that are kept, twice. They have a table of their own, so that a flood of forged ones displaces none that
/// is good.
const REFUSED_MAX: usize = 4_096;
/// Seconds for which a refusal counts: a token that was issued a moment before it was known everywhere works soon.
const REFUSED_S: u64 = 5;

/// An active token.
#[derive(Debug, Clone)]
pub struct Active {
    /// Whom it speaks for.
    pub principal: Arc<Principal>,
}

/// Why nothing is known of a token. It is no proof that the token is bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// No issuer of that name is asked about tokens, or it was replaced meanwhile.
    #[error("nobody can be asked about the token")]
    Nobody,
    /// More tokens wait for an answer than may.
    #[error("too many tokens wait for an answer of their issuer")]
    Busy,
    /// The issuer cannot be reached, or its answer is none.
    #[error("the issuer did not say whether the token is active")]
    Silent,
    /// It did not answer in time.
    #[error("the issuer did not answer in time about the token")]
    Timeout,
}

/// What is known of a token: `None`, it is refused.
pub(super) type Known = Option<Active>;

type Said = Option<Result<Known, Unanswered>>;

/// Where one issuer is asked.
#[derive(Debug)]
pub(super) struct Desk {
    /// Seconds for which an answer counts, at most.
    cache_s: u64,
    /// Guards what is known and asked: held for a look-up or an insertion, never over a wait.
    state: Mutex<State>,
    jobs: mpsc::UnboundedSender<Job>,
    /// Guards the other end, until the task that answers takes it.
    taken: Mutex<Option<mpsc::UnboundedReceiver<Job>>>,
}

#[derive(Debug)]
struct State {
    active: Lately<Active>,
    refused: Lately<()>,
    /// INVARIANT: each entry has a job, whose end removes it; at most [`FLIGHTS_MAX`].
    flights: HashMap<Digest, watch::Sender<Said>>,
}

/// One token to be asked about.
pub(super) struct Job {
    pub(super) token: Zeroizing<String>,
    digest: Digest,
    said: watch::Sender<Said>,
    desk: Arc<Desk>,
}

impl Desk {
    pub(super) fn new(cache_s: u64) -> Desk {
        let (jobs, taken) = mpsc::unbounded_channel();
        let state =
            State { active: Lately::new(ACTIVE_MAX), refused: Lately::new(REFUSED_MAX), flights: HashMap::new() };
        Desk { cache_s, state: Mutex::new(state), jobs, taken: Mutex::new(Some(taken)) }
    }

    /// The jobs, for the one task that does them.
    pub(super) fn jobs(&self) -> Option<mpsc::UnboundedReceiver<Job>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// What is known of a token, asked for if need be; at most for `wait`.
    pub(super) async fn ask(
        self: &Arc<Desk>,
        generation: u64,
        token: &str,
        wait: Duration,
    ) -> Result<Known, Unanswered> {
        let digest = digest(generation, token);
        let mut said = match self.look(digest, token, now_s())? {
            Looked::Known(known) => return Ok(known),
            Looked::Asked(said) => said,
        };
        let heard = tokio::time::timeout(wait, said.wait_for(Option::is_some)).await;
        match heard {
            Ok(Ok(answer)) => answer.clone().unwrap_or(Err(Unanswered::Silent)),
            // Whoever asked is gone: its issuer was replaced.
            Ok(Err(_)) => Err(Unanswered::Nobody),
            Err(_) => Err(Unanswered::Timeout),
        }
    }

    fn look(self: &Arc<Desk>, digest: Digest, token: &str, now: u64) -> Result<Looked, Unanswered> {
        let mut state = self.state();
        if let Some(active) = state.active.find(&digest, now) {
            return Ok(Looked::Known(Some(active)));
        }
        if state.refused.find(&digest, now).is_some() {
            return Ok(Looked::Known(None));
        }
        if let Some(flight) = state.flights.get(&digest) {
            return Ok(Looked::Asked(flight.subscribe()));
        }
        if state.flights.len() >= FLIGHTS_MAX {
            return Err(Unanswered::Busy);
        }
        let (said, hears) = watch::channel(None);
        let job = Job { token: token.to_owned().into(), digest, said: said.clone(), desk: Arc::clone(self) };
        state.flights.insert(digest, said);
        drop(state);
        // One that cannot be sent is dropped, and so is its flight.
        self.jobs.send(job).map_err(|_| Unanswered::Nobody)?;
        Ok(Looked::Asked(hears))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Looked {
    Known(Known),
    Asked(watch::Receiver<Said>),
}

impl Job {
    /// Whether nobody waits for it any more.
    pub(super) fn is_in_vain(&self) -> bool {
        self.said.is_closed()
    }

    /// Tells those who wait, and keeps the answer: never longer than the token lives.
    pub(super) fn answered(self, answer: Result<Option<Verified>, Unanswered>) {
        let now = now_s();
        let known = answer.map(|verified| {
            let mut state = self.desk.state();
            let Some(verified) = verified else {
                state.refused.keep(self.digest, (), now.saturating_add(REFUSED_S));
                return None;
            };
            let active = Active { principal: Arc::new(verified.principal) };
            let until = verified.expires.min(now.saturating_add(self.desk.cache_s));
            state.active.keep(self.digest, active.clone(), until);
            Some(active)
        });
        self.said.send_replace(Some(known));
    }
}

/// However a job ends, nobody waits for it afterwards.
impl Drop for Job {
    fn drop(&mut self) {
        self.desk.state().flights.remove(&self.digest);
    }
}

fn digest(generation: u64, token: &str) -> Digest {
    let mut context = Context::new(&SHA256);
    context.update(&generation.to_be_bytes());
    context.update(token.as_bytes());
    // SHA-256 has 32 bytes.
    context.finish().as_ref().try_into().unwrap_or_default()
}
