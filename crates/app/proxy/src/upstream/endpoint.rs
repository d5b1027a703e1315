//! One endpoint: how it is connected to, and the connections to it that wait for the next request.

use crate::flood::Counted;
use crate::hop::Refusal;
use crate::live::Live;
use crate::wire::io::Io;
use bytes::Bytes;
use h2::client::SendRequest;
use selvedge_balance::Node;
use selvedge_config::checked::{HostPort, Protocol};
use selvedge_model::{Fault, SpiffeId};
use selvedge_net::{Alpn, Call, Stream, TlsError, dial};
use std::cell::{Cell, RefCell};
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::Instant;

/// A connection is kept so long; less than the idle timeout at the other end, so that we close first.
const IDLE_MAX: Duration = Duration::from_secs(30);
/// Connections that are kept for one endpoint.
const IDLE_CONNECTIONS_MAX: usize = 256;
/// Windows towards an upstream, in bytes (THREATS).
const STREAM_WINDOW: u32 = 64 * 1024;
const CONNECTION_WINDOW: u32 = 1024 * 1024;
/// Bytes of an upstream's decoded head.
const HEAD_BYTES_MAX: u32 = 32 * 1024;

/// What makes an endpoint another: address, identities, protocol.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) address: Address,
    pub(crate) link: Option<Link>,
    pub(crate) protocol: Protocol,
}

/// Where to connect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Address {
    /// The workload's own socket.
    Local(SocketAddr),
    /// A node, or a service without one.
    Named(HostPort),
}

/// How a mesh connection is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Link {
    pub(crate) as_id: SpiffeId,
    pub(crate) server_name: String,
    pub(crate) expected: SpiffeId,
    pub(crate) alpn: Alpn,
    /// Which set of our certificates: with new ones, new connections are made.
    pub(crate) serial: u64,
}

/// An endpoint.
#[derive(Debug)]
pub(crate) struct Endpoint {
    key: Key,
    idle: RefCell<Vec<(Io, Open, Instant)>>,
    h2: RefCell<Option<SendRequest<Bytes>>>,
    /// How it has fared, as far as this worker has seen.
    pub(super) node: RefCell<Node>,
    open: Rc<Cell<u32>>,
}

/// A connection that counts as open as long as this lives.
#[derive(Debug)]
pub(crate) struct Open(Rc<Cell<u32>>);

