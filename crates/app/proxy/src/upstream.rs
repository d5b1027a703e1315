//! Where requests go: the endpoints of a port, and connections to them that are kept for the next request.
//!
//! Each worker has its own, so nothing here is shared or locked.

mod endpoint;

pub(crate) use endpoint::{Endpoint, Lease};

use crate::connection::Connection;
use crate::live::Live;
use crate::role::Presents;
use endpoint::{Address, Key, Link};
use selvedge_config::checked::{self, Protocol, Traffic};
use selvedge_http::Scheme;
use selvedge_model::{Name, SpiffeId};
use selvedge_net::Alpn;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

/// The upstreams of one worker.
#[derive(Debug, Default)]
pub(crate) struct Upstreams {
    /// Under the plan of `serial` alone.
    ports: RefCell<HashMap<Name, Vec<Rc<Port>>, ahash::RandomState>>,
    serial: Cell<u64>,
    /// Over all plans, so that connections outlive a change that does not concern them.
    endpoints: RefCell<HashMap<Key, Rc<Endpoint>, ahash::RandomState>>,
}

/// A port of a service as a destination.
#[derive(Debug)]
pub(crate) struct Port {
    name: Name,
    /// As which of our identities it is called; without one, it is the local workload's.
    as_id: Option<SpiffeId>,
    pub(crate) endpoints: Vec<Rc<Endpoint>>,
    pub(crate) traffic: Traffic,
    next: Cell<usize>,
}

impl Upstreams {
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
    }

    fn build(&self, live: &Live, service: &Name, port: &Name, as_id: Option<&SpiffeId>) -> Option<Port> {
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
        let mut known = self.endpoints.borrow_mut();
        let endpoints = addresses.into_iter().map(|(address, link)| {
            let key = Key { address, link, protocol: port.protocol };
            known.entry(key.clone()).or_insert_with(|| Rc::new(Endpoint::new(key))).clone()
        });
        Some(Port {
            name: port.name.clone(),
            as_id: as_id.cloned(),
            endpoints: endpoints.collect(),
            traffic: document.traffic,
            next: Cell::new(selvedge_net::random_u128() as usize),
        })
    }
}

fn alpn(protocol: Protocol) -> Alpn {
    match protocol {
        Protocol::Http => Alpn::Http1,
        Protocol::Http2 | Protocol::Grpc => Alpn::H2,
        Protocol::Tcp => Alpn::MeshTcp,
    }
}

impl Port {
    /// The endpoints in the order in which they are tried: each in its turn, those that just failed last.
    pub(crate) fn in_turn(&self) -> impl Iterator<Item = &Rc<Endpoint>> {
        let start = self.next.replace(self.next.get().wrapping_add(1));
        let count = self.endpoints.len().max(1);
        let turn = move |offset: usize| self.endpoints.get((start % count + offset) % count);
        let rests = |endpoint: &&Rc<Endpoint>| endpoint.is_resting();
        let ready = (0..count).filter_map(turn).filter(move |endpoint| !rests(endpoint));
        ready.chain((0..count).filter_map(turn).filter(move |endpoint| rests(endpoint)))
    }
}

impl Endpoint {
    /// How a request reaches this endpoint.
    pub(crate) fn scheme(&self) -> Scheme {
        if self.is_mesh() { Scheme::Https } else { Scheme::Http }
    }
}
