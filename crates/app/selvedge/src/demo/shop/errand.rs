//! Errands: calls that a service makes because whoever started it asks for it, so that a call can be seen refused from
//! the very process whose identity it is about. One line of JSON in, one line out.

use super::super::client::{Call, Client};
use super::super::serve;
use super::ledger;
use serde::{Deserialize, Serialize};
use std::net::SocketAddr;

/// What a service is asked to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(crate) enum Errand {
    /// A call to another service through the node.
    Call {
        /// The method.
        method: String,
        /// The service.
        to: String,
        /// The path.
        path: String,
    },
    /// A line to the ledger through the node.
    Ledger(String),
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Report {
    /// An answer over HTTP.
    Answer {
        /// The status.
        status: u16,
        /// The decision id.
        decision: Option<String>,
    },
    /// The ledger's line.
    Line(String),
    /// The ledger's connection was closed without a byte.
    Closed,
    /// Nothing: why.
    Failed(String),
}

impl std::fmt::Display for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Report::Answer { status, .. } => status.fmt(f),
            Report::Line(line) => f.write_str(line),
            Report::Closed => f.write_str("closed without a byte"),
            Report::Failed(why) => f.write_str(why),
        }
    }
}

/// Runs errands one after the other until standard input ends.
pub(super) async fn run_all(mesh: &Client, ledger: Option<SocketAddr>) {
    let mut lines = serve::stdin_lines();
    while let Some(line) = lines.recv().await {
        let report = match serde_json::from_str(&line) {
            Ok(errand) => run(errand, mesh, ledger).await,
            Err(error) => Report::Failed(format!("no errand: {error}")),
        };
        serve::say(&serde_json::to_string(&report).unwrap_or_default());
    }
}

async fn run(errand: Errand, mesh: &Client, ledger: Option<SocketAddr>) -> Report {
    match (errand, ledger) {
        (Errand::Call { method, to, path }, _) => {
            let call = Call { method: &method, path: &path, host: Some(&to), ..Call::default() };
            match mesh.call(&call).await {
                Ok(answer) => {
                    Report::Answer { status: answer.status.as_u16(), decision: answer.decision().map(str::to_owned) }
                }
                Err(error) => Report::Failed(error.to_string()),
            }
        }
        (Errand::Ledger(line), Some(address)) => match ledger::ask(address, &line).await {
            Ok(Some(line)) => Report::Line(line),
            Ok(None) => Report::Closed,
            Err(error) => Report::Failed(error.to_string()),
        },
        (Errand::Ledger(_), None) => Report::Failed("this service has no address for the ledger".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errands_and_reports_survive_their_lines() {
        let errand = Errand::Call { method: "POST".to_owned(), to: "payments".to_owned(), path: "/charges".to_owned() };
        let line = serde_json::to_string(&errand).unwrap();
        assert_eq!(line, r#"{"call":{"method":"POST","to":"payments","path":"/charges"}}"#);
        assert_eq!(serde_json::from_str::<Errand>(&line).unwrap(), errand);
        for report in [Report::Closed, Report::Line("OK 1".to_owned()), Report::Answer { status: 403, decision: None }]
        {
            let line = serde_json::to_string(&report).unwrap();
            assert_eq!(serde_json::from_str::<Report>(&line).unwrap(), report, "{line}");
        }
    }
}
