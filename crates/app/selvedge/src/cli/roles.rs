//! `selvedge gateway` and `selvedge node`: a part of the mesh on its own.

use super::control::host_port;
use super::process;
use crate::node::{self, Notify, Options, Outset, Way, WorkloadSocket};
use anyhow::{Context, Result};
use selvedge_config::checked::HostPort;
use selvedge_identity::JoinToken;
use selvedge_link::NodeKind;
use selvedge_model::Name;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Common {
    /// Its name.
    name: Name,
    /// The join token, at the first start; `selvedge identity join-token` makes one.
    #[arg(long)]
    join: Option<String>,
    /// Where the state is kept: certificates, documents, records.
    #[arg(long)]
    state: PathBuf,
    /// Where files are that documents name.
    #[arg(long, default_value = ".")]
    files: PathBuf,
    /// Where `/status`, `/metrics` and `/healthz` are; loopback alone.
    #[arg(long)]
    admin: Option<SocketAddr>,
    /// Threads of the data plane; one for each core otherwise.
    #[arg(long)]
    workers: Option<usize>,
    /// Where it is: endpoints that documents place in the same zone are preferred.
    #[arg(long)]
    zone: Option<Name>,
}

#[derive(clap::Args)]
pub(super) struct GatewayArguments {
    #[command(flatten)]
    common: Common,
}

#[derive(clap::Args)]
pub(super) struct NodeArguments {
    #[command(flatten)]
    common: Common,
    /// Where the mesh reaches the services of this node.
    #[arg(long, default_value = "0.0.0.0:7443")]
    mesh_listen: SocketAddr,
    /// What others dial for that, as `host:port`; without it nobody is told.
    #[arg(long, value_parser = host_port)]
    advertise: Option<HostPort>,
    /// The unix socket where workloads of every user get their identities (SPIFFE Workload API, Envoy SDS); a socket
    /// for this user alone in the state directory otherwise.
    #[arg(long)]
    workload_api: Option<PathBuf>,
}

pub(super) fn run_gateway(arguments: GatewayArguments) -> Result<ExitCode> {
    run(NodeKind::Gateway, arguments.common, None, None, WorkloadSocket::None)
}

pub(super) fn run_node(arguments: NodeArguments) -> Result<ExitCode> {
    let socket = arguments.workload_api.map_or(WorkloadSocket::Private, WorkloadSocket::Open);
    run(NodeKind::Node, arguments.common, Some(arguments.mesh_listen), arguments.advertise, socket)
}

fn run(
    kind: NodeKind,
    common: Common,
    mesh_listen: Option<SocketAddr>,
    advertise: Option<HostPort>,
    workload_api: WorkloadSocket,
) -> Result<ExitCode> {
    let Common { name, join, state, files, admin, workers, zone } = common;
    let token = join.as_deref().map(JoinToken::parse).transpose().context("the join token cannot be read")?;
    let services = Vec::new();
    let options =
        Options { kind, name, services, mesh_listen, advertise, state, files, admin, workers, workload_api, zone };
    process::run(async {
        let services = node::join(&options, token.as_ref()).await?;
        let agent = node::start(options, outset()).await?;
        agent.run(Way::Remote { services }, process::end()).await;
        Ok(())
    })
}

/// Sockets from systemd (sd_listen_fds(3)), who is told that we serve, and that we come after whoever runs already.
fn outset() -> Outset {
    let mut passed = listenfd::ListenFd::from_env();
    let listeners = (0..passed.len()).filter_map(|index| passed.take_tcp_listener(index).ok().flatten());
    let held = listeners.filter_map(|listener| Some((listener.local_addr().ok()?, listener.into()))).collect();
    let notify = Notify::to(std::env::var("NOTIFY_SOCKET").ok());
    Outset { held, notify, succeeds: true, variables: Some(variable) }
}

/// A variable of the environment, for a secret that a document names.
pub(super) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
