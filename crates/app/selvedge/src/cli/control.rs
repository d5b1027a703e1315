//! `selvedge control DIR`: the control plane alone.

use super::process;
use crate::repository;
use anyhow::{Context, Result, bail};
use selvedge_config::SourceFile;
use selvedge_config::checked::HostPort;
use selvedge_control::{AuthorityCommand, BundleEndpoint, Options, ReadFiles};
use selvedge_model::Host;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The mesh repository; it is watched.
    directory: PathBuf,
    /// Where the state is kept: signing keys, join tokens, who has joined.
    #[arg(long)]
    state: PathBuf,
    /// Where gateways and nodes connect.
    #[arg(long, default_value = "127.0.0.1:7400")]
    listen: SocketAddr,
    /// What join tokens say of where control is, as `host:port`; the listening address otherwise.
    #[arg(long, value_parser = host_port)]
    advertise: Option<HostPort>,
    /// Where `/status`, `/metrics` and `/healthz` are; loopback alone.
    #[arg(long, default_value = "127.0.0.1:7401")]
    admin: SocketAddr,
    /// Where other trust domains fetch our trust bundle (SPIFFE Federation); it shows the SVID `/control/main` of the trust
    /// domain (`https_spiffe`), unless a certificate is given.
    #[arg(long)]
    bundle_endpoint: Option<SocketAddr>,
    /// A file with a certificate of the web for that endpoint, in PEM, leaf first: `https_web`.
    #[arg(long, requires = "bundle_key", requires = "bundle_endpoint")]
    bundle_certificate: Option<PathBuf>,
    /// A file with its key.
    #[arg(long, requires = "bundle_certificate")]
    bundle_key: Option<PathBuf>,
}

pub(super) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let Arguments { directory, state, listen, advertise, admin, .. } = arguments;
    let certificate = arguments.bundle_certificate.clone().zip(arguments.bundle_key.clone());
    let bundle_endpoint = arguments.bundle_endpoint.map(|listen| BundleEndpoint { listen, certificate });
    if listen.ip().is_unspecified() && advertise.is_none() {
        bail!("`{listen}` is no address that a node could dial: say which one with --advertise HOST:PORT");
    }
    let options = Options {
        directory: directory.clone(),
        state: state.clone(),
        listen: Some(*listen),
        advertise: advertise.clone(),
        admin: Some(*admin),
        authority: authority()?,
        bundle_endpoint,
    };
    process::run(async {
        tokio::select! {
            ended = selvedge_control::run(options, read_files()) => ended.map_err(anyhow::Error::from),
            () = process::end() => Ok(()),
        }
    })
}

/// How control starts its authority: this program again.
pub(super) fn authority() -> Result<AuthorityCommand> {
    let program = std::env::current_exe().context("cannot find this program")?;
    Ok(AuthorityCommand::Child { program, args: vec!["authority".into()] })
}

/// How control reads a mesh repository.
pub(super) fn read_files() -> ReadFiles {
    Arc::new(|directory: &Path| -> Result<Vec<SourceFile>, String> {
        repository::read(directory).map_err(|error| format!("{error:#}"))
    })
}

/// Reads `host:port`.
pub(super) fn host_port(text: &str) -> Result<HostPort, String> {
    let (host, port) = text.rsplit_once(':').ok_or("write `host:port`")?;
    let host = Host::parse(host).map_err(|error| error.to_string())?;
    Ok(HostPort { host, port: port.parse().map_err(|_| "a port is a number from 1 to 65535")? })
}
