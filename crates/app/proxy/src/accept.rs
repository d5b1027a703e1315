//! From an accepted socket to a connection with a role: who is at the other end, and what is spoken.

use crate::clients::Client;
use crate::connection::{Caller, Connection};
use crate::live::{Live, Meaning};
use crate::role::{GATEWAY, MESH_INBOUND, MESH_OUTBOUND, Role};
use crate::wire::io::Io;
use crate::worker::Worker;
use crate::{h1, h2, tcp};
use selvedge_config::checked::{Limits, Protocol};
use selvedge_http::Scheme;
use selvedge_model::{Name, SpiffeId, WorkloadKind};
use selvedge_net::{Alpn, EdgeTls, Listener, Stream, attest};
use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

/// The preface of HTTP/2, as far as tells it from a request of HTTP/1.1.
const H2_BEGINS: &[u8] = b"PRI * HTTP/2.0";
/// So long a connection waits for the plan that says what it is for.
const PLAN_WAIT: Duration = Duration::from_secs(5);
/// After a piece of the preface, the next is looked for so much later.
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// Accepts for ever. What the address is for is looked up for each connection, since it may change with the plan.
pub(crate) async fn accept(worker: Rc<Worker>, listener: Rc<Listener>, address: SocketAddr) {
    let open = Rc::new(Cell::new(0_u32));
    while let Ok((tcp, from)) = listener.accept().await {
        let Some((live, meaning)) = meaning(&worker, address).await else { continue };
        let (role, limits) = terms(&live, &meaning);
        // Over the limit a connection is closed at once: it costs nothing, and those that are open go on.
        if open.get() >= limits.connections_max {
            continue;
        }
        let Some(admitted) = worker.gate().admit(client(&live, &meaning, &limits, from)) else { continue };
        let waits = Rc::new(Cell::new(true));
        let counted = Counted::new(worker.clone(), open.clone(), role);
        let (number, bounds) = (counted.number, Bounds { limits, waits: waits.clone(), number: counted.number });
        let task = tokio::task::spawn_local(async move {
            serve(&counted.worker, &live, meaning, bounds, (tcp, from)).await;
            drop((counted, admitted));
        });
        worker.opened(number, task.abort_handle(), waits);
    }
}

/// What an address is for. Sockets that listened before us bring connections before our first plan is in force: these wait
/// for it, since a client that is closed on would have lost its request.
async fn meaning(worker: &Worker, address: SocketAddr) -> Option<(Arc<Live>, Meaning)> {
    let find = || {
        let live = worker.live();
        let meaning = live.listeners.get(&address).cloned()?;
        Some((live, meaning))
    };
    if let Some(found) = find() {
        return Some(found);
    }
    let mut changes = worker.changes();
    // Looked at once more, since a change may have come before we listened for one.
    if find().is_none() {
        let _ = tokio::time::timeout(PLAN_WAIT, changes.changed()).await;
    }
    find()
}

/// How much a connection may ask for, and whether it asks for anything now.
struct Bounds {
    limits: Limits,
    waits: Rc<Cell<bool>>,
    number: u64,
}

/// A connection that is counted as open while this lives.
struct Counted {
    worker: Rc<Worker>,
    open: Rc<Cell<u32>>,
    role: &'static Role,
    number: u64,
}

impl Counted {
    fn new(worker: Rc<Worker>, open: Rc<Cell<u32>>, role: &'static Role) -> Counted {
        worker.shard.connection_opened(role.name);
        open.set(open.get() + 1);
        Counted { number: worker.number(), worker, open, role }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.worker.shard.connection_closed(self.role.name);
        self.worker.closed(self.number);
        self.open.set(self.open.get().saturating_sub(1));
    }
}

