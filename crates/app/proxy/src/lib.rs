//! The data plane: one pipeline, in three roles, on one thread for each core.
//!
//! [`Proxy::start`] makes the workers; [`Proxy::apply`] puts a plan in force, without dropping a request, or leaves what
//! was in force and says why. Everything else happens on the workers, request by request.

mod accept;
mod client_files;
mod clients;
mod connection;
mod custody;
mod exchange;
mod flood;
mod forward;
mod h1;
mod h2;
mod health;
mod hop;
mod limiter;
mod live;
mod pipeline;
mod relay;
mod respond;
mod role;
mod shared;
mod shed;
mod stage;
mod tcp;
mod thread;
mod tokens;
mod told;
mod trace;
mod upgrade;
mod upstream;
mod wire;
mod worker;

pub use limiter::Quotas;
pub use live::ApplyError;

use arc_swap::ArcSwap;
use limiter::Limiter;
use live::Live;
use selvedge_config::checked::Listener;
use selvedge_model::Name;
use selvedge_net::handover::Held;
use selvedge_net::issuers::Issuers;
use selvedge_net::{EdgeCertificate, MeshTls, TlsError, random_u128};
use selvedge_plan::Plan;
use selvedge_telemetry::{DecisionLog, Metrics};
use shared::Shared;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use thread::Order;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

/// Where an HTTPS listener's certificate comes from: files, or the mesh's authority.
pub type EdgeSource<'a> = dyn Fn(&Listener) -> Result<EdgeCertificate, TlsError> + Sync + 'a;

/// What this process runs of the mesh.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Gateways.
    pub gateways: Vec<Name>,
    /// Local services, with their ways in and out.
    pub services: Vec<Name>,
    /// Where the mesh reaches the local services.
    pub mesh_listen: Option<SocketAddr>,
    /// Where it is: endpoints in the same zone are preferred.
    pub zone: Option<Name>,
    /// Where the relative paths of files start that documents name: authorities and lists for client certificates.
    pub files: PathBuf,
}

/// A running data plane.
pub struct Proxy {
    shared: Arc<Shared>,
    workers: Vec<mpsc::UnboundedSender<Order>>,
    /// Guards the order of changes: one at a time, over awaits, off the request path.
    changing: Mutex<()>,
    /// Guards sockets that listened before us, until the first plan has taken those that it names.
    held: std::sync::Mutex<Vec<Held>>,
}

impl Proxy {
    /// Starts `workers` threads under an empty plan: nothing listens before the first [`Proxy::apply`].
    ///
    /// # Errors
    /// When a thread cannot be made.
    pub fn start(
        workers: usize,
        empty: Arc<Plan>,
        issuers: Arc<Issuers>,
        (log, metrics): (&DecisionLog, &Arc<Metrics>),
    ) -> std::io::Result<Proxy> {
        let users = live::carries_users(&empty);
        let (zone, listeners, clients) = (None, Default::default(), Default::default());
        let live = Live { serial: 0, plan: empty, users, mesh: None, mesh_serial: 0, zone, listeners, clients };
        let (changes, _) = watch::channel(0);
        let (checks, begun) = upstream::Checks::new();
        let (checks, count) = (Arc::new(checks), u32::try_from(workers.max(1)).unwrap_or(u32::MAX));
        let gate = Arc::new(shed::Gate::new(selvedge_net::raise_descriptors()));
        shed::watch_memory(Arc::downgrade(&gate))?;
        let [a, b] = [random_u128(), random_u128()];
        let limiter = Arc::new(Limiter::new([a as u64, (a >> 64) as u64, b as u64, (b >> 64) as u64]));
        let (live, flights) = (ArcSwap::from_pointee(live), Default::default());
        let shared = Arc::new(Shared { live, changes, issuers, flights, limiter, checks, gate, workers: count });
        health::start(Arc::downgrade(&shared), begun)?;
        client_files::watch(Arc::downgrade(&shared))?;
        let started: std::io::Result<Vec<_>> =
            (0..workers.max(1)).map(|i| thread::start(i, shared.clone(), log.recorder(), metrics.worker(i))).collect();
        Ok(Proxy { shared, workers: started?, changing: Mutex::new(()), held: std::sync::Mutex::default() })
    }

