//! `selvedge test [DIR]`: whether the policy does what the `Expectation` documents say. Cases are decided by the engine
//! that enforces; invariants are proved.

use super::Output;
use super::ask::table::{Tone, colored, paint};
use super::ask::{Repository, words};
use crate::say::say;
use anyhow::Result;
use selvedge_config::checked::{Case, CaseCaller};
use selvedge_model::{
    Credential, Decision, Facts, Peer, Principal, RequestFacts, RuleId, Source, SpiffeId, WorkloadKind,
};
use selvedge_policy::analyse::Violation;
use serde::Serialize;
use std::io::stdout;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The mesh repository.
    #[arg(default_value = ".")]
    directory: PathBuf,
}

/// One expectation and how it came out.
#[derive(Serialize)]
struct Outcome {
    document: String,
    name: String,
    /// `case` or `never`.
    kind: &'static str,
    at: Source,
    holds: bool,
    /// What went otherwise, with the rule's place.
    why: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    violations: Vec<Violation>,
}

/// Exit 0: all hold. Exit 1: one does not.
pub(super) fn run(arguments: &Arguments, output: Output) -> Result<ExitCode> {
    let repository = Repository::read(&arguments.directory)?;
    let analysis = repository.analysis();
    let mut outcomes = Vec::new();
    for document in &repository.checked.expectations {
        for case in &document.cases {
            let why = wrong(case, &repository.decide(case));
            let (name, at) = (case.name.to_string(), case.source.clone());
            let holds = why.is_empty();
            let document = document.name.to_string();
            outcomes.push(Outcome { document, name, kind: "case", at, holds, why, violations: Vec::new() });
        }
        for never in &document.never {
            let violations = analysis.never(never);
            let why = violations.iter().map(|found| violation(found, repository.issuers())).collect();
            let (name, at) = (never.name.to_string(), never.source.clone());
            let holds = violations.is_empty();
            outcomes.push(Outcome {
                document: document.name.to_string(),
                name,
                kind: "never",
                at,
                holds,
                why,
                violations,
            });
        }
    }
    let well = outcomes.iter().all(|outcome| outcome.holds);
    match output {
        Output::Text => say(stdout(), &text(&outcomes, colored())),
        Output::Json => say(stdout(), &serde_json::json!({ "ok": well, "outcomes": outcomes }).to_string()),
    }
    Ok(if well { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Repository {
    /// What the engine says of a case.
    fn decide(&self, case: &Case) -> Decision {
        let id;
        let (peer, user) = match &case.from {
            CaseCaller::Service { name, user } => {
                id = SpiffeId::of(&self.checked.mesh.trust_domain, &WorkloadKind::Service(name.clone()));
                (Peer::Workload(&id), user)
            }
            CaseCaller::Gateway { gateway, host, token } => (Peer::Outside { gateway, host: host.as_str() }, token),
        };
        let principal = user.as_ref().map(|token| Principal {
            issuer: token.issuer.clone(),
            subject: token.subject.clone(),
            scopes: token.scopes.clone(),
            groups: token.groups.clone(),
            amr: token.amr.clone(),
        });
        let credential = principal.as_ref().map_or(Credential::Absent, Credential::Token);
        let headers: Vec<(&str, &str)> = case.headers.iter().map(|(name, value)| (&**name, &**value)).collect();
        self.policy.decide(&Facts {
            peer,
            credential,
            service: &case.service,
            port: &case.port,
            request: case.request.as_ref().map(|(method, path)| RequestFacts { method, path: path.as_str() }),
            client: case.client,
            now: case.time_s.unwrap_or_default(),
            headers: &headers,
            tls: None,
        })
    }
}

/// How a decision differs from what was expected; nothing when it does not.
fn wrong(case: &Case, decision: &Decision) -> Vec<String> {
    let place = |rule: &RuleId| format!("`{rule}` {}", rule.source);
    match decision {
        Decision::Allow(rule) if !case.allow => {
            vec![format!("expected a denial, and it is allowed by {}", place(rule))]
        }
        Decision::Allow(rule) => {
            let named = |name: &str| name == rule.rule.as_str() || name == rule.to_string();
            let other = case.rule.iter().filter(|name| !named(name));
            other.map(|name| format!("expected rule `{name}`, and it is allowed by {}", place(rule))).collect()
        }
        Decision::Deny(denial) if case.allow => {
            let mut why = vec![format!("expected to be allowed, and it is denied: {}", denial.reason.status())];
            if let Some(forbidden) = &denial.forbidden {
                let by = forbidden.rule.as_deref().map_or("`mode: observe`".to_owned(), place);
                why.push(format!("guardrail `{}` {} forbids what {by} allows", forbidden.guardrail, forbidden.source));
            }
            if let Some(nearest) = &denial.nearest {
                why.push(format!("closest is {}: {}", place(&nearest.rule), nearest.missing));
            }
            why
        }
        Decision::Deny(denial) => {
            let status = denial.reason.status();
            let other = case.status.filter(|wanted| *wanted != status);
            other.map(|wanted| format!("expected {wanted}, and it is denied with {status}")).into_iter().collect()
        }
    }
}

fn violation(violation: &Violation, issuers: usize) -> String {
    let who = words::who(&violation.callers, issuers).join("; ");
    let what = match &violation.requests.example {
        Some((method, path)) => format!("{method} {path}"),
        None => "a connection".to_owned(),
    };
    let Violation { service, port, access, .. } = violation;
    let more = words::requests(&violation.requests);
    let more = if more == what { String::new() } else { format!(", as all of {more}") };
    format!("{who} can: {service}:{port} {what}{more}; {}; {}", words::access(access), words::rules(access).join(", "))
}

fn text(outcomes: &[Outcome], color: bool) -> String {
    let mut text = String::new();
    for outcome in outcomes.iter().filter(|outcome| !outcome.holds) {
        let failed = paint("fails", Tone::Bad, color);
        let at = paint(&outcome.at.to_string(), Tone::Quiet, color);
        text.push_str(&format!("{failed}  {}: {}  {at}\n", outcome.document, outcome.name));
        outcome.why.iter().for_each(|why| text.push_str(&format!("       {why}\n")));
    }
    let (hold, all) = (outcomes.iter().filter(|outcome| outcome.holds).count(), outcomes.len());
    let proved = outcomes.iter().filter(|outcome| outcome.holds && outcome.kind == "never").count();
    let end = match (all, all - hold) {
        (0, _) => "no expectations: write an Expectation document to have some".to_owned(),
        (1, 0) if proved == 1 => "1 expectation holds, proved for every request".to_owned(),
        (1, 0) => "1 expectation holds".to_owned(),
        (_, 0) => format!("{all} expectations hold, {proved} of them proved for every request"),
        (_, failed) => format!("{failed} of {} failed", words::counted(all, "expectation")),
    };
    text + &end
}
