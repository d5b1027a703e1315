//! A worker's thread: a runtime of its own, its listening sockets, and its beat.

use crate::accept;
use crate::live::ApplyError;
use crate::shared::Shared;
use crate::worker::Worker;
use selvedge_net::Listener;
use selvedge_telemetry::{Recorder, Shard};
use std::collections::HashMap;
use std::net::SocketAddr;
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
    /// Listen on an address.
    Listen(SocketAddr, oneshot::Sender<Result<(), ApplyError>>),
    /// Stop listening on an address. Its open connections go on.
    Leave(SocketAddr),
    /// Take no more connections, end idle ones, and end when none is left.
    Drain,
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
    let mut listening: HashMap<SocketAddr, JoinHandle<()>> = HashMap::new();
    let mut flush = tokio::time::interval(FLUSH_EVERY);
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    let mut changes = worker.changes();
    loop {
        tokio::select! {
            order = orders.recv() => match order {
                Some(Order::Listen(address, done)) => {
                    let bound = Listener::bind(address).map_err(|error| ApplyError::Bind { address, error });
                    let answer = bound.map(|listener| {
                        let accepting = tokio::task::spawn_local(accept::accept(worker.clone(), listener, address));
                        drop(listening.insert(address, accepting));
                    });
                    // Whoever asked may have given up.
                    let _ = done.send(answer);
                }
                Some(Order::Leave(address)) => listening.remove(&address).into_iter().for_each(|task| task.abort()),
                Some(Order::Drain) => {
                    listening.drain().for_each(|(_, task)| task.abort());
                    worker.drain();
                }
                None => break,
            },
            _ = flush.tick() => {
                worker.flush();
                if worker.is_draining() && worker.drain() {
                    break;
                }
            }
            _ = sweep.tick() => worker.upstreams.sweep(),
            Ok(()) = changes.changed() => worker.close_disbelieved(),
        }
    }
    worker.flush();
}
