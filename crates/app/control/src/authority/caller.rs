//! Control's side of the authority's socket.

use super::call::{Answer, Call, LINE_BYTES_MAX, Standing};
use super::serials::Issued;
use crate::line;
use selvedge_identity::{Receipts, Signature};
use selvedge_model::{Host, SpiffeId, TrustDomain};
use std::path::PathBuf;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};

/// Calls at a time; others wait.
const CALLS_MAX: usize = 8;
/// How long one call may take.
const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a call waits for an authority that is just starting again.
pub(crate) const AWAY_MAX: Duration = Duration::from_secs(5);
/// Between two tries.
const RETRY: Duration = Duration::from_millis(50);

/// Calls the authority.
#[derive(Debug)]
pub(crate) struct Caller {
    socket: PathBuf,
    turns: Semaphore,
}

/// Why a call had no good end.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    /// Nobody answers.
    #[error("the authority does not answer ({0}): it is being started again")]
    Away(String),
    /// The answer was no.
    #[error("the authority refused: {0}")]
    Refused(String),
    /// The answer was to another question.
    #[error("the authority gave an answer of another kind: control and authority are of different versions")]
    Confused,
}

impl Caller {
    pub(crate) fn new(socket: PathBuf) -> Caller {
        Caller { socket, turns: Semaphore::new(CALLS_MAX) }
    }

    /// Opens the authority for a trust domain, waiting at most `patience` for it to run.
    pub(crate) async fn open(&self, domain: &TrustDomain, patience: Duration) -> Result<Standing, CallError> {
        self.standing(&Call::Open { trust_domain: domain.clone() }, patience).await
    }

    /// Takes the steps of the rotation that these receipts allow.
    pub(crate) async fn advance(&self, receipts: Receipts, leaf_ttl_s: u64) -> Result<Standing, CallError> {
        self.standing(&Call::Advance { receipts, leaf_ttl_s }, AWAY_MAX).await
    }

    /// Begins to rotate the root.
    pub(crate) async fn rotate(&self) -> Result<Standing, CallError> {
        self.standing(&Call::Rotate {}, AWAY_MAX).await
    }

    /// Says that a root's key may be known to others.
    pub(crate) async fn taint(&self, root: String) -> Result<Standing, CallError> {
        self.standing(&Call::Taint { root }, AWAY_MAX).await
    }

    /// An SVID: the chain, leaf first. `how` is for the log: who asks, and how it proved who it is.
    pub(crate) async fn svid(
        &self,
        csr: Vec<u8>,
        id: SpiffeId,
        ttl_s: u64,
        how: String,
    ) -> Result<Vec<Vec<u8>>, CallError> {
        self.chain(&Call::Svid { csr, id, ttl_s, how }).await
    }

    /// An edge certificate: the chain, leaf first.
    pub(crate) async fn server(
        &self,
        csr: Vec<u8>,
        hosts: Vec<Host>,
        ttl_s: u64,
        how: String,
    ) -> Result<Vec<Vec<u8>>, CallError> {
        self.chain(&Call::Server { csr, hosts, ttl_s, how }).await
    }

    /// A JWT-SVID.
    pub(crate) async fn jwt(&self, id: SpiffeId, audiences: Vec<String>, ttl_s: u64) -> Result<String, CallError> {
        match self.call(&Call::Jwt { id, audiences, ttl_s }, AWAY_MAX).await? {
            Answer::Token(token) => Ok(token),
            _ => Err(CallError::Confused),
        }
    }

    /// A signature over `message`.
    pub(crate) async fn sign(&self, message: String) -> Result<Signature, CallError> {
        match self.call(&Call::Sign { message }, AWAY_MAX).await? {
            Answer::Signature(signature) => Ok(signature),
            _ => Err(CallError::Confused),
        }
    }

    /// What was issued on the word of `how` and lives.
    pub(crate) async fn living(&self, how: String) -> Result<Vec<Issued>, CallError> {
        match self.call(&Call::Living { how }, AWAY_MAX).await? {
            Answer::Living(issued) => Ok(issued),
            _ => Err(CallError::Confused),
        }
    }

    async fn standing(&self, call: &Call, patience: Duration) -> Result<Standing, CallError> {
        match self.call(call, patience).await? {
            Answer::Standing(standing) => Ok(*standing),
            _ => Err(CallError::Confused),
        }
    }

    async fn chain(&self, call: &Call) -> Result<Vec<Vec<u8>>, CallError> {
        match self.call(call, AWAY_MAX).await? {
            Answer::Chain(chain) => Ok(chain),
            _ => Err(CallError::Confused),
        }
    }

    /// Makes the call until it is answered or `patience` is over. A call that broke is made again: a certificate that
    /// was issued twice was handed out once.
    async fn call(&self, call: &Call, patience: Duration) -> Result<Answer, CallError> {
        let closed = |_| CallError::Away("control is stopping".to_owned());
        let _turn = self.turns.acquire().await.map_err(closed)?;
        let until = Instant::now() + patience;
        loop {
            let tried = timeout(CALL_TIMEOUT, self.once(call)).await;
            match tried.unwrap_or_else(|_| Err("no answer in time".to_owned())) {
                Ok(Answer::Refused(reason)) => return Err(CallError::Refused(reason)),
                Ok(answer) => return Ok(answer),
                Err(reason) if Instant::now() >= until => return Err(CallError::Away(reason)),
                Err(_) => sleep(RETRY).await,
            }
        }
    }

    async fn once(&self, call: &Call) -> Result<Answer, String> {
        let stream = UnixStream::connect(&self.socket).await.map_err(|error| error.kind().to_string())?;
        let (mut reader, mut writer) = stream.into_split();
        line::write(&mut writer, call).await?;
        line::read(&mut reader, LINE_BYTES_MAX).await
    }
}
