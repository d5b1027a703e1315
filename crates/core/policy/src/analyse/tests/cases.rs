//! Reading answers as a person would: callers, methods, patterns, conditions.

use super::facts::Request;
use crate::analyse::{Access, Change, Condition, Methods, Paths, Requests};
use selvedge_model::PathPattern;

/// Whether a change is about the request.
pub(super) fn covers(change: &Change, request: &Request) -> bool {
    change.port == request.port
        && change.callers.iter().any(|identity| request.is_by(identity))
        && has(&change.requests, request)
}

/// Whether the request is one of these, read from their text.
pub(super) fn has(requests: &Requests, request: &Request) -> bool {
    let Some((method, path)) = request.request else { return requests.example.is_none() };
    let takes = match &requests.methods {
        Methods::These(methods) => methods.iter().any(|m| **m == *method),
        Methods::AllBut(methods) => !methods.iter().any(|m| **m == *method),
    };
    requests.example.is_some() && takes && requests.paths.iter().any(|paths| within(paths, path))
}

fn within(paths: &Paths, path: &str) -> bool {
    let matches = |text: &String| PathPattern::parse(text).is_ok_and(|pattern| pattern.matches(path));
    matches(&paths.pattern) && !paths.except.iter().any(matches)
}

/// Whether an access allows the request.
pub(super) fn holds(access: &Access, request: &Request) -> bool {
    let all = |conditions: &[Condition]| conditions.iter().all(|c| request.holds(&c.term) == c.holds);
    access.ways.iter().any(|way| all(&way.conditions)) && !access.unless.iter().any(|unless| all(&unless.conditions))
}