/// Whose connections are counted together, and how many there may be: at an edge. A proxy that is trusted speaks for
/// many, and inside the mesh everybody is known.
fn client(live: &Live, meaning: &Meaning, limits: &Limits, from: SocketAddr) -> Option<(IpAddr, u32)> {
    let Meaning::Edge { gateway, .. } = meaning else { return None };
    let proxies = live.plan.gateway(gateway).map(|gateway| gateway.trusted_proxies.as_slice()).unwrap_or_default();
    let is_proxy = proxies.iter().any(|network| network.has(from.ip()));
    (!is_proxy).then_some((from.ip(), limits.client_connections_max))
}

fn terms(live: &Live, meaning: &Meaning) -> (&'static Role, Limits) {
    match meaning {
        Meaning::Edge { gateway, .. } => (&GATEWAY, live.plan.gateway(gateway).map(|g| g.limits).unwrap_or_default()),
        Meaning::Mesh => (&MESH_INBOUND, Limits::default()),
        Meaning::OutboundHttp { .. } | Meaning::OutboundTcp { .. } => (&MESH_OUTBOUND, Limits::default()),
    }
}

/// Boxed is what is rare or soon over, such as a handshake: a connection lives long, and most of the time it waits.
async fn serve(
    worker: &Rc<Worker>,
    live: &Live,
    meaning: Meaning,
    bounds: Bounds,
    (tcp, from): (TcpStream, SocketAddr),
) {
    match meaning {
        Meaning::Edge { gateway, tls } => {
            let own = live.plan.id(&WorkloadKind::Gateway(gateway.clone()));
            let bare = bare(&GATEWAY, (gateway, own), bounds, from);
            match tls {
                None => h1::serve(worker, &bare, Io::new(Stream::Plain(tcp))).await,
                Some(tls) => edge(worker, bare, &tls, tcp).await,
            }
        }
        Meaning::Mesh => mesh(worker, live, bounds, tcp, from).await,
        Meaning::OutboundHttp { service } => {
            let connection = outbound(live, service, bounds, &tcp, from);
            match Box::pin(begins_h2(&tcp, &connection.limits)).await {
                Some(true) => Box::pin(h2::serve(worker, connection, Stream::Plain(tcp))).await,
                Some(false) => h1::serve(worker, &connection, Io::new(Stream::Plain(tcp))).await,
                None => {}
            }
        }
        Meaning::OutboundTcp { service, to, port } => {
            let connection = outbound(live, service, bounds, &tcp, from);
            Box::pin(tcp::serve_outbound(worker, &connection, &to, &port, Stream::Plain(tcp))).await;
        }
    }
}

/// A connection of which nothing is known but where it comes from.
fn bare(role: &'static Role, (at, own): (Name, SpiffeId), bounds: Bounds, from: SocketAddr) -> Connection {
    Connection {
        role,
        at,
        own,
        caller: None,
        port: None,
        client: from.ip().to_canonical(),
        scheme: Scheme::Http,
        sni: None,
        tls: None,
        client_certificate: None,
        limits: bounds.limits,
        waits: bounds.waits,
    }
}

async fn edge(worker: &Rc<Worker>, bare: Connection, tls: &EdgeTls, tcp: TcpStream) {
    let Ok((stream, handshake)) = Box::pin(tls.accept(tcp, timeout(&bare.limits))).await else {
        return worker.shard.handshake_failed(bare.role.name);
    };
    let spoken = handshake.alpn;
    let client_certificate = handshake.client.map(Client::new);
    let (sni, tls) = (handshake.sni, Some(handshake.tls));
    let connection = Connection { scheme: Scheme::Https, sni, tls, client_certificate, ..bare };
    match spoken {
        Some(Alpn::H2) => Box::pin(h2::serve(worker, connection, stream)).await,
        Some(Alpn::Http1) | None => h1::serve(worker, &connection, Io::new(stream)).await,
        Some(Alpn::MeshTcp | Alpn::Link) => {}
    }
}

