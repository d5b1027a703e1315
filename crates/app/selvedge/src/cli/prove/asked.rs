//! The questions of all services, one after another.

use super::super::ask::Repository;
use super::super::{Output, plan};
use super::example::Example;
use super::{Arguments, solver, unasked};
use crate::say::say;
use anyhow::Result;
use selvedge_model::Name;
use serde_json::json;
use std::io::stdout;
use std::path::Path;
use std::process::ExitCode;

/// What changes who gets in, and is no matter of rules: `plan` shows it.
const NOT_COMPARED: &[&str] = &["listeners", "routes", "URLs of issuers", "`mode: observe`"];

/// What is known of one service.
enum Outcome {
    /// No caller can do there what it could not.
    Proved,
    Widens(Box<Example>),
    /// Why nothing is known.
    Unknown(String),
}

pub(super) fn run(arguments: &Arguments, program: &Path, output: Output) -> Result<ExitCode> {
    let mut outcomes = Vec::new();
    let after = match read(arguments, program, &mut outcomes) {
        Ok(after) => after,
        Err(error) => return Ok(unasked(output, &format!("{error:#}"))),
    };
    let widens = outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Widens(_)));
    let unknown = outcomes.iter().any(|(_, outcome)| matches!(outcome, Outcome::Unknown(_)));
    match output {
        Output::Json => say(stdout(), &json(&after, &outcomes, (widens, unknown)).to_string()),
        Output::Text => {
            for (service, outcome) in &outcomes {
                say(stdout(), &line(&after, service, outcome));
            }
            let verdict = match (widens, unknown) {
                (true, _) => "access widens",
                (false, true) => "not everything could be proved",
                (false, false) => "proved: whatever is allowed was allowed before",
            };
            say(stdout(), &format!("{verdict}\nnot compared: {}", NOT_COMPARED.join(", ")));
        }
    }
    Ok(match (widens, unknown) {
        (true, _) => ExitCode::FAILURE,
        (false, true) => ExitCode::from(2),
        (false, false) => ExitCode::SUCCESS,
    })
}

fn read(arguments: &Arguments, program: &Path, outcomes: &mut Vec<(Name, Outcome)>) -> Result<Repository> {
    let after = Repository::read(&arguments.directory)?;
    let before = Repository::of(&plan::files(&arguments.directory, &arguments.against)?, &arguments.against)?;
    let implications =
        selvedge_policy::implications(&before.checked, &after.checked).map_err(|why| anyhow::anyhow!("{why}"))?;
    for implication in implications {
        let outcome = match solver::ask(&implication, program) {
            Ok(None) => Outcome::Proved,
            Ok(Some(found)) => match Example::of(&found, &implication.service, &before.policy, &after) {
                Some(example) => Outcome::Widens(Box::new(example)),
                None => Outcome::Unknown(
                    "the solver's example is no request that there can be: it may widen, see `selvedge plan`"
                        .to_owned(),
                ),
            },
            Err(error) => Outcome::Unknown(format!("{error:#}")),
        };
        outcomes.push((implication.service, outcome));
    }
    Ok(after)
}

fn line(after: &Repository, service: &Name, outcome: &Outcome) -> String {
    match outcome {
        Outcome::Proved => format!("{service}: proved"),
        Outcome::Unknown(why) => format!("{service}: not proved: {why}"),
        Outcome::Widens(example) => format!("{service}: widens, for example\n{}", example.text(&after.checked)),
    }
}

fn json(after: &Repository, outcomes: &[(Name, Outcome)], (widens, unknown): (bool, bool)) -> serde_json::Value {
    let services = outcomes.iter().map(|(service, outcome)| match outcome {
        Outcome::Proved => json!({ "service": service, "proved": true }),
        Outcome::Unknown(why) => json!({ "service": service, "proved": null, "why": why }),
        Outcome::Widens(example) => {
            json!({ "service": service, "proved": false, "example": example.json(&after.checked) })
        }
    });
    let proved = if widens {
        json!(false)
    } else if unknown {
        json!(null)
    } else {
        json!(true)
    };
    json!({ "proved": proved, "services": services.collect::<Vec<_>>(), "not_compared": NOT_COMPARED })
}
