//! Cedar's errors as ours, each at its place in the file.

use super::budget;
use cedar_policy_core::validator::ValidationWarning;
use selvedge_config::Diagnostic;
use selvedge_config::checked::Written;
use std::ops::Range;

/// Conjuncts of one condition.
const CONJUNCTS_MAX: usize = 64;
/// What is not Cedar.
pub(super) const SYNTAX: &str = "cedar-syntax";
/// What is Cedar, and not about the facts that there are.
pub(super) const TYPE: &str = "cedar-type";

/// Notes an error if the text is over its limits.
pub(super) fn within_budget(text: &Written, found: &mut Vec<Diagnostic>) -> bool {
    match budget::check(text.as_str()) {
        Ok(()) => true,
        Err(exceeded) => {
            found.push(text.error("cedar-budget", exceeded.at, exceeded.message, "split it into simpler ones"));
            false
        }
    }
}

/// Notes an error if a condition has too many parts.
pub(super) fn few_conjuncts(count: usize, text: &Written, part: Range<usize>, found: &mut Vec<Diagnostic>) {
    if count > CONJUNCTS_MAX {
        let message = format!("a condition has at most {CONJUNCTS_MAX} parts joined by `&&`");
        found.push(text.error("cedar-budget", part, message, "write several"));
    }
}

/// Notes an error of Cedar. `whole` is marked when it does not say where it is.
pub(super) fn note(
    code: &'static str,
    error: &dyn miette::Diagnostic,
    text: &Written,
    whole: Range<usize>,
    found: &mut Vec<Diagnostic>,
) {
    let label = error.labels().and_then(|mut labels| labels.next());
    let part = label.map_or(whole, |label| label.offset()..label.offset() + label.len());
    let help = error.help().map(|help| help.to_string()).unwrap_or_default();
    found.push(text.error(code, part, message(&error.to_string()), help));
}

/// Notes every error of a failed parse.
pub(super) fn note_syntax(
    errors: &cedar_policy_core::parser::err::ParseErrors,
    text: &Written,
    found: &mut Vec<Diagnostic>,
) {
    for error in errors.iter() {
        note(SYNTAX, error, text, 0..text.as_str().len(), found);
    }
    // A parse never fails without a reason; if it did, it would still have failed.
    if errors.iter().next().is_none() {
        note(SYNTAX, errors, text, 0..text.as_str().len(), found);
    }
}

/// Cedar names the policy that we put around a condition; people have not written it.
fn message(text: &str) -> String {
    match text.strip_prefix("for policy `").and_then(|rest| rest.split_once("`, ")) {
        Some((_, message)) => message.to_owned(),
        None => text.to_owned(),
    }
}

/// Whether a text looks like another one to people.
pub(super) fn misleads(warning: &ValidationWarning) -> bool {
    match warning {
        ValidationWarning::MixedScriptString(_)
        | ValidationWarning::BidiCharsInString(_)
        | ValidationWarning::BidiCharsInIdentifier(_)
        | ValidationWarning::MixedScriptIdentifier(_)
        | ValidationWarning::ConfusableIdentifier(_) => true,
        // A rule that can never hold is a finding of the analysis.
        ValidationWarning::ImpossiblePolicy(_) | ValidationWarning::InvalidActionApplication(_) => false,
    }
}
