//! A worker's thread: a runtime of its own, its listening sockets, and its beat.

use crate::accept;
use crate::live::ApplyError;
use crate::shared::Shared;
use crate::worker::Worker;
use selvedge_net::Listener;
use selvedge_net::handover::Held;
use selvedge_telemetry::{Recorder, Shard};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Records are handed over at least so often.
const FLUSH_EVERY: Duration = Duration::from_millis(20);
/// Idle upstream connections are looked through so often.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// What a worker is told to do.
pub(crate) enum Order {
    /// Listen on an address: on these sockets, where it was listened on before us, or on one of our own.
    Listen(SocketAddr, Vec<OwnedFd>, oneshot::Sender<Result<(), ApplyError>>),
    /// Give each listening socket once more.
    Share(oneshot::Sender<std::io::Result<Vec<Held>>>),
    /// Stop listening on an address. Its open connections go on.
    Leave(SocketAddr),
    /// Take no more connections, end idle ones, and end when none is left.
    Drain,
    /// The same, but for idle ones, which are told with the answer to their next request: nobody's request is lost.
    Retire,
}

/// Starts a worker's thread.
///
/// # Errors
/// When the thread or its runtime cannot be made.
pub(crate) fn start(
    index: usize,
    shared: Arc<Shared>,
    recorder: Recorder,
    shard: Shard,
) -> std::io::Result<mpsc::UnboundedSender<Order>> {
    let (orders, received) = mpsc::unbounded_channel();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let thread = std::thread::Builder::new().name(format!("worker-{index}"));
    thread.spawn(move || {
        let worker = Rc::new(Worker::new(shared, recorder, shard));
        tokio::task::LocalSet::new().block_on(&runtime, run(worker, received));
    })?;
    Ok(orders)
}

async fn run(worker: Rc<Worker>, mut orders: mpsc::UnboundedReceiver<Order>) {
    let mut listening: HashMap<SocketAddr, Vec<Listening>> = HashMap::new();
    let mut flush = tokio::time::interval(FLUSH_EVERY);
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    let mut changes = worker.changes();
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Listen(address, held, done)) => {
                    let answer = listen(&worker, address, held).map(|begun| drop(listening.insert(address, begun)));
                    // Whoever asked may have given up.
                    let _ = done.send(answer.map_err(|error| ApplyError::Bind { address, error }));
                }
                Some(Order::Share(done)) => drop(done.send(share(&listening))),
                Some(Order::Leave(address)) => drop(listening.remove(&address)),
                Some(Order::Drain) => {
                    listening.clear();
                    worker.drain();
                }
                Some(Order::Retire) => {
                    listening.clear();
                    worker.retire();
                }
                None => break,
            },
            _ = flush.tick() => {
                worker.flush();
                worker.relieve();
                if worker.is_draining() && worker.go_on_draining() {
                    break;
                }
            }
            _ = sweep.tick() => worker.upstreams.sweep(),
            Ok(()) = changes.changed() => worker.close_disbelieved(),
        }
    }
    worker.flush();
}

/// A socket on which connections are accepted, as long as this lives.
struct Listening {
    listener: Rc<Listener>,
    accepting: JoinHandle<()>,
}

impl Drop for Listening {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

fn listen(worker: &Rc<Worker>, address: SocketAddr, held: Vec<OwnedFd>) -> std::io::Result<Vec<Listening>> {
    let bound: std::io::Result<Vec<Listener>> = match held.is_empty() {
        true => Listener::bind(address).map(|listener| vec![listener]),
        false => held.into_iter().map(Listener::held).collect(),
    };
    let begin = |listener: Listener| {
        let listener = Rc::new(listener);
        let accepting = tokio::task::spawn_local(accept::accept(worker.clone(), listener.clone(), address));
        Listening { listener, accepting }
    };
    Ok(bound?.into_iter().map(begin).collect())
}

fn share(listening: &HashMap<SocketAddr, Vec<Listening>>) -> std::io::Result<Vec<Held>> {
    let all = listening.iter().flat_map(|(address, all)| all.iter().map(move |one| (*address, one)));
    all.map(|(address, one)| Ok((address, one.listener.share()?))).collect()
}
