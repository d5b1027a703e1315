//! The data plane: one pipeline, in three roles, on one thread for each core.
//!
//! [`Proxy::start`] makes the workers; [`Proxy::apply`] puts a plan in force, without dropping a request, or leaves what
//! was in force and says why. Everything else happens on the workers, request by request.

mod accept;
mod connection;
mod custody;
mod exchange;
mod forward;
mod h1;
mod h2;
mod hop;
mod live;
mod pipeline;
mod relay;
mod respond;
mod role;
mod shared;
mod stage;
mod tcp;
mod thread;
mod tokens;
mod trace;
mod upstream;
mod wire;
mod worker;

pub use live::ApplyError;

use arc_swap::ArcSwap;
use live::Live;
use selvedge_config::checked::Listener;
use selvedge_model::Name;
use selvedge_net::issuers::Issuers;
use selvedge_net::{EdgeCertificate, MeshTls, TlsError};
use selvedge_plan::Plan;
use selvedge_telemetry::{DecisionLog, Metrics};
use shared::Shared;
use std::net::SocketAddr;
use std::sync::Arc;
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
}

/// A running data plane.
pub struct Proxy {
    shared: Arc<Shared>,
    workers: Vec<mpsc::UnboundedSender<Order>>,
    /// Guards the order of changes: one at a time, over awaits, off the request path.
    changing: Mutex<()>,
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
        let live = Live { serial: 0, plan: empty, users, mesh: None, mesh_serial: 0, listeners: Default::default() };
        let (changes, _) = watch::channel(0);
        let shared =
            Arc::new(Shared { live: ArcSwap::from_pointee(live), changes, issuers, flights: Default::default() });
        let started: std::io::Result<Vec<_>> =
            (0..workers.max(1)).map(|i| thread::start(i, shared.clone(), log.recorder(), metrics.worker(i))).collect();
        Ok(Proxy { shared, workers: started?, changing: Mutex::new(()) })
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
        let listeners = live::listeners(&plan, settings, certificates)?;
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
        self.shared.live.store(Arc::new(Live { serial, plan, users, mesh, mesh_serial, listeners }));
        self.shared.changes.send_replace(serial);
        self.leave(&left);
        Ok(())
    }

    /// The plan that is in force.
    pub fn plan(&self) -> Arc<Plan> {
        self.shared.live.load().plan.clone()
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
        for address in addresses {
            for worker in &self.workers {
                let (done, bound) = oneshot::channel();
                worker.send(Order::Listen(*address, done)).map_err(|_| ApplyError::WorkerGone)?;
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
