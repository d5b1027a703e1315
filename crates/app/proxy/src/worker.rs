//! One worker: a thread with its own runtime, listening sockets, upstream connections, limits and counters.
//!
//! Nothing on the request path is shared with another worker but what is in force, which is read by one atomic load.

use crate::live::{ApplyError, Live};
use crate::upstream::Upstreams;
use crate::{Shared, accept, tokens};
use selvedge_model::{Name, Principal, Record};
use selvedge_net::{Listener, now_s};
use selvedge_telemetry::{Recorder, Shard};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;

/// Records are handed over at least so often.
const FLUSH_EVERY: Duration = Duration::from_millis(20);
/// Idle upstream connections are looked through so often.
const SWEEP_EVERY: Duration = Duration::from_secs(5);

/// What one worker holds.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    recorder: Recorder,
    pub(crate) shard: Shard,
    pub(crate) upstreams: Upstreams,
    tokens: RefCell<tokens::Tokens>,
    changes: watch::Receiver<u64>,
    draining: Cell<bool>,
    /// Connections that are open.
    pub(crate) open: Cell<usize>,
}

/// What a worker is told to do.
pub(crate) enum Order {
    /// Listen on an address.
    Listen(SocketAddr, oneshot::Sender<Result<(), ApplyError>>),
    /// Stop listening on an address. Its open connections go on.
    Leave(SocketAddr),
    /// Take no more connections, end idle ones, and end when none is left.
    Drain,
}

impl Worker {
    /// What is in force.
    pub(crate) fn live(&self) -> Arc<Live> {
        self.shared.live.load_full()
    }

    /// A receiver that is told of each change of the plan from now on.
    pub(crate) fn changes(&self) -> watch::Receiver<u64> {
        let mut changes = self.changes.clone();
        changes.mark_unchanged();
        changes
    }

    /// Whom a token speaks for, by one of these issuers. `None`: it is refused.
    pub(crate) fn verify(&self, live: &Live, token: &str, issuers: &[Name]) -> Option<Arc<Principal>> {
        let mut tokens = self.tokens.borrow_mut();
        tokens::verify_or_ask(&mut tokens, &self.shared.issuers, token, issuers, live.plan.hash(), now_s())
    }

    /// Counts a hop and keeps its record.
    pub(crate) fn keep(&self, record: Record) {
        self.shard.hop(&record);
        self.recorder.record(record);
    }

    /// Whether connections are to end after their current request.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }
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
        let changes = shared.changes.subscribe();
        let worker = Rc::new(Worker {
            shared,
            recorder,
            shard,
            upstreams: Upstreams::default(),
            tokens: RefCell::default(),
            changes,
            draining: Cell::new(false),
            open: Cell::new(0),
        });
        tokio::task::LocalSet::new().block_on(&runtime, run(worker, received));
    })?;
    Ok(orders)
}

async fn run(worker: Rc<Worker>, mut orders: mpsc::UnboundedReceiver<Order>) {
    let mut listening: HashMap<SocketAddr, JoinHandle<()>> = HashMap::new();
    let mut flush = tokio::time::interval(FLUSH_EVERY);
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
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
                    worker.draining.set(true);
                }
                None => break,
            },
            _ = flush.tick() => {
                worker.recorder.flush();
                if worker.is_draining() && worker.open.get() == 0 {
                    break;
                }
            }
            _ = sweep.tick() => worker.upstreams.sweep(),
        }
    }
    worker.recorder.flush();
}
