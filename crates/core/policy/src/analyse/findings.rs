//! Findings: what is valid and still odd. Each has a stable code, its place, the reason, and what to do.

mod documents;
mod exposures;
mod listeners;
mod rules;
mod survey;

use super::Analysis;
use selvedge_model::{Name, Source};
use serde::Serialize;

/// Every code, in order.
pub const CODES: &[&str] = selvedge_config::FINDINGS;

/// Something odd.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Its kind; one of [`CODES`].
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// The kind of the document that it is in.
    pub kind: &'static str,
    /// The document.
    pub document: Name,
    /// The line.
    pub at: Source,
    /// What is odd, and why.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Somebody may get what nobody meant to give, or a rule does not do what it says.
    Warning,
    /// Something is of no use.
    Note,
}

impl Analysis<'_> {
    /// All findings that no document accepts, in the order of files and lines.
    pub fn findings(&self) -> Vec<Finding> {
        let services = self.checked.services.values();
        let surveys: Vec<survey::Survey<'_>> = services.map(|service| self.survey(service)).collect();
        let mut found = self.exposure_findings(&surveys);
        found.extend(self.document_findings(&surveys));
        found.extend(self.listener_findings());
        found.extend(surveys.iter().flat_map(|survey| rules::findings(&survey.rules, &survey.seen)));
        let accepted = |finding: &Finding| {
            let of = |allow: &selvedge_config::checked::Allow| {
                allow.kind == finding.kind && allow.document == finding.document && *allow.finding == *finding.code
            };
            self.checked.allow.iter().any(of)
        };
        found.retain(|finding| !accepted(finding));
        found.sort_by(|a, b| (&a.at, a.code, &a.message).cmp(&(&b.at, b.code, &b.message)));
        found
    }
}
