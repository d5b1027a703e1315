//! A gateway or a node as a process: it joins, keeps its certificates fresh, and enforces what control signs.
//!
//! Everything that it needs to serve is on its disk: with control away it starts, and goes on, with the last good
//! documents and the certificates that it has.

mod agent;
mod certificates;
mod enforce;
mod notify;
mod page;
mod quotas;
mod runs;
mod store;
mod successor;
mod tokens;
mod way;
mod workloads;

pub(crate) use agent::Agent;
pub(crate) use enforce::local_services;
pub(crate) use notify::Notify;
pub(crate) use runs::{RUN_SOCKET, RunAsk, RunReply};
pub(crate) use successor::tell;
pub(crate) use way::Way;
pub(crate) use workloads::WorkloadSocket;

use anyhow::{Context, Result, anyhow, bail};
use certificates::MYSELF;
use selvedge_config::Checked;
use selvedge_config::checked::HostPort;
use selvedge_identity::{JoinToken, Svid};
use selvedge_link::NodeKind;
use selvedge_model::{Name, TrustDomain};
use selvedge_net::handover::Held;
use selvedge_net::issuers::{Issuers, Pace, Variables};
use selvedge_net::now_s;
use selvedge_plan::Plan;
use selvedge_proxy::Proxy;
use selvedge_telemetry::admin::Admin;
use selvedge_telemetry::{DecisionLog, Metrics};
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use store::Store;
use successor::Leaves;

/// How long open requests may go on after a request to end.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// How long open connections may go on where another process serves in our place.
const RETIRE_MAX: Duration = Duration::from_secs(30);

/// What a gateway or node is told.
#[derive(Debug, Clone)]
pub(crate) struct Options {
    /// Gateway or node.
    pub(crate) kind: NodeKind,
    /// Its name.
    pub(crate) name: Name,
    /// The services that it stands beside, where they are known before its first documents come.
    pub(crate) services: Vec<Name>,
    /// Where the mesh reaches a node's services.
    pub(crate) mesh_listen: Option<SocketAddr>,
    /// What others dial for that.
    pub(crate) advertise: Option<HostPort>,
    /// Its state: certificates, documents, records.
    pub(crate) state: PathBuf,
    /// Where files are that documents name.
    pub(crate) files: PathBuf,
    /// Where `/status`, `/metrics` and `/healthz` are.
    pub(crate) admin: Option<SocketAddr>,
    /// Threads of the data plane; one for each core otherwise.
    pub(crate) workers: Option<usize>,
    /// Where a node's workloads get their identities.
    pub(crate) workload_api: WorkloadSocket,
    /// Where it is: endpoints in the same zone are preferred.
    pub(crate) zone: Option<Name>,
}

/// What a process begins with, beside its options.
#[derive(Debug, Default)]
pub(crate) struct Outset {
    /// Sockets that listen already.
    pub(crate) held: Vec<Held>,
    /// Who is told that it serves.
    pub(crate) notify: Notify,
    /// Whether it takes over from a process that runs with the same state, and gives its sockets to the next.
    pub(crate) succeeds: bool,
    /// Where secrets are that documents name by a variable; nowhere by default.
    pub(crate) variables: Option<Variables>,
}

