//! `selvedge identity`: who the mesh trusts, join tokens, certificates for others' keys, revocation, rotation, and a
//! doctor. Everything is asked of the control that runs with a state directory.

mod doctor;

use super::Output;
use crate::say::say;
use anyhow::{Context, Result, bail};
use selvedge_control::{IdentityOverview, JoinRequest, RevokeRequest, client};
use selvedge_identity::{Slot, Stage, certificates_to_pem, request_from_pem};
use selvedge_link::NodeKind;
use selvedge_model::Name;
use std::fmt::Write as _;
use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;

/// Characters of a fingerprint that are shown.
const SHORT: usize = 16;

#[derive(clap::Subcommand)]
pub(super) enum Command {
    /// Show which root signs, which are before and after it, what is revoked, and what ends soon.
    Show(State),
    /// Write the trust bundle: PEM, or the JWKS of the SPIFFE bundle format.
    Bundle(Bundle),
    /// Make a one-time token with which a gateway or node joins; it is good for an hour.
    JoinToken(JoinToken),
    /// Certify a key that you hold, for a service: prints the chain.
    Issue(Issue),
    /// Revoke a certificate, everything of a service, or a node; open connections close within a second.
    Revoke(Revoke),
    /// Rotate the root: a new one is distributed, and signs once every node has it.
    Rotate(Rotate),
    /// Look for what is wrong, or will be: clocks, ends, bundles, permissions; and what to do.
    Doctor(State),
}

#[derive(clap::Args)]
pub(super) struct State {
    /// Control's state directory.
    #[arg(long)]
    state: PathBuf,
}

