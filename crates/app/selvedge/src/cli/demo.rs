//! `selvedge demo`, and the hidden commands by which it starts its own processes.

use super::Output;
use crate::demo::{self, Addresses, Options, Service, loopback};
use anyhow::Result;
use std::net::SocketAddr;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Run the scenario for some seconds, print named checks, and exit 0 only when all hold.
    #[arg(long)]
    once: bool,
}

#[derive(clap::Args)]
pub(super) struct ServiceArguments {
    /// Which service.
    #[arg(value_enum)]
    service: Service,
    /// Where it listens.
    #[arg(long, value_parser = loopback)]
    listen: SocketAddr,
    /// Where its ledger listens.
    #[arg(long, value_parser = loopback)]
    listen_tcp: Option<SocketAddr>,
    /// Where its node takes its HTTP calls.
    #[arg(long, value_parser = loopback)]
    outbound: SocketAddr,
    /// Where its node takes its calls to the ledger.
    #[arg(long, value_parser = loopback)]
    ledger: Option<SocketAddr>,
}

#[derive(clap::Args)]
pub(super) struct IssuerArguments {
    /// Where it listens.
    #[arg(long, value_parser = loopback)]
    listen: SocketAddr,
}

pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    let color = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    let well = demo::run(Options { once: arguments.once, json: output == Output::Json, color })?;
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(super) fn run_service(arguments: &ServiceArguments) -> Result<ExitCode> {
    let ServiceArguments { service, listen, listen_tcp, outbound, ledger } = *arguments;
    demo::service(service, Addresses { listen, listen_tcp, outbound, ledger })?;
    Ok(ExitCode::SUCCESS)
}

pub(super) fn run_issuer(arguments: &IssuerArguments) -> Result<ExitCode> {
    demo::issuer(arguments.listen)?;
    Ok(ExitCode::SUCCESS)
}
