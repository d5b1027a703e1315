//! The command line: one file for each command. Exit 0 is yes, 1 is no (findings), 2 is that it could not run.

mod authority;
mod check;
mod control;
mod demo;
mod explain;
mod identity;
mod init;
mod process;
mod roles;
mod status;
mod up;

use crate::say::say;
use clap::{Parser, Subcommand, ValueEnum};
use std::process::ExitCode;

/// One policy, one identity and one pipeline for the gateway and the mesh.
#[derive(Parser)]
#[command(name = "selvedge", version, arg_required_else_help = true)]
struct Arguments {
    /// How results are printed.
    #[arg(long, global = true, value_enum, default_value_t = Output::Text)]
    output: Output,
    #[command(subcommand)]
    command: Command,
}

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    Text,
    Json,
}

#[derive(Subcommand)]
enum Command {
    /// A whole mesh on this machine: a gateway, four services, an issuer, traffic and a live table.
    Demo(demo::Arguments),
    /// Run a mesh repository on this machine: control, its gateways and a node in one process.
    Up(up::Arguments),
    /// Run the control plane of a mesh.
    Control(control::Arguments),
    /// Run a gateway of a mesh.
    Gateway(roles::GatewayArguments),
    /// Run a node of a mesh: it stands beside services, and speaks for them.
    Node(roles::NodeArguments),
    /// Show every gateway and node, what it enforces, and how old its certificates are.
    Status(status::Arguments),
    /// Show every hop of a decision: the rule that allowed it, or the one that came closest.
    Explain(explain::Arguments),
    /// Identities: join tokens.
    #[command(subcommand)]
    Identity(identity::Command),
    /// Write a small commented mesh repository that checks clean.
    Init(init::Arguments),
    /// Check a mesh repository: everything that is wrong, at once.
    Check(check::Arguments),
    #[command(hide = true)]
    Authority(authority::Arguments),
    #[command(hide = true)]
    DemoService(demo::ServiceArguments),
    #[command(hide = true)]
    DemoIssuer(demo::IssuerArguments),
}

/// Reads the arguments, runs the command, and turns its end into an exit code.
pub(crate) fn run() -> ExitCode {
    let arguments = Arguments::parse();
    let done = match arguments.command {
        Command::Demo(demo) => demo::run(&demo, arguments.output),
        Command::Up(up) => up::run(&up),
        Command::Control(control) => control::run(&control),
        Command::Gateway(gateway) => roles::run_gateway(gateway),
        Command::Node(node) => roles::run_node(node),
        Command::Status(status) => status::run(&status, arguments.output),
        Command::Explain(explain) => explain::run(&explain, arguments.output),
        Command::Identity(identity) => identity::run(identity, arguments.output),
        Command::Authority(authority) => authority::run(&authority),
        Command::DemoService(service) => demo::run_service(&service),
        Command::DemoIssuer(issuer) => demo::run_issuer(&issuer),
        Command::Init(init) => init::run(&init, arguments.output),
        Command::Check(check) => check::run(&check, arguments.output),
    };
    done.unwrap_or_else(|error| {
        say(std::io::stderr(), &format!("selvedge: {error:#}"));
        ExitCode::from(2)
    })
}
