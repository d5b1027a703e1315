//! `selvedge identity`: join tokens.

use super::Output;
use crate::say::say;
use anyhow::Result;
use selvedge_control::{JoinRequest, client};
use selvedge_link::NodeKind;
use selvedge_model::Name;
use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Make a one-time token with which a gateway or node joins; it is good for an hour.
    JoinToken(JoinToken),
}

#[derive(clap::Args)]
pub(super) struct JoinToken {
    /// Control's state directory.
    #[arg(long)]
    state: PathBuf,
    /// For the gateway of this name.
    #[arg(long, required_unless_present = "node", conflicts_with_all = ["node", "service"])]
    gateway: Option<Name>,
    /// For the node of this name.
    #[arg(long)]
    node: Option<Name>,
    /// A service that the node may stand beside; may be given again.
    #[arg(long)]
    service: Vec<Name>,
    /// Where control is, as `host:port`, seen from there; what control says of itself otherwise.
    #[arg(long)]
    control: Option<String>,
}

pub(super) fn run(command: Command, output: Output) -> Result<ExitCode> {
    let Command::JoinToken(JoinToken { state, gateway, node, service, control }) = command;
    let (kind, name) = match (gateway, node) {
        (Some(name), _) => (NodeKind::Gateway, name),
        (None, Some(name)) => (NodeKind::Node, name),
        (None, None) => anyhow::bail!("name a gateway or a node: --gateway NAME or --node NAME"),
    };
    let token = client::join_token(&state, &JoinRequest { kind, name, services: service, control })?;
    match output {
        Output::Text => say(stdout(), &token.to_string()),
        Output::Json => say(stdout(), &serde_json::json!({ "token": token.to_string() }).to_string()),
    }
    Ok(ExitCode::SUCCESS)
}