/// A connection from the mesh: the server name says which local service and port it is for.
async fn mesh(worker: &Rc<Worker>, live: &Live, bounds: Bounds, tcp: TcpStream, from: SocketAddr) {
    let Some(tls) = &live.mesh else { return };
    let asked = |name: &str| live.plan.by_server_name(name).map(|(service, _)| service.name.clone());
    let pick = |name: &str| asked(name).map(|service| live.plan.id(&WorkloadKind::Service(service)));
    let Ok((stream, handshake)) = Box::pin(tls.accept(tcp, timeout(&bounds.limits), pick)).await else {
        return worker.shard.handshake_failed(MESH_INBOUND.name);
    };
    let found = handshake.sni.as_deref().and_then(|name| live.plan.by_server_name(name));
    let (Some((service, port)), Some(peer)) = (found, handshake.peer) else { return };
    if port.protocol != Protocol::Tcp {
        // An opaque tunnel is decided again by itself.
        worker.shown(bounds.number, peer.clone());
    }
    let Some(caller) = Caller::of_peer(peer, &live.plan.checked().mesh.trust_domain) else { return };
    let own = live.plan.id(&WorkloadKind::Service(service.name.clone()));
    let connection = Connection {
        caller: Some(caller),
        port: Some(port.name.clone()),
        scheme: Scheme::Https,
        sni: handshake.sni,
        tls: Some(handshake.tls),
        ..bare(&MESH_INBOUND, (service.name.clone(), own), bounds, from)
    };
    match (port.protocol, handshake.alpn) {
        (Protocol::Tcp, Some(Alpn::MeshTcp)) => {
            Box::pin(tcp::serve_inbound(worker, &connection, &port.name, stream)).await;
        }
        (Protocol::Http | Protocol::Http2 | Protocol::Grpc, Some(Alpn::H2)) => {
            Box::pin(h2::serve(worker, connection, stream)).await;
        }
        (Protocol::Http | Protocol::Http2 | Protocol::Grpc, Some(Alpn::Http1)) => {
            h1::serve(worker, &connection, Io::new(stream)).await;
        }
        // A port says what is spoken there; nothing is guessed.
        (Protocol::Tcp | Protocol::Http | Protocol::Http2 | Protocol::Grpc, _) => {}
    }
}

/// A connection from this machine. It has a caller only when it comes from the process that the service's document
/// describes; without one, every decision is no.
fn outbound(live: &Live, service: Name, bounds: Bounds, tcp: &TcpStream, from: SocketAddr) -> Connection {
    let own = live.plan.id(&WorkloadKind::Service(service.clone()));
    let attested = || {
        let workload = live.plan.service(service.as_str())?.workload.as_ref();
        let look = attest::Look::of([workload]);
        let peer = attest::local_peer(tcp.local_addr().ok()?, from, look)?;
        if peer.run_as.as_ref() != Some(&service) {
            attest::matches(workload?, &peer).ok()?;
        }
        Some(Caller::of_workload(own.clone(), service.clone(), workload.cloned()))
    };
    let caller = attested();
    Connection { caller, ..bare(&MESH_OUTBOUND, (service, own), bounds, from) }
}

/// Whether a workload begins with the preface of HTTP/2, as gRPC clients do (RFC 9113 §3.3): no method is called like
/// it. Nothing is taken from the socket. `None`: it said nothing in time, or has gone.
async fn begins_h2(tcp: &TcpStream, limits: &Limits) -> Option<bool> {
    let mut first = [0; H2_BEGINS.len()];
    let looked = async {
        loop {
            match tcp.peek(&mut first).await.ok().and_then(|count| first.get(..count))? {
                [] => return None,
                seen if seen == H2_BEGINS => return Some(true),
                seen if !H2_BEGINS.starts_with(seen) => return Some(false),
                // A piece of it. Looking does not wait for the next.
                _ => tokio::time::sleep(LOOK_AGAIN).await,
            }
        }
    };
    tokio::time::timeout(Duration::from_millis(limits.idle_timeout_ms), looked).await.ok()?
}

fn timeout(limits: &Limits) -> Duration {
    Duration::from_millis(limits.handshake_timeout_ms)
}
