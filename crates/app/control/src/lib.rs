//! The control plane: reads and watches a mesh repository, checks it, has it signed, distributes it, and registers nodes.
//!
//! Keys that sign are not here: they live in the [`authority`], a process of its own behind a unix socket. What control
//! holds may be lost without losing the mesh: nodes go on with their last good bundle.

mod admin;
mod alarms;
pub mod authority;
pub mod client;
mod control;
mod endpoint;
mod federation;
mod grant;
mod identity;
mod join;
mod line;
mod link;
mod live;
mod options;
mod overview;
mod polling;
mod publish;
mod registry;
mod revision;
mod revoke;
mod rotate;
mod session;
mod shared;
mod socket;
mod source;
mod start;
mod state;
mod status;

pub use control::{Control, Running};
pub use federation::FederationStatus;
pub use options::{AuthorityCommand, BundleEndpoint, ControlError, Options};
pub use overview::IdentityOverview;
pub use registry::token::{JoinRequest, TokenError};
pub use revoke::RevokeRequest;
pub use source::ReadFiles;
pub use start::{run, start};
pub use status::{CertificateStatus, NodeStatus, Status};

/// Says a line to the operator. A reader of stderr that went away is not an error of ours; control characters in what a
/// peer sent do not reach the terminal.
fn say(line: &str) {
    use std::io::Write;
    let clean = |c: char| if c.is_control() && c != '\n' { '\u{fffd}' } else { c };
    let line: String = line.trim_end().chars().map(clean).collect();
    let _ = writeln!(std::io::stderr(), "selvedge control: {line}");
}

#[cfg(test)]
mod tests;
