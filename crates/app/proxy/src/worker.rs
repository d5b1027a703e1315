//! What one worker holds: connections of both sides, verified tokens, counters.
//!
//! Nothing on the request path is shared with another worker but what is in force, which is read by one atomic load.

use crate::custody::{Custody, Flights};
use crate::limiter::Limiter;
use crate::live::Live;
use crate::shared::Shared;
use crate::shed::Gate;
use crate::tokens;
use crate::upstream::Upstreams;
use selvedge_identity::Peer;
use selvedge_model::{Name, Principal, Record};
use selvedge_net::issuers::{Active, Unanswered};
use selvedge_net::now_s;
use selvedge_telemetry::{Recorder, Shard};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

/// Before a process makes room for its successor, its idle connections have so long for one more request.
const RETIRE_IDLE: Duration = Duration::from_secs(20);

/// What one worker holds.
pub(crate) struct Worker {
    shared: Arc<Shared>,
    recorder: Recorder,
    pub(crate) shard: Shard,
    pub(crate) upstreams: Upstreams,
    tokens: RefCell<tokens::Tokens>,
    /// Transaction tokens.
    pub(crate) custody: RefCell<Custody>,
    changes: watch::Receiver<u64>,
    /// Set while connections are to end: until when those that wait for a request may go on waiting.
    idle_until: Cell<Option<Instant>>,
    drains: Notify,
    /// The time at the last beat.
    beat: Cell<Instant>,
    /// Open connections by number.
    open: RefCell<HashMap<u64, Open>>,
    accepted: Cell<u64>,
    /// Requests from downstream.
    under_way: Rc<Cell<u32>>,
}

/// A request that is under way, as long as this lives.
pub(crate) struct UnderWay(Rc<Cell<u32>>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// A connection that is served by a task.
struct Open {
    task: AbortHandle,
    /// Whether it waits for a request.
    waits: Rc<Cell<bool>>,
    /// What a peer of the mesh has shown, who calls over HTTP.
    shown: Option<Peer>,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, recorder: Recorder, shard: Shard) -> Worker {
        let changes = shared.changes.subscribe();
        let upstreams = Upstreams::new(shared.checks.clone(), shared.workers);
        Worker {
            shared,
            recorder,
            shard,
            upstreams,
            tokens: RefCell::default(),
            custody: RefCell::default(),
            changes,
            idle_until: Cell::new(None),
            drains: Notify::new(),
            beat: Cell::new(Instant::now()),
            open: RefCell::default(),
            accepted: Cell::new(0),
            under_way: Rc::default(),
        }
    }

    /// What is in force.
    pub(crate) fn live(&self) -> Arc<Live> {
        self.shared.live.load_full()
    }

    /// Requests in flight, of all workers.
    pub(crate) fn flights(&self) -> &Arc<Flights> {
        &self.shared.flights
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

    /// What an issuer that is asked about tokens says of one.
    pub(crate) async fn introspect(&self, issuer: &Name, token: &str) -> Result<Option<Active>, Unanswered> {
        self.shared.issuers.introspect(issuer, token).await
    }

    /// What this process has open.
    pub(crate) fn gate(&self) -> &Arc<Gate> {
        &self.shared.gate
    }

    /// Notes a request that is under way. `None`: it is one too many for this worker's part of `requests_max`, or there
    /// is no memory for it.
    pub(crate) fn enter(&self, requests_max: u32) -> Option<UnderWay> {
        let max = requests_max.div_ceil(self.shared.workers);
        let has_room = self.under_way.get() < max && !self.shared.gate.is_short_of_memory();
        has_room.then(|| {
            self.under_way.set(self.under_way.get() + 1);
            UnderWay(self.under_way.clone())
        })
    }

    /// Ends the connections that wait for a request, where memory is short.
    pub(crate) fn relieve(&self) {
        if self.shared.gate.is_short_of_memory() {
            self.open.borrow().values().filter(|open| open.waits.get()).for_each(|open| open.task.abort());
        }
    }

    /// The counts of all limits.
    pub(crate) fn limiter(&self) -> &Arc<Limiter> {
        &self.shared.limiter
    }

    /// Counts a hop and keeps its record.
    pub(crate) fn keep(&self, record: Record) {
        self.shard.hop(&record);
        self.recorder.record(&record);
    }

    /// The time, some 20 ms late, more where the thread was held up: to tell how old a kept connection is, without
    /// reading the clock for each request.
    pub(crate) fn recently(&self) -> Instant {
        self.beat.get()
    }

    /// Hands the records of the last moments to the decision log.
    pub(crate) fn flush(&self) {
        self.beat.set(Instant::now());
        self.recorder.flush();
    }

    /// The number of the next connection.
    pub(crate) fn number(&self) -> u64 {
        self.accepted.replace(self.accepted.get().wrapping_add(1))
    }

    /// Notes a connection that is served by a task.
    pub(crate) fn opened(&self, number: u64, task: AbortHandle, waits: Rc<Cell<bool>>) {
        self.open.borrow_mut().insert(number, Open { task, waits, shown: None });
    }

    /// Notes what the peer of a connection has shown.
    pub(crate) fn shown(&self, number: u64, peer: Peer) {
        if let Some(open) = self.open.borrow_mut().get_mut(&number) {
            open.shown = Some(peer);
        }
    }

    /// Closes the connections of peers that are believed no more: what was revoked a moment ago is cut off in the middle
    /// of whatever it does.
    pub(crate) fn close_disbelieved(&self) {
        let live = self.live();
        let believed = |peer: &Peer| live.mesh.as_ref().is_some_and(|mesh| mesh.believes(peer));
        let open = self.open.borrow();
        let gone = open.values().filter(|open| open.shown.as_ref().is_some_and(|peer| !believed(peer)));
        gone.for_each(|open| open.task.abort());
    }

    /// Forgets a connection that has ended.
    pub(crate) fn closed(&self, number: u64) {
        self.open.borrow_mut().remove(&number);
    }

    /// Whether connections are to end after their current request.
    pub(crate) fn is_draining(&self) -> bool {
        self.idle_until.get().is_some()
    }

    /// Ends the connections that wait for a request, and those that come to wait later.
    pub(crate) fn drain(&self) {
        self.begin_draining(Instant::now());
    }

    /// Lets the connections that wait have one more request each, for a while: their clients are told then to make others.
    pub(crate) fn retire(&self) {
        self.begin_draining(Instant::now() + RETIRE_IDLE);
    }

    /// Comes when connections are to end after their current request.
    pub(crate) async fn draining(&self) {
        if !self.is_draining() {
            self.drains.notified().await;
        }
    }

    fn begin_draining(&self, idle_until: Instant) {
        self.idle_until.set(Some(idle_until));
        self.drains.notify_waiters();
        self.go_on_draining();
    }

    /// Ends those that have waited for long enough. `true`: none is left.
    pub(crate) fn go_on_draining(&self) -> bool {
        let open = self.open.borrow();
        if self.idle_until.get().is_some_and(|until| until <= Instant::now()) {
            open.values().filter(|open| open.waits.get()).for_each(|open| open.task.abort());
        }
        open.is_empty()
    }
}
