//! `selvedge status`: every gateway and node, what it enforces, and how old its certificates are.

use super::Output;
use crate::say::say;
use anyhow::{Context, Result};
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use selvedge_control::{NodeStatus, Status, client};
use selvedge_telemetry::admin;
use std::io::stdout;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

/// Characters of a plan's hash that are shown.
const HASH_SHOWN: usize = 12;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// Control's admin address.
    #[arg(long, default_value = "127.0.0.1:7401", conflicts_with = "state")]
    admin: SocketAddr,
    /// Control's state directory, in place of its admin address.
    #[arg(long)]
    state: Option<PathBuf>,
}

/// Exit 0: every node enforces the wanted plan. Exit 1: one does not, or the documents are refused.
pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    let status = match &arguments.state {
        Some(state) => client::status(state)?,
        None => ask(arguments.admin)?,
    };
    match output {
        Output::Text => say(stdout(), &text(&status)),
        Output::Json => say(stdout(), &serde_json::to_string(&status)?),
    }
    let well = status.error.is_none() && status.nodes.iter().all(|node| node.current && node.connected);
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn ask(address: SocketAddr) -> Result<Status> {
    let page = admin::get(address, "/status").with_context(|| {
        format!(
            "no control plane answers at `{address}`: start one with `selvedge up`, or say where it is with --admin"
        )
    })?;
    serde_json::from_str(&page).context("what answers there is no control plane of this version")
}

fn text(status: &Status) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_header(["NODE", "LINK", "PLAN", "CERTIFICATES", "SERVICES"]);
    table.add_rows(status.nodes.iter().map(row));
    let mut text =
        format!("mesh {}\nplan {} (revision {})\n", status.trust_domain, short(&status.plan), status.revision);
    if let Some(error) = &status.error {
        text.push_str(&format!("\nthe documents are refused, and the last good plan stays in force:\n{error}\n"));
    }
    for alarm in &status.alarms {
        text.push_str(&format!("\nalarm: {alarm}\n"));
    }
    format!("{text}\n{table}")
}

fn row(node: &NodeStatus) -> [String; 5] {
    let plan = match (&node.refused, &node.enforced) {
        (Some(reason), _) => format!("refused: {}", reason.lines().next().unwrap_or_default()),
        (None, Some(plan)) if node.current => format!("{} current", short(plan)),
        (None, Some(plan)) => format!("{} behind", short(plan)),
        (None, None) => "none yet".to_owned(),
    };
    let first = node.certificates.iter().map(|certificate| certificate.expires_in_s).min();
    let certificates = match first {
        Some(left) if left > 0 => format!("{}, first ends in {}", node.certificates.len(), duration(left)),
        Some(_) => "one has ended".to_owned(),
        None => "none yet".to_owned(),
    };
    let services: Vec<&str> = node.services.iter().map(|name| name.as_str()).collect();
    let link = if node.connected { "up" } else { "down" };
    [format!("{}/{}", node.kind, node.name), link.to_owned(), plan, certificates, services.join(" ")]
}

fn short(hash: &str) -> &str {
    hash.get(..HASH_SHOWN).unwrap_or(hash)
}

fn duration(seconds: i64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds / 60),
        7200..172_800 => format!("{} h", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}
