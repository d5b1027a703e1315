//! `selvedge up [DIR]`: control, every gateway and a node on this machine, in one process.

use super::{control, process};
use crate::node::{self, Options, Way};
use anyhow::{Context, Result};
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
        };
        make_private(&arguments.state)?;
        let (control, running) = selvedge_control::start(options, control::read_files()).await?;
        let ca = arguments.state.join("ca.pem");
        std::fs::write(&ca, control.trust().to_pem()).with_context(|| format!("cannot write `{}`", ca.display()))?;
        let mut parts = tokio::task::JoinSet::new();
        parts.spawn_local(part(node(arguments)?, control.clone(), ended.clone()));
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
        for name in control.gateways() {
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
    let agent = node::start(options).await?;
    let link = move |services: &[Name]| Ok(control.local_link(kind, &name, services)?);
    // The sender is dropped when the process is told to end.
    agent.run(Way::Local(Box::new(link)), async move { while ended.changed().await.is_ok() {} }).await;
    Ok(())
}

/// The one node, for every service of this machine.
fn node(arguments: &Arguments) -> Result<Options> {
    let address = free_address()?;
    let advertise = HostPort { host: Host::parse(&address.ip().to_string())?, port: address.port() };
    let options = options(arguments, NodeKind::Node, Name::parse("local")?);
    Ok(Options { mesh_listen: Some(address), advertise: Some(advertise), ..options })
}

fn options(arguments: &Arguments, kind: NodeKind, name: Name) -> Options {
    Options {
        kind,
        state: arguments.state.join(format!("{kind}-{name}")),
        name,
        mesh_listen: None,
        advertise: None,
        files: arguments.directory.clone(),
        admin: None,
        workers: arguments.workers,
    }
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
