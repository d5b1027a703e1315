//! The start of a control plane: everything that must be there before the first node is served.

use crate::authority::call::Standing;
use crate::authority::caller::Caller;
use crate::authority::{child, own_uid};
use crate::control::{Control, Running, Tasks};
use crate::federation::Federation;
use crate::identity::Identity;
use crate::options::{AuthorityCommand, ControlError, Options};
use crate::registry::token::Contact;
use crate::registry::{Node, Registry};
use crate::revision::{Content, PublishError, Published, next_revision};
use crate::shared::{Clock, Shared, World};
use crate::source::{self, Documents, ReadFiles, Source};
use crate::state::{self, State};
use crate::{admin, alarms, endpoint, identity, link, polling, publish, rotate, say, socket};
use selvedge_identity::Revoked;
use selvedge_link::{SignedBundle, text};
use selvedge_net::Listener;
use selvedge_telemetry::admin::Admin;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// How long the authority may take to start, and to make its keys the first time.
const AUTHORITY_START_MAX: Duration = Duration::from_secs(15);
/// Local links that wait to be served.
const LOCAL_LINKS_MAX: usize = 64;
/// Changes of the documents that wait to be published.
const CHANGES_MAX: usize = 4;

/// Starts a control plane and runs it until a part of it fails. Inside a runtime, which may be a current-thread one.
///
/// # Errors
/// As [`start`] and [`Running::run`].
pub async fn run(options: Options, read_files: ReadFiles) -> Result<(), ControlError> {
    let (_control, running) = start(options, read_files).await?;
    running.run().await
}

/// Starts a control plane: when this returns, the first revision is signed and the listeners are bound. Nodes are
/// served while [`Running::run`] is polled.
///
/// # Errors
/// Bad documents without a last good bundle, a state directory that cannot be used, an authority that does not start,
/// an address that cannot be bound.
pub async fn start(options: Options, read_files: ReadFiles) -> Result<(Control, Running), ControlError> {
    start_at(options, read_files, Arc::new(selvedge_net::now_ms)).await
}

pub(crate) async fn start_at(
    options: Options,
    read_files: ReadFiles,
    clock: Clock,
) -> Result<(Control, Running), ControlError> {
    let own_uid = own_uid().map_err(|error| state::io(&options.state, error))?;
    let state = Arc::new(State::open(&options.state, own_uid)?);
    let source = Source { directory: options.directory.clone(), read_files };
    let seen = source.look().await;
    let kept: Option<SignedBundle> = state::read_json(&state.bundle())?;
    let mut tasks = Tasks::new();
    if let AuthorityCommand::Child { program, args } = options.authority.clone() {
        let state = Arc::clone(&state);
        tasks.spawn(async move {
            child::keep_running(program, args, state).await;
            ("the authority", Ok(()))
        });
    }
    let caller = Caller::new(state.authority_socket());
    let (documents, documents_error, standing) = first_documents(&source, kept.as_ref(), &caller, &clock).await?;
    let registry = Registry::of(state::read_json::<Vec<Node>>(&state.registry())?.unwrap_or_default());
    let previous = kept.as_ref().and_then(|kept| kept.read_unverified().ok()).map_or(0, |bundle| bundle.revision);
    let revision = next_revision(previous, clock());
    let failed = |error: PublishError| ControlError::Publish(error.to_string());
    let revoked: Revoked = state::read_json(&state.revoked())?.unwrap_or_default();
    let federation: Federation = state::read_json(&state.federation())?.unwrap_or_default();
    let federated = federation.bundles(&documents.checked);
    let content = Content { documents, registered: registry.registered(), revoked: revoked.clone(), federated };
    let first = Published::make(&caller, &standing.bundle, content, revision).await.map_err(failed)?;
    state::write_json(&state.bundle(), &first.signed)?;

    let listener = options.listen.map(bind_link).transpose()?;
    let link_address = listener.as_ref().and_then(|listener| listener.local_addr().ok());
    let address = contact_address(&options, link_address);
    state::write_json(&state.contact(), &Contact::of(&standing, address.clone()))?;
    say(&format!("revision {} is signed: plan {}", first.revision, first.plan));
    let ttl_s = first.documents.checked.mesh.workload_ttl_s;
    let world = World { registry, documents_error, revoked, federation, ..World::default() };
    let shared = Arc::new(Shared::new(state, clock, caller, (standing, address), first, world));
    let mut own = None;
    if listener.is_some() || options.bundle_endpoint.as_ref().is_some_and(|endpoint| endpoint.certificate.is_none()) {
        let first = identity::obtain(&shared, ttl_s).await.map_err(ControlError::Identity)?;
        own = Some(spawn_renewal(&mut tasks, &shared, first));
    }
    if let (Some(listener), Some(own)) = (listener, &own) {
        spawn_link(&mut tasks, &shared, listener, own.clone());
    }
    let mut bundle_address = None;
    if let Some(endpoint) = options.bundle_endpoint {
        bundle_address = Some(endpoint::spawn(&mut tasks, &shared, endpoint, own)?);
    }
    let admin_address = spawn_admin(&mut tasks, &shared, options.admin).await?;
    spawn_socket(&mut tasks, &shared, own_uid)?;
    spawn_source(&mut tasks, &shared, source, seen);
    spawn_upkeep(&mut tasks, &shared, options.directory.clone());
    let (locals, waiting) = mpsc::channel(LOCAL_LINKS_MAX);
    let control = Control { shared: Arc::clone(&shared), locals, link_address, admin_address, bundle_address };
    Ok((control, Running { shared, tasks, locals: waiting }))
}

