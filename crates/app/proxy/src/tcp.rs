//! Opaque TCP: identify, decide, forward, record. No byte of a workload moves before both hops have decided.
//!
//! Between two nodes (`selvedge-tcp/1`) the caller sends 16 bytes, the decision id, and the other hop answers one: whether
//! it lets the connection in. Both hops then have records of one id, and a refusal inside is told apart from a service
//! that closes.
//!
//! A tunnel may outlive the certificate that it was opened with, as the answer to a request may: certificates are renewed
//! without dropping anything. What ends it is a change of the plan that no longer allows it.

mod pump;

use crate::connection::Connection;
use crate::hop::{Hop, Refusal};
use crate::live::Live;
use crate::stage::decide::decide_tcp;
use crate::stage::quota::quota_tcp;
use crate::upstream::{Endpoint, Tried, key};
use crate::wire::io::Io;
use crate::worker::Worker;
pub(crate) use pump::{Pump, Pumped};
use selvedge_http::Fields;
use selvedge_model::{DecisionId, Denial, DenialReason, Fault, Name};
use selvedge_net::{Stream, proxy_protocol};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::watch;

/// The other hop lets the connection in.
const LET_IN: u8 = 0;
/// The other hop says no.
const DENIED: u8 = 1;
/// Something broke at the other hop.
const BROKEN: u8 = 2;
/// How long the other hop may take for its preface.
const PREFACE_TIMEOUT: Duration = Duration::from_secs(10);

/// Serves a call of a local workload to a port of another service.
pub(crate) async fn serve_outbound(worker: &Worker, connection: &Connection, to: &Name, port: &Name, stream: Stream) {
    let hop = Hop::begin(connection, &worker.live());
    tunnel(worker, connection, hop, (to, port), Io::new(stream)).await;
}

/// Serves a call from the mesh to the local workload.
pub(crate) async fn serve_inbound(worker: &Worker, connection: &Connection, port: &Name, mut stream: Stream) {
    let mut hop = Hop::begin(connection, &worker.live());
    let mut preface = [0; 16];
    let read = tokio::time::timeout(PREFACE_TIMEOUT, stream.read_exact(&mut preface)).await;
    if !matches!(read, Ok(Ok(_))) {
        let refusal = Refusal::fault(Fault::BadRequest, "the caller sent no decision id");
        return worker.keep(hop.refused(&refusal));
    }
    if connection.own_hop().is_some() {
        hop.record.id = DecisionId::from_bytes(preface);
    }
    let (service, port) = (connection.at.clone(), port.clone());
    tunnel(worker, connection, hop, (&service, &port), Io::new(stream)).await;
}

async fn tunnel(worker: &Worker, connection: &Connection, mut hop: Hop, to: (&Name, &Name), mut down: Io) {
    connection.waits.set(false);
    // Asked for before what is in force is read: a change while we connect is not missed.
    let mut changes = worker.changes();
    let live = worker.live();
    let opened = match decide_tcp(&live, connection, &mut hop, to.0, to.1) {
        Ok(()) => match quota_tcp(worker, &live, connection, &mut hop, to.0) {
            Ok(()) => open(worker, &live, connection, &mut hop, to).await,
            Err(refusal) => Err(refusal),
        },
        Err(refusal) => Err(refusal),
    };
    let (mut up, idle) = match opened {
        Ok(opened) => opened,
        Err(refusal) => {
            if connection.is_inside() {
                let word = if matches!(refusal, Refusal::Denied(_)) { DENIED } else { BROKEN };
                tell(&mut down, word).await;
            }
            return worker.keep(hop.refused(&refusal));
        }
    };
    if connection.is_inside() {
        down.output.memory().push(LET_IN);
    }
    let mut pump = Pump::new(&mut down, &mut up, idle);
    let decide_again = || decide_tcp(&worker.live(), connection, &mut hop, to.0, to.1);
    let ended = until_ended(&mut changes, decide_again, &mut pump).await;
    let Pumped { bytes_in, bytes_out } = pump.pumped();
    (hop.record.bytes_in, hop.record.bytes_out) = (bytes_in, bytes_out);
    worker.keep(match ended {
        Ok(()) => hop.carried(0),
        Err(refusal) => hop.refused(&refusal),
    });
}

