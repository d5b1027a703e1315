//! `selvedge up [DIR]`: control, every gateway and a node on this machine, in one process.

use super::roles::variable;
use super::{control, process};
use crate::node::{self, Options, Outset, Way, WorkloadSocket};
use crate::say::say;
use anyhow::{Context, Result};
use selvedge_config::Checked;
use selvedge_config::checked::HostPort;
use selvedge_control::Control;
use selvedge_link::NodeKind;
use selvedge_model::{Host, Name};
use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;
use tokio::sync::watch;

/// Gateways that are new in the documents are looked for so often.
const LOOK_EVERY: Duration = Duration::from_millis(500);

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The mesh repository; it is watched: a good change is enforced at once, a bad one is reported and changes nothing.
    #[arg(default_value = ".")]
    directory: PathBuf,
    /// Where the state is kept: keys, certificates, records.
    #[arg(long, default_value = ".selvedge")]
    state: PathBuf,
    /// Where `/status`, `/metrics` and `/healthz` of the control plane are; loopback alone.
    #[arg(long, default_value = "127.0.0.1:7401")]
    admin: SocketAddr,
    /// Threads of each data plane; one for each core otherwise.
    #[arg(long)]
    workers: Option<usize>,
    /// The unix socket where workloads of every user get their identities (SPIFFE Workload API, Envoy SDS); a socket
    /// for this user alone, `node-local/workload.sock` in the state directory, otherwise.
    #[arg(long)]
    workload_api: Option<PathBuf>,
    /// End when standard input closes.
    #[arg(long, hide = true)]
    until_stdin_closes: bool,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    process::run(async {
        let (ending, ended) = watch::channel(());
        let options = selvedge_control::Options {
            directory: arguments.directory.clone(),
            state: arguments.state.join("control"),
            listen: None,
            advertise: None,
            admin: Some(arguments.admin),
            authority: control::authority()?,
            bundle_endpoint: None,
        };
        make_private(&arguments.state)?;
        let (control, running) = selvedge_control::start(options, control::read_files()).await?;
        let ca = arguments.state.join("ca.pem");
        std::fs::write(&ca, control.trust().to_pem()).with_context(|| format!("cannot write `{}`", ca.display()))?;
        let mut parts = tokio::task::JoinSet::new();
        let checked = control.checked();
        say(std::io::stdout(), &summary(&checked, arguments));
        parts.spawn_local(part(node(arguments, &checked)?, control.clone(), ended.clone()));
        let gateways = follow_gateways(arguments, &control, &mut parts, &ended);
        let stopped = tokio::select! {
            stopped = running.run() => stopped.map_err(anyhow::Error::from),
            stopped = gateways => stopped,
            () = process::end() => Ok(()),
            () = process::stdin_closed(), if arguments.until_stdin_closes => Ok(()),
        };
        drop((ending, ended));
        while parts.join_next().await.is_some() {}
        stopped
    })
}

/// Starts every gateway that the documents describe, also those that come later. Comes back when a part has ended.
async fn follow_gateways(
    arguments: &Arguments,
    control: &Control,
    parts: &mut tokio::task::JoinSet<Result<()>>,
    ended: &watch::Receiver<()>,
) -> Result<()> {
    let mut started = BTreeSet::new();
    let mut look = tokio::time::interval(LOOK_EVERY);
    loop {
        for name in control.checked().gateways.into_keys() {
            if started.insert(name.clone()) {
                let options = options(arguments, NodeKind::Gateway, name);
                parts.spawn_local(part(options, control.clone(), ended.clone()));
            }
        }
        tokio::select! {
            Some(stopped) = parts.join_next() => return stopped.context("a part of the mesh has ended")?,
            _ = look.tick() => {}
        }
    }
}

/// A gateway or node of this process, until the process ends.
async fn part(options: Options, control: Control, mut ended: watch::Receiver<()>) -> Result<()> {
    let (kind, name) = (options.kind, options.name.clone());
    let agent = node::start(options, Outset { variables: Some(variable), ..Outset::default() }).await?;
    let link = move |services: &[Name]| Ok(control.local_link(kind, &name, services)?);
    // The sender is dropped when the process is told to end.
    agent.run(Way::Local(Box::new(link)), async move { while ended.changed().await.is_ok() {} }).await;
    Ok(())
}

/// The one node, for every service of this machine.
fn node(arguments: &Arguments, checked: &Checked) -> Result<Options> {
    let address = free_address()?;
    let advertise = HostPort { host: Host::parse(&address.ip().to_string())?, port: address.port() };
    let options = options(arguments, NodeKind::Node, Name::parse("local")?);
    let services = node::local_services(checked);
    let workload_api = arguments.workload_api.clone().map_or(WorkloadSocket::Private, WorkloadSocket::Open);
    Ok(Options { services, mesh_listen: Some(address), advertise: Some(advertise), workload_api, ..options })
}

fn options(arguments: &Arguments, kind: NodeKind, name: Name) -> Options {
    Options {
        kind,
        state: arguments.state.join(format!("{kind}-{name}")),
        name,
        services: Vec::new(),
        mesh_listen: None,
        advertise: None,
        files: arguments.directory.clone(),
        admin: None,
        workers: arguments.workers,
        workload_api: WorkloadSocket::None,
        zone: None,
    }
}

/// What is running, and what to do next.
fn summary(checked: &Checked, arguments: &Arguments) -> String {
    let mut lines =
        vec![format!("mesh `{}` is up from `{}`", checked.mesh.trust_domain, arguments.directory.display())];
    for gateway in checked.gateways.values() {
        for listener in &gateway.listeners {
            let scheme = if listener.certificate.is_some() { "https" } else { "http" };
            let hosts: Vec<String> = listener.hosts.iter().map(ToString::to_string).collect();
            lines.push(format!(
                "  gateway {}: {scheme} on {} for {}",
                gateway.name,
                listener.address,
                hosts.join(", ")
            ));
        }
    }
    let services: Vec<String> = node::local_services(checked).iter().map(ToString::to_string).collect();
    lines.push(format!("  services of this machine: {}", services.join(", ")));
    let state = arguments.state.display();
    lines.push(format!("  state in `{state}`; certificates to trust in `{state}/ca.pem`"));
    lines.push("next: `selvedge status`; `selvedge explain ID` for the `selvedge-decision` of an answer".to_owned());
    lines.join("\n")
}

/// An address on loopback that the kernel has free.
fn free_address() -> Result<SocketAddr> {
    let held = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no port is free on loopback")?;
    Ok(held.local_addr()?)
}

fn make_private(directory: &Path) -> Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.with_context(|| format!("cannot make the state directory `{}`", directory.display()))
}