/// The documents to begin with: those in the directory, or else the last good ones. Opens the authority for them.
async fn first_documents(
    source: &Source,
    kept: Option<&SignedBundle>,
    caller: &Caller,
    clock: &Clock,
) -> Result<(Documents, Option<String>, Standing), ControlError> {
    let errors = match source.read().await {
        Ok(documents) => {
            let standing = caller.open(&documents.checked.mesh.trust_domain, AUTHORITY_START_MAX).await?;
            return Ok((documents, None, standing));
        }
        Err(errors) => errors,
    };
    let refused = || ControlError::Documents { directory: source.directory.clone(), errors: errors.clone() };
    let kept = kept.ok_or_else(refused)?;
    let bundle = kept.read_unverified().map_err(|_| refused())?;
    let standing = caller.open(&bundle.trust_domain, AUTHORITY_START_MAX).await?;
    let bundle = kept.open(&standing.bundle, clock() / 1000).map_err(|_| refused())?;
    let documents = source::check(bundle.files()).map_err(|_| refused())?;
    say(&format!(
        "the documents in `{}` are refused; those of revision {}, the last good ones, are served:\n{errors}",
        source.directory.display(),
        bundle.revision
    ));
    Ok((documents, Some(errors), standing))
}

fn bind_link(address: SocketAddr) -> Result<Listener, ControlError> {
    Listener::bind(address).map_err(|error| ControlError::Bind { address: address.to_string(), error })
}

/// Where a token says that control is. A wildcard is no address that a node could dial.
fn contact_address(options: &Options, bound: Option<SocketAddr>) -> Option<String> {
    let advertise = options.advertise.as_ref().map(text::show_host_port);
    advertise.or_else(|| bound.filter(|bound| !bound.ip().is_unspecified()).map(|bound| bound.to_string()))
}

type Own = watch::Receiver<Arc<Identity>>;

fn spawn_link(tasks: &mut Tasks, shared: &Arc<Shared>, listener: Listener, identity: Own) {
    let for_link = Arc::clone(shared);
    tasks.spawn(async move { ("the link's listener", link::serve(for_link, listener, identity).await) });
}

fn spawn_renewal(tasks: &mut Tasks, shared: &Arc<Shared>, own: Identity) -> Own {
    let (renewed, identity) = watch::channel(Arc::new(own));
    let for_renewal = Arc::clone(shared);
    tasks.spawn(async move {
        identity::keep_renewed(for_renewal, renewed).await;
        ("the renewal of control's certificate", Ok(()))
    });
    identity
}

/// What goes on by itself: roots are rotated, other trust domains' bundles are followed, and what is wrong is said.
fn spawn_upkeep(tasks: &mut Tasks, shared: &Arc<Shared>, files: PathBuf) {
    let for_polling = Arc::clone(shared);
    tasks.spawn(async move {
        polling::keep(for_polling, files).await;
        ("federation", Ok(()))
    });
    let rotating = Arc::clone(shared);
    tasks.spawn(async move {
        rotate::keep(rotating).await;
        ("the rotation of roots", Ok(()))
    });
    let for_alarms = Arc::clone(shared);
    tasks.spawn(async move {
        alarms::keep(for_alarms).await;
        ("the alarms", Ok(()))
    });
}

async fn spawn_admin(
    tasks: &mut Tasks,
    shared: &Arc<Shared>,
    address: Option<SocketAddr>,
) -> Result<Option<SocketAddr>, ControlError> {
    let Some(address) = address else { return Ok(None) };
    let failed = |error| ControlError::Bind { address: address.to_string(), error };
    if !address.ip().is_loopback() {
        let error = std::io::Error::new(std::io::ErrorKind::InvalidInput, "the admin address must be on loopback");
        return Err(failed(error));
    }
    let listener = tokio::net::TcpListener::bind(address).await.map_err(failed)?;
    let bound = listener.local_addr().map_err(failed)?;
    let routes = admin::routes(Arc::clone(shared));
    tasks.spawn(async move {
        ("the admin listener", Admin::serve(listener, routes).await.map_err(|error| error.to_string()))
    });
    Ok(Some(bound))
}

fn spawn_socket(tasks: &mut Tasks, shared: &Arc<Shared>, own_uid: u32) -> Result<(), ControlError> {
    let path = shared.state.control_socket().display().to_string();
    let listener = socket::bind(shared).map_err(|error| ControlError::Bind { address: path, error })?;
    let shared = Arc::clone(shared);
    tasks.spawn(async move {
        socket::serve(shared, listener, own_uid).await;
        ("control.sock", Ok(()))
    });
    Ok(())
}

fn spawn_source(tasks: &mut Tasks, shared: &Arc<Shared>, source: Source, seen: source::Look) {
    let (found, changes) = mpsc::channel(CHANGES_MAX);
    tasks.spawn(async move {
        source.watch(seen, found).await;
        ("watching the documents", Ok(()))
    });
    let shared = Arc::clone(shared);
    tasks.spawn(async move {
        publish::follow(shared, changes).await;
        ("publishing", Ok(()))
    });
}
