//! The endpoints of one port: which one a request goes to, whether it may go to a second one, and how much is under way.

use super::endpoint::Endpoint;
use selvedge_balance::{Balancer, Budget, Concurrency, Ended, How, Outlier, Ring, Strain, View, draw, hash};
use selvedge_config::checked::{Balance, HashBy, Traffic};
use selvedge_model::{Name, SpiffeId};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A port of a service as a destination, under one plan.
#[derive(Debug)]
pub(crate) struct Port {
    pub(super) name: Name,
    /// As which of our identities it is called; without one, it is the local workload's.
    pub(super) as_id: Option<SpiffeId>,
    pub(crate) traffic: Traffic,
    members: Vec<Member>,
    balancer: RefCell<Balancer>,
    load: Rc<Load>,
    /// Connections and waiting requests that this worker may have.
    share: Share,
    seed: Cell<u64>,
}

/// One endpoint of a port.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) endpoint: Rc<Endpoint>,
    /// What active checks say of it, where there are any.
    pub(super) down: Option<Arc<AtomicBool>>,
    /// Whether it was down when it was last looked at.
    pub(super) was_down: Cell<bool>,
    /// Whether it is in our own zone.
    pub(super) near: bool,
}

/// What outlives a change of the plan: retries that are left, and requests under way.
#[derive(Debug)]
pub(super) struct Load {
    budget: RefCell<Budget>,
    concurrency: RefCell<Concurrency>,
    pending: Cell<u32>,
}

/// The part of a process's limits that one worker has.
#[derive(Debug, Clone, Copy)]
struct Share {
    connections_max: u32,
    pending_max: u32,
}

/// Endpoints that a request was sent to, or that could not be reached.
pub(crate) type Tried = smallvec::SmallVec<[usize; 4]>;

impl Load {
    pub(super) fn new(traffic: &Traffic, workers: u32) -> Load {
        Load {
            budget: RefCell::new(Budget::new(traffic.retries.budget_per_mille)),
            concurrency: RefCell::new(Concurrency::new(traffic.circuit.requests_max.div_ceil(workers.max(1)))),
            pending: Cell::new(0),
        }
    }
}

impl Port {
    pub(super) fn new(
        (name, as_id): (Name, Option<SpiffeId>),
        traffic: Traffic,
        mut members: Vec<Member>,
        load: Rc<Load>,
        workers: u32,
    ) -> Port {
        members.sort_by_key(|member| !member.near);
        let near = members.iter().filter(|member| member.near).count();
        let ring = match traffic.balance {
            Balance::Hash(_) => {
                let names: Vec<u64> = members.iter().map(|member| hash(member.endpoint.label().as_bytes())).collect();
                Ring::new(&names)
            }
            Balance::LeastLatency | Balance::RoundRobin => Ring::default(),
        };
        let part = |whole: u32| whole.div_ceil(workers.max(1));
        let share = Share {
            connections_max: part(traffic.circuit.connections_max),
            pending_max: part(traffic.circuit.pending_max),
        };
        let balancer = RefCell::new(Balancer::new(near, members.len(), ring));
        let seed = Cell::new(selvedge_net::random_u128() as u64);
        Port { name, as_id, traffic, members, balancer, load, share, seed }
    }

    /// Notes a request. `None`: as many as there may be are under way already.
    pub(crate) fn enter(&self) -> Option<Entered> {
        if !self.load.concurrency.borrow_mut().begin() {
            return None;
        }
        self.load.budget.borrow_mut().earn();
        Some(Entered { load: self.load.clone(), strain: Cell::new(Strain::None) })
    }

    /// By what an endpoint is chosen, for a request whose key `value` finds.
    pub(crate) fn how(&self, value: impl FnOnce(&HashBy) -> Option<u64>) -> How {
        match &self.traffic.balance {
            Balance::LeastLatency => How::LeastLatency,
            Balance::RoundRobin => How::RoundRobin,
            Balance::Hash(by) => value(by).map_or(How::LeastLatency, How::Hash),
        }
    }

    /// An endpoint that is not among `tried`, and is then. `None`: no other is left.
    pub(crate) fn choose(&self, how: How, tried: &mut Tried) -> Option<&Rc<Endpoint>> {
        let now = super::now();
        let mut seed = self.seed.get();
        let seed_of_this = draw(&mut seed);
        self.seed.set(seed);
        let view = |index: usize| self.view(index, now);
        let chosen = self.balancer.borrow_mut().choose(how, &view, tried, (now, seed_of_this))?;
        tried.push(chosen);
        self.members.get(chosen).map(|member| &member.endpoint)
    }

    /// Whether there is an endpoint that was not tried.
    pub(crate) fn has_other(&self, tried: &[usize]) -> bool {
        let is_up = |member: &Member| !member.is_down();
        self.members.iter().enumerate().any(|(index, member)| !tried.contains(&index) && is_up(member))
    }

    /// Whether a request may be sent a second time; it is paid for then.
    pub(crate) fn spend(&self) -> bool {
        self.load.budget.borrow_mut().spend()
    }

    /// Whether one more connection may be made.
    pub(crate) fn may_connect(&self) -> bool {
        let open: u32 = self.members.iter().map(|member| member.endpoint.open()).sum();
        open < self.share.connections_max
    }

    /// Notes a request that waits for a connection. `None`: as many as may do so already.
    pub(crate) fn wait(&self) -> Option<Waits> {
        let pending = self.load.pending.get();
        (pending < self.share.pending_max).then(|| {
            self.load.pending.set(pending + 1);
            Waits(self.load.clone())
        })
    }

    /// Notes how a request to an endpoint ended, and ejects the endpoint where that is due.
    pub(crate) fn ended(&self, endpoint: &Endpoint, ended: Ended) {
        let (now, limits) = (super::now(), &self.traffic.outlier);
        if !endpoint.node.borrow_mut().end(now, ended, limits) {
            return;
        }
        let ejected = self.members.iter().filter(|member| member.endpoint.node.borrow().is_ejected(now)).count();
        if Outlier::may_eject(self.members.len(), ejected, limits) {
            endpoint.node.borrow_mut().eject(now, limits);
        }
    }

    fn view(&self, index: usize, now: u64) -> View {
        let Some(member) = self.members.get(index) else {
            return selvedge_balance::Node::new(now).view(now, true, 0);
        };
        let down = member.is_down();
        if member.was_down.replace(down) && !down {
            member.endpoint.node.borrow_mut().back(now);
        }
        member.endpoint.node.borrow().view(now, down, self.traffic.slow_start_ms)
    }
}

impl Member {
    fn is_down(&self) -> bool {
        self.down.as_ref().is_some_and(|down| down.load(Ordering::Relaxed))
    }
}

/// A request that is under way, as long as this lives.
#[derive(Debug)]
pub(crate) struct Entered {
    load: Rc<Load>,
    strain: Cell<Strain>,
}

impl Entered {
    /// Notes that the service has too much to do.
    pub(crate) fn overloaded(&self) {
        self.strain.set(Strain::Overloaded);
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.load.concurrency.borrow_mut().end(super::now(), self.strain.get());
    }
}

/// A request that waits for a connection, as long as this lives.
#[derive(Debug)]
pub(crate) struct Waits(Rc<Load>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.pending.set(self.0.pending.get().saturating_sub(1));
    }
}
