//! Where cases are run.

use crate::{Case, Outcome, Scene};
use selvedge_model::Role;
use std::error::Error;

/// Something that takes a request and lets it come to an end: a parser, or sockets with an upstream behind them. What
/// it permits is `{host}` with any path and any method, without a credential; whatever is refused then is refused for
/// its form.
pub trait Target {
    /// The role that it plays.
    fn role(&self) -> Role;

    /// What the words in a case stand for here.
    fn scene(&self) -> Scene;

    /// Sends the bytes on a fresh connection and waits for what comes of it.
    ///
    /// # Errors
    /// When the target itself is broken: that is no outcome.
    fn send(&mut self, request: &[u8]) -> Result<Outcome, Box<dyn Error>>;
}

/// A case that did not go as it must.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{case} ({role}): {reason}; because {why}", role = role.as_str())]
pub struct Failure {
    /// The case.
    pub case: String,
    /// The role in which it was run.
    pub role: Role,
    /// What differed.
    pub reason: String,
    /// Why it must be otherwise.
    pub why: String,
}

/// Runs the cases that apply to the target's role, and returns how many ran and which failed.
///
/// # Errors
/// When the target itself breaks.
pub fn run(cases: &[Case], target: &mut dyn Target) -> Result<(usize, Vec<Failure>), Box<dyn Error>> {
    let (role, scene) = (target.role(), target.scene());
    let (mut count, mut failures) = (0, Vec::new());
    for case in cases.iter().filter(|case| case.roles.contains(&role)) {
        let outcome = target.send(&case.request.render(&scene))?;
        count += 1;
        let reason = match (case.judge(&outcome, &scene), &case.open) {
            (Ok(()), None) | (Err(_), Some(_)) => continue,
            (Err(mismatch), None) => mismatch.0,
            (Ok(()), Some(open)) => format!("it holds now: take `open: {open}` out of the case"),
        };
        failures.push(Failure { case: case.name.clone(), role, reason, why: case.why.clone() });
    }
    Ok((count, failures))
}