/// Makes the agent, its data plane and its admin listener. To be called inside a runtime.
///
/// # Errors
/// When the state directory, a thread or the admin listener cannot be made.
pub(crate) async fn start(options: Options, outset: Outset) -> Result<Agent> {
    let store = Store::open(&options.state)?;
    let Outset { mut held, notify, succeeds, variables } = outset;
    let predecessor = if succeeds { successor::take(&options.state).await } else { None };
    let predecessor = predecessor.map(|(predecessor, sockets)| {
        held.extend(sockets);
        predecessor
    });
    let log = DecisionLog::open(&options.state).context("cannot open the decision log")?;
    let workers = options.workers.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let metrics = Metrics::new(workers);
    metrics.watch(&log);
    let issuers = Arc::new(Issuers::with_variables(Pace::default(), &options.files, variables.unwrap_or(|_| None)));
    issuers.start();
    let empty = Arc::new(nothing(&store)?);
    let proxy = Proxy::start(workers, empty, issuers.clone(), (&log, &metrics));
    let proxy = Arc::new(proxy.context("cannot start the data plane")?);
    let (workloads, api) = workloads::start(&options)?;
    let page = page::Page::new(metrics, issuers, Arc::clone(&proxy), api.map(|api| api.refusals()));
    let mut admin = None;
    if let Some(address) = options.admin {
        let listener = admin_listener(address, &mut held).await;
        let listener =
            listener.with_context(|| format!("cannot listen on `{address}`: choose another with --admin"))?;
        admin = listener.as_fd().try_clone_to_owned().ok().map(|socket| (address, socket));
        let routes = page.routes();
        // Owned by the process: it ends with it.
        drop(tokio::spawn(async move { Admin::serve(listener, routes).await }));
    }
    proxy.inherit(held);
    let succession = Succession { predecessor, admin, notify, succeeds };
    Ok(Agent::new(options, (store, log), proxy, (page, workloads), succession))
}

/// What an agent needs to come after another process, and before the next.
#[derive(Debug)]
struct Succession {
    predecessor: Option<successor::Predecessor>,
    admin: Option<Held>,
    notify: Notify,
    succeeds: bool,
}

async fn admin_listener(address: SocketAddr, held: &mut Vec<Held>) -> std::io::Result<tokio::net::TcpListener> {
    let Some(index) = held.iter().position(|(at, _)| *at == address) else {
        return tokio::net::TcpListener::bind(address).await;
    };
    let (_, socket) = held.swap_remove(index);
    let socket = std::net::TcpListener::from(socket);
    socket.set_nonblocking(true)?;
    tokio::net::TcpListener::from_std(socket)
}

/// Joins with a token, unless there is a certificate already. The services that the node may stand beside.
///
/// # Errors
/// When control refuses, or there is neither a token nor a certificate.
pub(crate) async fn join(options: &Options, token: Option<&JoinToken>) -> Result<Vec<Name>> {
    let store = Store::open(&options.state)?;
    let joined = store.certificate(MYSELF).and_then(|pem| Svid::from_pem(&pem).ok());
    match (joined, token) {
        (Some(svid), _) if svid.not_after > now_s() => {}
        (_, Some(token)) => way::join(token, options.kind, &options.name, &store).await?,
        (Some(_), None) => bail!("the certificate has ended: join again with --join and a new token"),
        (None, None) => {
            bail!("not joined yet: make a token with `selvedge identity join-token`, and give it with --join")
        }
    }
    Ok(store.services())
}

/// A plan that permits nothing and listens nowhere, until there is a real one.
fn nothing(store: &Store) -> Result<Plan> {
    let domain = store.trust().map_or_else(|| TrustDomain::parse("none.invalid"), |trust| Ok(trust.trust_domain))?;
    let mesh = selvedge_config::checked::Mesh {
        name: Name::parse("none")?,
        trust_domain: domain,
        issuers: BTreeMap::new(),
        workload_ttl_s: 0,
        api_keys: Default::default(),
        client_sets: Default::default(),
        limit_keys: 1,
        federates_with: Default::default(),
    };
    let checked = Checked {
        mesh,
        gateways: BTreeMap::new(),
        services: BTreeMap::new(),
        access: Vec::new(),
        guardrails: Vec::new(),
        schemas: Vec::new(),
        expectations: Vec::new(),
        allow: Vec::new(),
        places: Default::default(),
    };
    Plan::compile(checked, &BTreeMap::new()).map_err(|_| anyhow!("the empty plan does not compile"))
}

/// Ends the data plane: no more connections, open requests finish within [`DRAIN_MAX`]; with a successor, connections
/// too, within [`RETIRE_MAX`].
pub(crate) async fn drain(proxy: &Proxy, leaves: Leaves) {
    let max = match leaves {
        Leaves::Told => {
            proxy.drain();
            DRAIN_MAX
        }
        Leaves::Succeeded => {
            proxy.retire();
            RETIRE_MAX
        }
    };
    let drained = async {
        while !proxy.is_drained() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    let _ = tokio::time::timeout(max, drained).await;
}