#[derive(clap::Args)]
pub(super) struct Bundle {
    /// Control's state directory.
    #[arg(long)]
    state: PathBuf,
    /// As a SPIFFE bundle (JWKS) in place of PEM.
    #[arg(long)]
    spiffe: bool,
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

#[derive(clap::Args)]
pub(super) struct Issue {
    /// Control's state directory.
    #[arg(long)]
    state: PathBuf,
    /// The service that the certificate names.
    #[arg(long)]
    service: Name,
    /// A certificate request (PKCS#10) in PEM, signed by the key; names in it are ignored.
    csr: PathBuf,
}

#[derive(clap::Args)]
#[group(required = true, multiple = false, id = "what")]
pub(super) struct What {
    /// One certificate, by its serial number in hex.
    #[arg(long)]
    serial: Option<String>,
    /// Everything that was issued to a service until now.
    #[arg(long)]
    service: Option<Name>,
    /// A node: it is un-enrolled, and everything that it was given is revoked.
    #[arg(long)]
    node: Option<Name>,
    /// A gateway, as a node.
    #[arg(long)]
    gateway: Option<Name>,
}

#[derive(clap::Args)]
pub(super) struct Revoke {
    /// Control's state directory.
    #[arg(long)]
    state: PathBuf,
    #[command(flatten)]
    what: What,
}

#[derive(clap::Args)]
pub(super) struct Rotate {
    /// Control's state directory.
    #[arg(long)]
    state: PathBuf,
    /// Say who would break and what rotation would wait for; change nothing.
    #[arg(long, conflicts_with = "taint")]
    dry_run: bool,
    /// This root's key may be known to others: replace it as fast as the connected nodes allow, and trust it no more.
    #[arg(long, value_name = "FINGERPRINT")]
    taint: Option<String>,
}

pub(super) fn run(command: Command, output: Output) -> Result<ExitCode> {
    match command {
        Command::Show(State { state }) => show(&client::identity(&state)?, output),
        Command::Bundle(Bundle { state, spiffe }) => {
            let bundle = client::identity(&state)?.bundle;
            let text = if spiffe { bundle.to_spiffe(300) } else { bundle.to_pem() };
            say(stdout(), text.trim_end());
            Ok(ExitCode::SUCCESS)
        }
        Command::JoinToken(asked) => join_token(asked, output),
        Command::Issue(Issue { state, service, csr }) => {
            let text = std::fs::read_to_string(&csr).with_context(|| format!("cannot read `{}`", csr.display()))?;
            let chain = client::issue(&state, request_from_pem(&text)?, &service)?;
            say(stdout(), certificates_to_pem(&chain).trim_end());
            Ok(ExitCode::SUCCESS)
        }
        Command::Revoke(Revoke { state, what }) => done(client::revoke(&state, &revocation(what)?)?, output),
        Command::Rotate(Rotate { state, dry_run: true, .. }) => rehearsal(&client::identity(&state)?, output),
        Command::Rotate(Rotate { state, taint: Some(root), .. }) => done(client::taint(&state, &root)?, output),
        Command::Rotate(Rotate { state, .. }) => done(client::rotate(&state)?, output),
        Command::Doctor(State { state }) => doctor::run(&state, output),
    }
}

fn done(words: String, output: Output) -> Result<ExitCode> {
    match output {
        Output::Text => say(stdout(), &words),
        Output::Json => say(stdout(), &serde_json::json!({ "done": words }).to_string()),
    }
    Ok(ExitCode::SUCCESS)
}

fn revocation(what: What) -> Result<RevokeRequest> {
    Ok(match what {
        What { serial: Some(serial), .. } => RevokeRequest::Serial(serial),
        What { service: Some(service), .. } => RevokeRequest::Service(service),
        What { node: Some(node), .. } => RevokeRequest::Node(NodeKind::Node, node),
        What { gateway: Some(gateway), .. } => RevokeRequest::Node(NodeKind::Gateway, gateway),
        What { serial: None, service: None, node: None, gateway: None } => bail!("say what to revoke"),
    })
}

fn join_token(asked: JoinToken, output: Output) -> Result<ExitCode> {
    let JoinToken { state, gateway, node, service, control } = asked;
    let (kind, name) = match (gateway, node) {
        (Some(name), _) => (NodeKind::Gateway, name),
        (None, Some(name)) => (NodeKind::Node, name),
        (None, None) => bail!("name a gateway or a node: --gateway NAME or --node NAME"),
    };
    let token = client::join_token(&state, &JoinRequest { kind, name, services: service, control })?;
    match output {
        Output::Text => say(stdout(), &token.to_string()),
        Output::Json => say(stdout(), &serde_json::json!({ "token": token.to_string() }).to_string()),
    }
    Ok(ExitCode::SUCCESS)
}

/// Exit 1: somebody would break, or rotation would wait.
fn rehearsal(overview: &IdentityOverview, output: Output) -> Result<ExitCode> {
    let found = &overview.waits_for;
    match output {
        Output::Text if found.is_empty() => {
            say(stdout(), "nobody would break: every node has the bundle, and a right clock")
        }
        Output::Text => say(stdout(), &found.join("\n")),
        Output::Json => say(stdout(), &serde_json::json!({ "waits_for": found }).to_string()),
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn show(overview: &IdentityOverview, output: Output) -> Result<ExitCode> {
    match output {
        Output::Text => say(stdout(), text(overview)?.trim_end()),
        Output::Json => say(stdout(), &serde_json::to_string(overview)?),
    }
    Ok(ExitCode::SUCCESS)
}

fn text(overview: &IdentityOverview) -> Result<String> {
    let mut text = format!("trust domain {}\nbundle {}\n", overview.bundle.trust_domain, overview.bundle.sequence);
    let days = |end: u64| end.saturating_sub(overview.now) / 86_400;
    let line = |what: &str, slot: &Slot| {
        let stage = match slot.stage {
            Stage::Prepared => "distributed, signs nothing yet",
            Stage::Active => "signs",
            Stage::Retiring => "signs no more",
        };
        let tainted = if slot.is_tainted { ", tainted" } else { "" };
        let id: String = slot.id.chars().take(SHORT).collect();
        format!("{what} {id}  {stage}{tainted}; {} days left", days(slot.not_after))
    };
    for slot in &overview.rotation.roots {
        writeln!(text, "{}", line("root", slot))?;
    }
    writeln!(text, "intermediate  {} days left", days(overview.intermediate_not_after))?;
    for slot in &overview.rotation.jwt_keys {
        writeln!(text, "{}", line("key of tokens", slot))?;
    }
    for (what, lines) in [("revoked", &overview.revoked), ("alarm", &overview.alarms)] {
        for found in lines {
            writeln!(text, "{what}: {found}")?;
        }
    }
    Ok(text)
}
