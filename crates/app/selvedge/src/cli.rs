//! The command line: one file for each command. Exit 0 is yes, 1 is no (findings), 2 is that it could not run.

mod ask;
mod authority;
mod can;
mod check;
mod control;
mod demo;
mod destination;
mod explain;
mod identity;
mod import;
mod init;
mod keys;
mod load;
mod plan;
mod process;
mod prove;
mod reach;
mod replay;
mod roles;
mod run;
mod schema;
mod status;
mod tell;
mod test;
mod up;
mod who_can;

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
    /// Run a command as a workload of the mesh, beside a node or `selvedge up` on this machine.
    Run(run::Arguments),
    /// Let a gateway or node end its connections in order, and then itself.
    Drain(tell::Arguments),
    /// Have a gateway or node read certificate files again.
    Reload(tell::Arguments),
    /// Show every gateway and node, what it enforces, and how old its certificates are.
    Status(status::Arguments),
    /// Show every hop of a decision, what each rule lacked, and the smallest change that would allow it.
    Explain(explain::Arguments),
    /// Make every recorded decision again under other documents: what they would newly deny and newly allow.
    Replay(replay::Arguments),
    /// Prove what a change of conditions and guardrails can widen; needs the solver cvc5.
    Prove(prove::Arguments),
    /// Identities: join tokens.
    #[command(subcommand)]
    Identity(identity::Command),
    /// API keys: make, replace, take back, show.
    #[command(subcommand)]
    Keys(keys::Command),
    /// Write a small commented mesh repository that checks clean.
    Init(init::Arguments),
    /// Write documents from descriptions of others: OpenAPI.
    #[command(subcommand)]
    Import(import::Command),
    /// Check a mesh repository: everything that is wrong, at once; then what is odd.
    Check(check::Arguments),
    /// Test what Expectation documents say: requests are decided, invariants are proved.
    Test(test::Arguments),
    /// Show what a change changes: what becomes reachable, what stops being, by whom, at which hop.
    Plan(plan::Arguments),
    /// Show who can make a request to a service, edge and mesh together, and by which rule.
    WhoCan(who_can::Arguments),
    /// Show whether a caller can make a request, when, and by which rule.
    Can(can::Arguments),
    /// Show everything that a caller can reach.
    Reach(reach::Arguments),
    /// What conditions and guardrails may speak of.
    #[command(subcommand)]
    Schema(schema::Command),
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
        Command::Run(run) => run::run(&run),
        Command::Drain(tell) => tell::drain(&tell, arguments.output),
        Command::Reload(tell) => tell::reload(&tell, arguments.output),
        Command::Status(status) => status::run(&status, arguments.output),
        Command::Explain(explain) => explain::run(&explain, arguments.output),
        Command::Replay(replay) => replay::run(&replay, arguments.output),
        Command::Prove(prove) => prove::run(&prove, arguments.output),
        Command::Identity(identity) => identity::run(identity, arguments.output),
        Command::Keys(keys) => keys::run(keys, arguments.output),
        Command::Authority(authority) => authority::run(&authority),
        Command::DemoService(service) => demo::run_service(&service),
        Command::DemoIssuer(issuer) => demo::run_issuer(&issuer),
        Command::Init(init) => init::run(&init, arguments.output),
        Command::Import(import) => import::run(&import, arguments.output),
        Command::Check(check) => check::run(&check, arguments.output),
        Command::Test(test) => test::run(&test, arguments.output),
        Command::Plan(plan) => plan::run(&plan, arguments.output),
        Command::WhoCan(who_can) => who_can::run(&who_can, arguments.output),
        Command::Can(can) => can::run(&can, arguments.output),
        Command::Reach(reach) => reach::run(&reach, arguments.output),
        Command::Schema(schema) => schema::run(&schema, arguments.output),
    };
    done.unwrap_or_else(|error| {
        say(std::io::stderr(), &format!("selvedge: {error:#}"));
        ExitCode::from(2)
    })
}