impl Open {
    fn new(count: &Rc<Cell<u32>>) -> Open {
        count.set(count.get() + 1);
        Open(count.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// A connection for one exchange.
pub(crate) enum Lease {
    /// The connection itself; whether it has carried an exchange before.
    H1(Io, bool, Open),
    /// A handle to a connection that carries many.
    H2(SendRequest<Bytes>),
}

impl Endpoint {
    pub(crate) fn new(key: Key) -> Endpoint {
        Endpoint {
            key,
            idle: RefCell::default(),
            h2: RefCell::default(),
            node: RefCell::new(Node::new(super::now())),
            open: Rc::default(),
        }
    }

    pub(crate) fn is_mesh(&self) -> bool {
        self.key.link.is_some()
    }

    /// The workload's own socket, where it is on this machine.
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        match &self.key.address {
            Address::Local(address) => Some(*address),
            Address::Named(_) => None,
        }
    }

    /// Whether HTTP/1.1 is spoken there.
    pub(crate) fn is_http1(&self) -> bool {
        self.key.protocol == Protocol::Http
    }

    /// Its address, by which keys are hashed.
    pub(super) fn label(&self) -> String {
        match &self.key.address {
            Address::Local(address) => address.to_string(),
            Address::Named(at) => format!("{}:{}", at.host, at.port),
        }
    }

    /// Connections that are open.
    pub(super) fn open(&self) -> u32 {
        self.open.get()
    }

    /// Gives it its full share of the requests at once.
    pub(super) fn settle(&self) {
        self.node.borrow_mut().settle();
    }

    /// Notes that a request goes there.
    pub(crate) fn begin(&self) {
        self.node.borrow_mut().begin();
    }

    /// A new connection for an exchange, where one more may be made.
    ///
    /// # Errors
    /// When none can be made; nothing of the request was sent.
    pub(crate) async fn lease(
        &self,
        live: &Live,
        timeout: Duration,
        may_connect: &dyn Fn() -> bool,
    ) -> Result<Lease, Refusal> {
        if !may_connect() {
            return Err(Refusal::fault(Fault::Overloaded, "as many connections as there may be are open"));
        }
        let open = Open::new(&self.open);
        let stream = self.connect(live, timeout).await?;
        match self.key.protocol {
            Protocol::Http | Protocol::Tcp => Ok(Lease::H1(Io::new(stream), false, open)),
            Protocol::Http2 | Protocol::Grpc => {
                let sender = self.handshake(stream, timeout, open).await?;
                self.h2.replace(Some(sender.clone()));
                Ok(Lease::H2(sender))
            }
        }
    }

    /// Keeps a connection for the next exchange.
    pub(crate) fn keep(&self, io: Io, open: Open, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < IDLE_CONNECTIONS_MAX {
            idle.push((io, open, now));
        }
    }

    /// Connects, and proves both sides' identities where the endpoint is in the mesh.
    ///
    /// # Errors
    /// When there is no connection, or the peer is not the one that was called.
    pub(crate) async fn connect(&self, live: &Live, timeout: Duration) -> Result<Stream, Refusal> {
        let connected = self.try_connect(live, timeout).await;
        self.node.borrow_mut().connected(super::now(), connected.is_ok());
        connected
    }

    async fn try_connect(&self, live: &Live, timeout: Duration) -> Result<Stream, Refusal> {
        let tcp = match &self.key.address {
            Address::Local(address) => local(*address, timeout).await?,
            Address::Named(at) => dial(at, timeout).await.map_err(|e| Refusal::fault(Fault::ConnectFailed, e))?,
        };
        let Some(link) = &self.key.link else { return Ok(Stream::Plain(tcp)) };
        let mesh = live.mesh.as_ref();
        let mesh = mesh.ok_or_else(|| Refusal::fault(Fault::NotReady, "this process has no SVID yet"))?;
        let call =
            Call { as_id: &link.as_id, server_name: &link.server_name, expected: &link.expected, alpn: link.alpn };
        let (stream, _) =
            mesh.connect(tcp, timeout, call).await.map_err(|error| Refusal::fault(side(&error), error))?;
        Ok(stream)
    }

    /// A connection that was kept.
    pub(crate) fn kept(&self, now: Instant) -> Option<Lease> {
        if let Some(sender) = self.h2.borrow().as_ref() {
            return Some(Lease::H2(sender.clone()));
        }
        let mut idle = self.idle.borrow_mut();
        while let Some((mut io, open, since)) = idle.pop() {
            if now.duration_since(since) < IDLE_MAX && io.is_quiet() {
                return Some(Lease::H1(io, true, open));
            }
        }
        None
    }

    /// Forgets the HTTP/2 connection: it has failed.
    pub(crate) fn forget(&self) {
        self.h2.replace(None);
    }

    pub(crate) fn sweep(&self) {
        self.idle.borrow_mut().retain_mut(|(io, _, since)| since.elapsed() < IDLE_MAX && io.is_quiet());
    }

    async fn handshake(&self, stream: Stream, timeout: Duration, open: Open) -> Result<SendRequest<Bytes>, Refusal> {
        let mut builder = h2::client::Builder::new();
        builder
            .initial_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .max_header_list_size(HEAD_BYTES_MAX)
            .enable_push(false);
        let made = tokio::time::timeout(timeout, builder.handshake(Counted::of_server(stream))).await;
        let made = made.map_err(|_| Refusal::fault(Fault::ConnectFailed, "no HTTP/2 connection in time"))?;
        let (sender, connection) = made.map_err(|error| Refusal::fault(Fault::ConnectFailed, error))?;
        // Owned by its streams: it ends when they and the handle are gone.
        drop(tokio::task::spawn_local(async move {
            drop(connection.await);
            drop(open);
        }));
        Ok(sender)
    }
}

async fn local(address: SocketAddr, timeout: Duration) -> Result<TcpStream, Refusal> {
    let connected = tokio::time::timeout(timeout, TcpStream::connect(address)).await;
    let failed = |error: &dyn std::fmt::Display| {
        Refusal::fault(Fault::ConnectFailed, format_args!("the workload at `{address}`: {error}"))
    };
    let stream = connected.map_err(|_| failed(&"no connection in time"))?.map_err(|error| failed(&error))?;
    stream.set_nodelay(true).map_err(|error| failed(&error))?;
    Ok(stream)
}

/// A peer that is not the one called is another matter than one that is away.
fn side(error: &TlsError) -> Fault {
    match error {
        TlsError::Peer(_) | TlsError::WrongPeer { .. } | TlsError::NoCertificate | TlsError::WrongRoot => {
            Fault::UpstreamIdentity
        }
        TlsError::NoIdentity(_) | TlsError::Unusable(_) => Fault::NotReady,
        TlsError::Timeout
        | TlsError::NoServerName
        | TlsError::UnknownServerName
        | TlsError::Alpn
        | TlsError::Closed
        | TlsError::Protocol(_) => Fault::ConnectFailed,
    }
}
