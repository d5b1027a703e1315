//! `selvedge identity doctor`: what is wrong with identities, or will be, each with what to do.

use super::Output;
use crate::say::say;
use anyhow::Result;
use selvedge_control::client::{self, ClientError};
use selvedge_control::{IdentityOverview, Status};
use std::io::stdout;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;

/// A certificate with less left, in seconds, should have been renewed: leaves live for 10 seconds at least.
const LEFT_S_MIN: i64 = 5;

/// Exit 1: something was found.
pub(super) fn run(state: &Path, output: Output) -> Result<ExitCode> {
    let mut found = Vec::new();
    permissions(state, &mut found);
    match (client::identity(state), client::status(state)) {
        (Ok(overview), Ok(status)) => diagnose(&overview, &status, &mut found),
        (Err(ClientError::NotRunning(_)), _) | (_, Err(ClientError::NotRunning(_))) => {
            found.push(
                "no control runs here, so certificates are not renewed: start it with `selvedge control`".to_owned(),
            );
        }
        (Err(error), _) | (_, Err(error)) => found.push(format!("control does not answer: {error}")),
    }
    match output {
        Output::Text if found.is_empty() => say(stdout(), "nothing is wrong"),
        Output::Text => say(stdout(), &found.join("\n")),
        Output::Json => say(stdout(), &serde_json::json!({ "found": found }).to_string()),
    }
    Ok(if found.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn permissions(state: &Path, found: &mut Vec<String>) {
    for name in ["", "authority", "authority/keys.json", "tokens"] {
        let path = state.join(name);
        let Ok(metadata) = std::fs::metadata(&path) else { continue };
        if metadata.mode() & 0o077 != 0 {
            let shown = path.display();
            found
                .push(format!("others can get at `{shown}`: run `chmod go= {shown}`, and rotate the root if they did"));
        }
    }
}

fn diagnose(overview: &IdentityOverview, status: &Status, found: &mut Vec<String>) {
    found.extend(overview.alarms.iter().cloned());
    found.extend(overview.waits_for.iter().cloned());
    found.extend(status.error.clone());
    let roots = overview.bundle.fingerprints();
    let known = overview.rotation.roots.iter().all(|slot| roots.contains(&slot.id));
    if !known {
        found.push("the bundle lacks a root that is being rotated: restart control".to_owned());
    }
    for node in &status.nodes {
        let ended = |left: i64| left < LEFT_S_MIN;
        for certificate in
            node.certificates.iter().filter(|certificate| node.connected && ended(certificate.expires_in_s))
        {
            let (kind, name, id) = (node.kind, &node.name, &certificate.id);
            found.push(format!(
                "the certificate of `{id}` on the {kind} `{name}` ends now and was not renewed: look at that log"
            ));
        }
    }
}
