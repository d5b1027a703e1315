//! `run.sock` of a node: where `selvedge run` says which service it starts, by one JSON line, and is told what that
//! service's ways are. What it starts is the service for as long as the connection stays.

use super::Options;
use selvedge_model::Name;
use selvedge_net::attest::{self, UnixPeer};
use selvedge_workload::{Socket, View};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The name of the socket in the state directory.
pub(crate) const RUN_SOCKET: &str = "run.sock";
/// Bytes of a question.
const ASK_BYTES_MAX: u64 = 4096;
/// For a question to come.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);
/// For the node to have documents, just after its start.
const READY_TIMEOUT: Duration = Duration::from_secs(15);
/// Runs at a time.
const RUNS_MAX: usize = 1024;

/// What `selvedge run` asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunAsk {
    /// The service to be.
    pub(crate) service: Name,
}

/// What it is told.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum RunReply {
    /// It may.
    Ways {
        /// The Workload API.
        workload_api: PathBuf,
        /// Its way to HTTP services.
        http: Option<std::net::SocketAddr>,
        /// Its ways to TCP ports: where, the service, its port.
        tcp: Vec<(std::net::SocketAddr, Name, Name)>,
        /// Where the mesh expects it to listen, by name of port.
        ports: Vec<(Name, std::net::SocketAddr)>,
    },
    /// It may not.
    Refused(String),
}

/// Serves the socket. The task is owned by the process.
pub(super) fn start(
    options: &Options,
    api: &Path,
    views: watch::Receiver<Option<Arc<View>>>,
    log: impl Fn(&str) + Clone + Send + Sync + 'static,
) {
    let (socket, api) = (Socket::bind(&options.state.join(RUN_SOCKET), true), api.to_owned());
    match socket {
        Ok(socket) => drop(tokio::spawn(serve(socket, api, views, log))),
        Err(error) => log(&format!("`selvedge run` cannot reach this node: {error}")),
    }
}

async fn serve(
    socket: Socket,
    api: PathBuf,
    views: watch::Receiver<Option<Arc<View>>>,
    log: impl Fn(&str) + Clone + Send + 'static,
) {
    let mut runs = JoinSet::new();
    loop {
        while runs.len() >= RUNS_MAX {
            runs.join_next().await;
        }
        tokio::select! {
            stream = socket.accept() => {
                runs.spawn(one(stream, api.clone(), views.clone(), log.clone()));
            }
            Some(_) = runs.join_next() => {}
        }
    }
}

async fn one(
    stream: UnixStream,
    api: PathBuf,
    views: watch::Receiver<Option<Arc<View>>>,
    log: impl Fn(&str) + Send + 'static,
) {
    let own = UnixStream::pair().and_then(|(one, _)| one.peer_cred()).map(|own| own.uid());
    let Ok(peer) = UnixPeer::of(&stream) else { return };
    // Whoever may read our keys may say what runs here: our own user, and root.
    if own.is_ok_and(|own| peer.uid != own && peer.uid != 0) {
        return log(&format!("refused uid {} at {RUN_SOCKET}", peer.uid));
    }
    let (reader, mut writer) = stream.into_split();
    let mut lines = BufReader::new(reader.take(ASK_BYTES_MAX)).lines();
    let Ok(Ok(Some(line))) = tokio::time::timeout(ASK_TIMEOUT, lines.next_line()).await else { return };
    let (reply, run) = answer(&line, &peer, api, views).await;
    let Ok(mut text) = serde_json::to_string(&reply) else { return };
    text.push('\n');
    if writer.write_all(text.as_bytes()).await.is_err() {
        return;
    }
    if let Some((service, _run)) = run {
        log(&format!("pid {} runs as `{service}`", peer.pid));
        // The end of the connection is the end of the run, however it came.
        let _ = lines.next_line().await;
    }
}

async fn answer(
    line: &str,
    peer: &UnixPeer,
    api: PathBuf,
    mut views: watch::Receiver<Option<Arc<View>>>,
) -> (RunReply, Option<(Name, attest::Run)>) {
    let refused = |reason: String| (RunReply::Refused(reason), None);
    let Ok(RunAsk { service }) = serde_json::from_str(line) else { return refused("not a question".to_owned()) };
    let ready = views.wait_for(Option::is_some);
    let view = match tokio::time::timeout(READY_TIMEOUT, ready).await {
        Ok(Ok(view)) => view.clone(),
        Ok(Err(_)) | Err(_) => None,
    };
    let Some(view) = view else { return refused("the node has no documents yet: try again".to_owned()) };
    let Some(offer) = view.offers.iter().find(|offer| offer.service == service) else {
        let names: Vec<&str> = view.offers.iter().map(|offer| offer.service.as_str()).collect();
        return refused(format!("this node does not stand beside `{service}`, but: {}", names.join(", ")));
    };
    let Some(run) = peer.run_as(&service) else { return refused("too many processes run here".to_owned()) };
    let outbound = offer.outbound.as_ref();
    let ways = RunReply::Ways {
        workload_api: api,
        http: outbound.and_then(|outbound| outbound.http),
        tcp: outbound.map_or_else(Vec::new, |outbound| {
            outbound.tcp.iter().map(|tcp| (tcp.listen, tcp.service.clone(), tcp.port.clone())).collect()
        }),
        ports: offer.ports.iter().map(|port| (port.name.clone(), port.target)).collect(),
    };
    (ways, Some((service, run)))
}