    /// Puts a plan and our identities in force, as far as `settings` concern us: new addresses are listened on first, then everything changes at once,
    /// then addresses that are no longer named are left. Open connections are decided again.
    ///
    /// # Errors
    /// Why the plan cannot be enforced here; what was in force stays.
    pub async fn apply(
        &self,
        settings: &Settings,
        plan: Arc<Plan>,
        mesh: Option<Arc<MeshTls>>,
        certificates: &EdgeSource<'_>,
    ) -> Result<(), ApplyError> {
        let _one_at_a_time = self.changing.lock().await;
        let before = self.shared.live.load_full();
        let clients = live::clients(&plan, settings)?;
        let listeners = live::listeners(&plan, settings, certificates, &clients)?;
        let fresh: Vec<SocketAddr> = listeners.keys().filter(|a| !before.listeners.contains_key(a)).copied().collect();
        let left: Vec<SocketAddr> = before.listeners.keys().filter(|a| !listeners.contains_key(a)).copied().collect();
        if let Err(error) = self.listen(&fresh).await {
            self.leave(&fresh);
            return Err(error);
        }
        if !Arc::ptr_eq(&plan, &before.plan) {
            self.shared.issuers.set(&plan.checked().mesh.issuers);
        }
        let serial = before.serial + 1;
        let same = match (&mesh, &before.mesh) {
            (Some(mesh), Some(before)) => Arc::ptr_eq(mesh, before),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        let mesh_serial = if same { before.mesh_serial } else { serial };
        let users = live::carries_users(&plan);
        let zone = settings.zone.clone();
        self.shared.live.store(Arc::new(Live { serial, plan, users, mesh, mesh_serial, zone, listeners, clients }));
        self.shared.changes.send_replace(serial);
        self.leave(&left);
        Ok(())
    }

    /// The sets of client certificates that are asked for, each with why its files as they are now are not in use.
    pub fn client_certificates(&self) -> BTreeMap<Name, Option<String>> {
        let live = self.shared.live.load();
        live.clients.iter().map(|(name, set)| (name.clone(), set.trouble())).collect()
    }

    /// The plan that is in force.
    pub fn plan(&self) -> Arc<Plan> {
        self.shared.live.load().plan.clone()
    }

    /// Sockets that listen already: the next plan takes those whose addresses it names, and the others are closed.
    pub fn inherit(&self, held: Vec<Held>) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }

    /// Every listening socket once more, for the process after this one.
    ///
    /// # Errors
    /// When a worker has ended, or there are no descriptors left.
    pub async fn share(&self) -> std::io::Result<Vec<Held>> {
        let mut all = Vec::new();
        for worker in &self.workers {
            let (done, shared) = oneshot::channel();
            let gone = || std::io::Error::from(std::io::ErrorKind::BrokenPipe);
            worker.send(Order::Share(done)).map_err(|_| gone())?;
            all.extend(shared.await.map_err(|_| gone())??);
        }
        Ok(all)
    }

    /// Takes no more connections, and ends the workers when those that are open have ended: after their next answer, which
    /// tells their clients so.
    pub fn retire(&self) {
        self.workers.iter().for_each(|worker| drop(worker.send(Order::Retire)));
    }

    /// The counts of quotas, to be kept across restarts.
    pub fn quotas(&self) -> Quotas {
        Quotas(self.shared.limiter.clone())
    }

    /// Takes no more connections, lets open requests end, and ends the workers.
    pub fn drain(&self) {
        self.workers.iter().for_each(|worker| drop(worker.send(Order::Drain)));
    }

    /// Whether every worker has ended.
    pub fn is_drained(&self) -> bool {
        self.workers.iter().all(mpsc::UnboundedSender::is_closed)
    }

    async fn listen(&self, addresses: &[SocketAddr]) -> Result<(), ApplyError> {
        let held = std::mem::take(&mut *self.held.lock().unwrap_or_else(PoisonError::into_inner));
        for address in addresses {
            let (ours, count) = (held.iter().filter(|(at, _)| at == address), self.workers.len());
            let ours: Vec<&OwnedFd> = ours.map(|(_, socket)| socket).collect();
            for (index, worker) in self.workers.iter().enumerate() {
                // Each socket has a worker, since each has a queue; where there are fewer, workers share them.
                let shared = index.checked_rem(ours.len()).filter(|_| index >= ours.len());
                let of_this = (index..ours.len()).step_by(count).chain(shared);
                let copy = |socket: &&OwnedFd| socket.try_clone();
                let sockets: std::io::Result<Vec<OwnedFd>> = of_this.filter_map(|i| ours.get(i)).map(copy).collect();
                let sockets = sockets.map_err(|error| ApplyError::Bind { address: *address, error })?;
                let (done, bound) = oneshot::channel();
                worker.send(Order::Listen(*address, sockets, done)).map_err(|_| ApplyError::WorkerGone)?;
                bound.await.map_err(|_| ApplyError::WorkerGone)??;
            }
        }
        Ok(())
    }

    fn leave(&self, addresses: &[SocketAddr]) {
        for address in addresses {
            self.workers.iter().for_each(|worker| drop(worker.send(Order::Leave(*address))));
        }
    }
}
