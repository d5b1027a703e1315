//! The background work for one issuer whose keys are fetched.

use super::desk::Desk;
use super::{IssuerStatus, Pace, Shared};
use crate::fetch::{FetchError, get};
use crate::tls::client::{Roots, RootsError};
use crate::{now_ms, random_u128};
use selvedge_authn::{AnswerError, JwksError, KeySet};
use selvedge_config::checked::{Issuer, Reach};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until, timeout};

/// Bytes of a URL in a discovery document.
const URI_BYTES_MAX: usize = 2048;

/// Where the keys of one issuer come from, and how fetching them goes.
#[derive(Debug)]
pub(super) struct Keeper {
    pub(super) issuer: Issuer,
    /// Where it is asked about tokens, if it is.
    pub(super) desk: Option<Arc<Desk>>,
    wake: Notify,
    /// Guards the status: written after a fetch, read by the admin page.
    status: Mutex<IssuerStatus>,
}

/// Why keys were not fetched.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeepError {
    #[error(transparent)]
    Fetch(#[from] FetchError),
    #[error("the discovery document is no JSON object with `issuer` and `{0}`")]
    Discovery(&'static str),
    #[error("the discovery document is of another issuer than `{0}`")]
    OtherIssuer(String),
    #[error("the introspection: {0}")]
    Answer(AnswerError),
    #[error("the secret `{place}` is unusable: {reason}")]
    Secret { place: String, reason: String },
    #[error("the keys: {0}")]
    Keys(#[from] JwksError),
    #[error(transparent)]
    Roots(#[from] RootsError),
}

impl Keeper {
    pub(super) fn new(issuer: &Issuer) -> Keeper {
        let desk = issuer.introspection.as_ref().map(|introspection| Arc::new(Desk::new(introspection.cache_s)));
        Keeper { issuer: issuer.clone(), desk, wake: Notify::new(), status: Mutex::default() }
    }

    /// Whether the keys of this issuer, or what is said of its tokens, come from the same place.
    pub(super) fn serves(&self, other: &Issuer) -> bool {
        let ours = &self.issuer;
        (&ours.url, &ours.jwks_uri, ours.reach, &ours.ca) == (&other.url, &other.jwks_uri, other.reach, &other.ca)
            && ours.introspection == other.introspection
    }

    pub(super) fn ask(&self) {
        self.wake.notify_one();
    }

    pub(super) fn status(&self) -> IssuerStatus {
        self.status.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn note(&self, result: Result<(), &KeepError>) {
        let mut status = self.status.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(()) => *status = IssuerStatus { succeeded_ms: Some(now_ms()), error: None },
            Err(error) => status.error = Some(error.to_string()),
        }
    }
}

/// Fetches the keys of one issuer for ever.
pub(super) async fn keep(shared: Arc<Shared>, keeper: Arc<Keeper>) {
    let pace = shared.pace;
    let mut patience = Patience::new(pace);
    let mut last: Option<Vec<u8>> = None;
    loop {
        let began = Instant::now();
        let fetched = match timeout(pace.fetch_timeout, fetch_keys(&keeper.issuer, &shared.files, pace)).await {
            Ok(fetched) => fetched,
            Err(_) => Err(FetchError::Timeout(pace.fetch_timeout.as_millis()).into()),
        };
        keeper.note(fetched.as_ref().map(drop));
        let wait = patience.after(&fetched);
        if let Ok((jwks, keys)) = fetched
            // The same document again is no change: tokens that were verified stay so.
            && last.as_ref() != Some(&jwks)
        {
            shared.publish(&keeper, &Arc::new(keys));
            last = Some(jwks);
        }
        let refetch = if last.is_some() { pace.refetch } else { pace.refetch_keyless };
        rest(&keeper, began + wait, began + refetch).await;
    }
}

/// How long to wait until the next time: the usual pace after a success, longer from one failure to the next.
pub(super) struct Patience {
    pace: Pace,
    retry: Duration,
}

impl Patience {
    pub(super) fn new(pace: Pace) -> Patience {
        Patience { pace, retry: pace.retry_min }
    }

    pub(super) fn after<T, E>(&mut self, result: &Result<T, E>) -> Duration {
        let (wait, retry) = match result {
            Ok(_) => (self.pace.refresh, self.pace.retry_min),
            Err(_) => (self.retry, (self.retry * 2).min(self.pace.retry_max)),
        };
        self.retry = retry;
        jittered(wait, random_u128())
    }
}

/// Waits until `due`; until `soonest`, when somebody asks.
pub(super) async fn rest(keeper: &Keeper, due: Instant, soonest: Instant) {
    tokio::select! {
        () = sleep_until(due) => {}
        () = keeper.wake.notified() => sleep_until(due.min(soonest)).await,
    }
}

/// Up to a tenth less or more, so that the nodes of a mesh do not ask together.
pub(super) fn jittered(wait: Duration, random: u128) -> Duration {
    let permille = 900 + u32::try_from(random % 201).unwrap_or(100);
    wait * permille / 1000
}

async fn fetch_keys(issuer: &Issuer, files: &Path, pace: Pace) -> Result<(Vec<u8>, KeySet), KeepError> {
    let roots = roots(issuer, files).await?;
    let uri = match &issuer.jwks_uri {
        Some(uri) => uri.to_string(),
        None => discover(issuer, "jwks_uri", roots.as_ref(), pace).await?,
    };
    let jwks = get(&uri, issuer.reach, roots.as_ref(), pace.fetch_timeout).await?;
    let keys = KeySet::parse(&jwks)?;
    Ok((jwks.to_vec(), keys))
}

/// A URL of the discovery document (OpenID Connect Discovery 1.0 §4, RFC 8414 §2), which must be of exactly this issuer
/// (§4.3).
pub(super) async fn discover(
    issuer: &Issuer,
    wanted: &'static str,
    roots: Option<&Roots>,
    pace: Pace,
) -> Result<String, KeepError> {
    let url = format!("{}/.well-known/openid-configuration", issuer.url.trim_end_matches('/'));
    let document = get(&url, issuer.reach, roots, pace.fetch_timeout).await?;
    let document: serde_json::Value = serde_json::from_slice(&document).map_err(|_| KeepError::Discovery(wanted))?;
    let text = |name: &str| document.get(name).and_then(serde_json::Value::as_str).ok_or(KeepError::Discovery(wanted));
    if text("issuer")? != &*issuer.url {
        return Err(KeepError::OtherIssuer(issuer.url.to_string()));
    }
    // The text may stand in an error for the operator: bounded, and without control characters.
    let uri = Some(text(wanted)?).filter(|uri| uri.len() <= URI_BYTES_MAX && uri.bytes().all(|b| b.is_ascii_graphic()));
    uri.map(str::to_owned).ok_or(KeepError::Discovery(wanted))
}

/// Whom to trust for https, read anew each time: a file may have changed. Plain http on loopback needs nobody, and a
/// machine without authorities may still use it.
pub(super) async fn roots(issuer: &Issuer, files: &Path) -> Result<Option<Roots>, KeepError> {
    match Roots::read(issuer.ca.as_deref(), files).await {
        Err(RootsError::Native(_)) if issuer.reach == Reach::Loopback => Ok(None),
        read => Ok(Some(read?)),
    }
}
