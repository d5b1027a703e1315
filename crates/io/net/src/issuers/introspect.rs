//! Asking an issuer about opaque tokens (RFC 7662), on the runtime of the background work: whoever brought a token may go
//! away, and the others who wait for the same answer get it all the same.

use super::Shared;
use super::desk::{Job, Unanswered};
use super::keep::{KeepError, Keeper, Patience, discover, rest, roots};
use crate::fetch::{FetchError, post};
use crate::now_s;
use crate::tls::client::Roots;
use arc_swap::ArcSwapOption;
use selvedge_authn::{Answer, IssuerSettings, client_secret_basic, question, read_answer};
use selvedge_config::checked::{Introspection, Issuer, Reach, SecretAt};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};
use zeroize::Zeroizing;

/// Questions to one issuer at a time: it serves others too.
const ASKING_MAX: usize = 32;
/// Bytes of a secret.
const SECRET_BYTES_MAX: u64 = 1024;

/// All that is needed to ask.
#[derive(Debug)]
struct Asker {
    url: String,
    reach: Reach,
    roots: Option<Roots>,
    authorization: Secret,
}

/// The `Authorization` field that proves who asks.
struct Secret(Zeroizing<String>);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

/// Looks after one issuer that is asked, until it is replaced.
pub(super) async fn attend(shared: Arc<Shared>, keeper: Arc<Keeper>, introspection: Introspection) {
    let Some(jobs) = keeper.desk.as_ref().and_then(|desk| desk.jobs()) else { return };
    let asker = ArcSwapOption::empty();
    let asker = Arc::new(asker);
    tokio::join!(prepare(&shared, &keeper, &introspection, &asker), serve(&shared, &keeper, jobs, &asker));
}

/// Finds out where to ask and with what, for ever: files and the discovery document may change. What was good stays.
async fn prepare(shared: &Shared, keeper: &Keeper, introspection: &Introspection, asker: &ArcSwapOption<Asker>) {
    let pace = shared.pace;
    let mut patience = Patience::new(pace);
    loop {
        let began = Instant::now();
        let made = match timeout(pace.fetch_timeout, make(shared, &keeper.issuer, introspection)).await {
            Ok(made) => made,
            Err(_) => Err(FetchError::Timeout(pace.fetch_timeout.as_millis()).into()),
        };
        keeper.note(made.as_ref().map(drop));
        let wait = patience.after(&made);
        if let Ok(made) = made {
            asker.store(Some(Arc::new(made)));
        }
        rest(keeper, began + wait, began + pace.refetch_keyless).await;
    }
}

async fn make(shared: &Shared, issuer: &Issuer, introspection: &Introspection) -> Result<Asker, KeepError> {
    let roots = roots(issuer, &shared.files).await?;
    let url = match &introspection.endpoint {
        Some(url) => url.to_string(),
        None => discover(issuer, "introspection_endpoint", roots.as_ref(), shared.pace).await?,
    };
    let secret = secret(&introspection.client_secret, shared).await?;
    let authorization = Secret(client_secret_basic(&introspection.client_id, &secret).into());
    Ok(Asker { url, reach: issuer.reach, roots, authorization })
}

/// Reads a secret: one line, of printable characters. A key file, which is none, is never sent anywhere.
async fn secret(at: &SecretAt, shared: &Shared) -> Result<Zeroizing<String>, KeepError> {
    let (place, text) = match at {
        SecretAt::File(file) => (file, read_secret(&shared.files.join(&**file)).await),
        SecretAt::Variable(name) => {
            (name, (shared.variables)(name).map(Zeroizing::new).ok_or_else(|| "it is not set".into()))
        }
    };
    let unusable = |reason: String| KeepError::Secret { place: place.to_string(), reason };
    let text = text.map_err(unusable)?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    let line = line.strip_suffix('\r').unwrap_or(line);
    let is_secret = !line.is_empty() && line.bytes().all(|b| matches!(b, 0x20..=0x7e));
    if is_secret {
        Ok(line.to_owned().into())
    } else {
        Err(unusable("it is not one line of printable characters".to_owned()))
    }
}

async fn read_secret(path: &Path) -> Result<Zeroizing<String>, String> {
    let meta = tokio::fs::metadata(path).await.map_err(|error| error.to_string())?;
    if !meta.is_file() || meta.len() > SECRET_BYTES_MAX {
        return Err(format!("it is no file of at most {SECRET_BYTES_MAX} bytes"));
    }
    let bytes = tokio::fs::read(path).await.map_err(|error| error.to_string())?;
    String::from_utf8(bytes).map(Zeroizing::new).map_err(|_| "it is no text".to_owned())
}

/// Does the jobs, few at a time, in the order in which they came.
async fn serve(
    shared: &Arc<Shared>,
    keeper: &Arc<Keeper>,
    mut jobs: mpsc::UnboundedReceiver<Job>,
    asker: &Arc<ArcSwapOption<Asker>>,
) {
    let mut asking = JoinSet::new();
    loop {
        tokio::select! {
            job = jobs.recv(), if asking.len() < ASKING_MAX => {
                let Some(job) = job else { return };
                if !job.is_in_vain() {
                    asking.spawn(answer(Arc::clone(shared), Arc::clone(keeper), asker.load_full(), job));
                }
            }
            Some(_) = asking.join_next(), if !asking.is_empty() => {}
        }
    }
}

async fn answer(shared: Arc<Shared>, keeper: Arc<Keeper>, asker: Option<Arc<Asker>>, job: Job) {
    // The settings may be newer than those with which it was asked for; then the answer lies under a hash that nobody looks
    // for again.
    let settings = shared
        .set
        .load()
        .iter()
        .find(|(_, state)| Arc::ptr_eq(&state.keeper, &keeper))
        .map(|(_, s)| s.settings.clone());
    let (Some(asker), Some(settings)) = (asker, settings) else { return job.answered(Err(Unanswered::Silent)) };
    let lifetime_s = keeper.issuer.introspection.as_ref().map_or(0, |introspection| introspection.cache_s);
    let asked = ask(&asker, &settings, lifetime_s, &job.token, &shared);
    let asked = match timeout(shared.pace.fetch_timeout, asked).await {
        Ok(asked) => asked,
        Err(_) => Err(FetchError::Timeout(shared.pace.fetch_timeout.as_millis()).into()),
    };
    keeper.note(asked.as_ref().map(drop));
    job.answered(asked.map_err(|error| {
        // The secret may be another by now.
        if matches!(&error, KeepError::Fetch(error) if error.is_about_who_asks()) {
            keeper.ask();
        }
        Unanswered::Silent
    }));
}

async fn ask(
    asker: &Asker,
    settings: &IssuerSettings,
    lifetime_s: u64,
    token: &str,
    shared: &Shared,
) -> Result<Option<selvedge_authn::Verified>, KeepError> {
    let Asker { url, reach, roots, authorization } = asker;
    let form = question(token);
    let said = post(url, *reach, roots.as_ref(), shared.pace.fetch_timeout, (&authorization.0, form)).await?;
    Ok(match read_answer(&said, settings, lifetime_s, now_s()).map_err(KeepError::Answer)? {
        Answer::Active(verified) => Some(verified),
        Answer::Inactive | Answer::Refused(_) => None,
    })
}
