//! What one worker holds: connections of both sides, verified tokens, counters.
//!
//! Nothing on the request path is shared with another worker but what is in force, which is read by one atomic load.

use crate::custody::{Custody, Flights};
use crate::live::Live;
use crate::shared::Shared;
use crate::tokens;
use crate::upstream::Upstreams;
use selvedge_model::{Name, Principal, Record};
use selvedge_net::now_s;
use selvedge_telemetry::{Recorder, Shard};
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::AbortHandle;

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
    draining: Cell<bool>,
    /// Open connections by number.
    open: RefCell<HashMap<u64, Open>>,
    accepted: Cell<u64>,
}

/// A connection that is served by a task.
struct Open {
    task: AbortHandle,
    /// Whether it waits for a request.
    waits: Rc<Cell<bool>>,
}

impl Worker {
    pub(crate) fn new(shared: Arc<Shared>, recorder: Recorder, shard: Shard) -> Worker {
        let changes = shared.changes.subscribe();
        Worker {
            shared,
            recorder,
            shard,
            upstreams: Upstreams::default(),
            tokens: RefCell::default(),
            custody: RefCell::default(),
            changes,
            draining: Cell::new(false),
            open: RefCell::default(),
            accepted: Cell::new(0),
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

    /// Counts a hop and keeps its record.
    pub(crate) fn keep(&self, record: Record) {
        self.shard.hop(&record);
        self.recorder.record(&record);
    }

    /// Hands the records of the last moments to the decision log.
    pub(crate) fn flush(&self) {
        self.recorder.flush();
    }

    /// The number of the next connection.
    pub(crate) fn number(&self) -> u64 {
        self.accepted.replace(self.accepted.get().wrapping_add(1))
    }

    /// Notes a connection that is served by a task.
    pub(crate) fn opened(&self, number: u64, task: AbortHandle, waits: Rc<Cell<bool>>) {
        self.open.borrow_mut().insert(number, Open { task, waits });
    }

    /// Forgets a connection that has ended.
    pub(crate) fn closed(&self, number: u64) {
        self.open.borrow_mut().remove(&number);
    }

    /// Whether connections are to end after their current request.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// Ends the connections that wait for a request, and those that come to wait later. `true`: none is left.
    pub(crate) fn drain(&self) -> bool {
        self.draining.set(true);
        let open = self.open.borrow();
        open.values().filter(|open| open.waits.get()).for_each(|open| open.task.abort());
        open.is_empty()
    }
}
