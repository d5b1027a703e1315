//! Where requests go: the endpoints of a port, and connections to them that are kept for the next request.
//!
//! Each worker has its own, so nothing here is shared or locked.

mod balance;
mod checks;
mod endpoint;
pub(crate) mod key;

pub(crate) use balance::{Entered, Port, Tried};
pub(crate) use checks::{Begun, Checks, Watched};
pub(crate) use endpoint::{Endpoint, Key, Lease, Open};

use crate::connection::Connection;
use crate::live::Live;
use crate::role::Presents;
use balance::{Load, Member};
use endpoint::{Address, Link};
use selvedge_config::checked::{self, Protocol};
use selvedge_http::Scheme;
use selvedge_model::Name;
use selvedge_net::Alpn;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

/// The upstreams of one worker.
pub(crate) struct Upstreams {
    /// Under the plan of `serial` alone.
    ports: RefCell<HashMap<Name, Vec<Rc<Port>>, ahash::RandomState>>,
    serial: Cell<u64>,
    /// Over all plans, so that connections outlive a change that does not concern them.
    endpoints: RefCell<HashMap<Key, Rc<Endpoint>, ahash::RandomState>>,
    /// Over all plans too: a change gives no service new retries.
    loads: RefCell<HashMap<LoadKey, Rc<Load>, ahash::RandomState>>,
    checks: Arc<Checks>,
    workers: u32,
}

/// Service, port, budget in thousandths, requests at once.
type LoadKey = (Name, Name, u32, u32);

thread_local! {
    static STARTED: Instant = Instant::now();
}

/// Microseconds of a clock of this thread that only goes forward.
pub(crate) fn now() -> u64 {
    STARTED.with(|started| u64::try_from(started.elapsed().as_micros()).unwrap_or(u64::MAX))
}

impl Upstreams {
    /// Those of one of so many workers.
    pub(crate) fn new(checks: Arc<Checks>, workers: u32) -> Upstreams {
        Upstreams {
            ports: RefCell::default(),
            serial: Cell::new(0),
            endpoints: RefCell::default(),
            loads: RefCell::default(),
            checks,
            workers,
        }
    }

    /// The endpoints of a port, for a hop on this connection.
    pub(crate) fn port(&self, live: &Live, connection: &Connection, service: &Name, port: &Name) -> Option<Rc<Port>> {
        if self.serial.replace(live.serial) != live.serial {
            self.ports.borrow_mut().clear();
        }
        let as_id = match connection.role.presents {
            Presents::Nothing => None,
            Presents::Svid => Some(&connection.own),
        };
        let is_it = |known: &&Rc<Port>| known.name == *port && known.as_id.as_ref() == as_id;
        if let Some(found) = self.ports.borrow().get(service).and_then(|ports| ports.iter().find(is_it)) {
            return Some(found.clone());
        }
        let built = Rc::new(self.build(live, service, port, as_id)?);
        self.ports.borrow_mut().entry(service.clone()).or_default().push(built.clone());
        Some(built)
    }

    /// Closes connections that were idle too long, and forgets endpoints that no plan names any more.
    pub(crate) fn sweep(&self) {
        self.endpoints.borrow_mut().retain(|_, endpoint| {
            endpoint.sweep();
            Rc::strong_count(endpoint) > 1
        });
        self.loads.borrow_mut().retain(|_, load| Rc::strong_count(load) > 1);
    }

    fn build(
        &self,
        live: &Live,
        service: &Name,
        port: &Name,
        as_id: Option<&selvedge_model::SpiffeId>,
    ) -> Option<Port> {
        let document = live.plan.service(service.as_str())?;
        let port = document.port(port)?;
        let addresses = match as_id {
            None => vec![(Address::Local(port.target), None)],
            Some(as_id) => {
                let target = live.plan.target(service.as_str())?;
                let link = Link {
                    as_id: as_id.clone(),
                    server_name: live.plan.server_name(service, &port.name),
                    expected: target.id.clone(),
                    alpn: alpn(port.protocol),
                    serial: live.mesh_serial,
                };
                let address = |endpoint: &checked::Endpoint| match endpoint {
                    checked::Endpoint::Mesh(at) => (Address::Named(at.clone()), Some(link.clone())),
                    checked::Endpoint::Plaintext(at) => (Address::Named(at.clone()), None),
                };
                target.endpoints.iter().map(address).collect()
            }
        };
        let traffic = document.traffic.clone();
        let mut known = self.endpoints.borrow_mut();
        let members = addresses.into_iter().map(|(address, link)| {
            let near = live.zone.is_none() || zone(&traffic, &address) == live.zone.as_ref();
            let key = Key { address, link, protocol: port.protocol };
            let down = traffic.health.as_ref().map(|check| self.checks.watch(&key, check));
            let endpoint = known.entry(key.clone()).or_insert_with(|| Rc::new(Endpoint::new(key))).clone();
            Member { endpoint, down, was_down: Cell::new(false), near }
        });
        let members: Vec<Member> = members.collect();
        // INVARIANT: the map holds one reference and the member another; more mean that the endpoint was there before.
        if members.iter().all(|member| Rc::strong_count(&member.endpoint) == 2) {
            members.iter().for_each(|member| member.endpoint.settle());
        }
        let (budget, requests) = (traffic.retries.budget_per_mille, traffic.circuit.requests_max);
        let mut loads = self.loads.borrow_mut();
        let load = loads.entry((service.clone(), port.name.clone(), budget, requests));
        let load = load.or_insert_with(|| Rc::new(Load::new(&traffic, self.workers))).clone();
        Some(Port::new((port.name.clone(), as_id.cloned()), traffic, members, load, self.workers))
    }
}

/// The zone that the document gives an address.
fn zone<'t>(traffic: &'t checked::Traffic, address: &Address) -> Option<&'t Name> {
    match address {
        Address::Local(_) => None,
        Address::Named(at) => traffic.zones.get(at),
    }
}

fn alpn(protocol: Protocol) -> Alpn {
    match protocol {
        Protocol::Http => Alpn::Http1,
        Protocol::Http2 | Protocol::Grpc => Alpn::H2,
        Protocol::Tcp => Alpn::MeshTcp,
    }
}

impl Endpoint {
    /// How a request reaches this endpoint.
    pub(crate) fn scheme(&self) -> Scheme {
        if self.is_mesh() { Scheme::Https } else { Scheme::Http }
    }
}