/// Pumps until the tunnel ends. With each change of the plan the connection is decided again, and closed when it is no
/// longer allowed.
async fn until_ended(
    changes: &mut watch::Receiver<u64>,
    mut decide_again: impl FnMut() -> Result<(), Refusal>,
    pump: &mut Pump<'_>,
) -> Result<(), Refusal> {
    loop {
        tokio::select! {
            ended = pump.run() => return ended.map_err(|fault| Refusal::fault(fault, fault)),
            changed = changes.changed() => match changed {
                Ok(()) => decide_again()?,
                Err(_) => return Err(Refusal::fault(Fault::NotReady, "the process is ending")),
            },
        }
    }
}

/// Connects to the next hop, and waits until it lets the connection in.
async fn open(
    worker: &Worker,
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    to: (&Name, &Name),
) -> Result<(Io, Duration), Refusal> {
    let port = worker.upstreams.port(live, connection, to.0, to.1);
    let port = port.ok_or_else(|| Refusal::fault(Fault::NoEndpoint, "the service or port is gone"))?;
    let timeout = Duration::from_millis(port.traffic.connect_timeout_ms);
    let mut failed = Refusal::fault(Fault::NoEndpoint, format_args!("`{}` has no endpoint", to.0));
    let client = hop.record.client.unwrap_or(connection.client);
    let how = port.how(|by| key::find(by, &Fields::default(), client, None));
    let mut tried = Tried::new();
    while let Some(endpoint) = port.choose(how, &mut tried) {
        match endpoint.connect(live, timeout).await {
            Ok(stream) => {
                // Also when the other hop says no: its record shows that the denial is not ours.
                if endpoint.is_mesh() {
                    hop.record.local = Some(connection.own.clone());
                }
                let stream = greet(endpoint, hop, stream).await?;
                let mut io = Io::new(stream);
                if port.traffic.proxy_protocol && !endpoint.is_mesh() {
                    io.output.memory().extend(who_calls(connection, client, endpoint));
                }
                return Ok((io, Duration::from_millis(port.traffic.idle_timeout_ms)));
            }
            Err(refusal) => failed = refusal,
        }
    }
    Err(failed)
}

/// What the workload is told of its caller, whose port we do not know.
fn who_calls(connection: &Connection, client: IpAddr, endpoint: &Endpoint) -> Vec<u8> {
    let unknown = SocketAddr::from(([0, 0, 0, 0], 0));
    let identity = connection.peer_id().map(ToString::to_string);
    let (source, destination) = (SocketAddr::new(client, 0), endpoint.local().unwrap_or(unknown));
    proxy_protocol::header(source, destination, identity.as_deref())
}

async fn greet(endpoint: &Rc<Endpoint>, hop: &Hop, mut stream: Stream) -> Result<Stream, Refusal> {
    if !endpoint.is_mesh() {
        return Ok(stream);
    }
    let mut word = [BROKEN];
    let asked = async {
        stream.write_all(&hop.record.id.bytes()).await?;
        stream.flush().await?;
        stream.read_exact(&mut word).await
    };
    match tokio::time::timeout(PREFACE_TIMEOUT, asked).await {
        Ok(Ok(_)) => {}
        Ok(Err(_)) => return Err(Refusal::fault(Fault::UpstreamClosed, "the other hop closed before it answered")),
        Err(_) => return Err(Refusal::fault(Fault::UpstreamTimeout, "the other hop did not answer")),
    }
    match word {
        [LET_IN] => Ok(stream),
        // The other hop's record, of the same id, says which rule came closest.
        [DENIED] => Err(Refusal::Denied(Denial::of(DenialReason::NotPermitted))),
        _ => Err(Refusal::fault(Fault::ConnectFailed, "the other hop could not reach the workload")),
    }
}

async fn tell(down: &mut Io, word: u8) {
    down.output.memory().push(word);
    let _ = tokio::time::timeout(PREFACE_TIMEOUT, std::future::poll_fn(|cx| down.poll_shutdown(cx))).await;
}
