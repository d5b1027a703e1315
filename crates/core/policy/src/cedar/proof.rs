//! Whether a change widens access, as Cedar that a solver takes: one question for each service.
//!
//! Beside the context of conditions there are the path's segments (`context.s0`, as many as patterns name) and how many
//! it has; guardrails stand inside each `permit`, so that one that fails denies, as ours does. What is assumed of the
//! world is true of all facts, so what is proved holds. What is left open — how path and segments hang together beyond
//! the patterns' own prefixes, the hour and the seconds since 1970, who may call beside those whom rules name — admits
//! more facts than there are: it can spoil a proof, never make one. An example is decided again by our own engine.

mod permit;
mod provable;
mod world;

use super::reference::text::quoted;
use super::schema::Shape;
use permit::Guard;
use selvedge_config::Checked;
use selvedge_config::checked::Rule;
use selvedge_model::Name;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// "Whatever `after` allows, `before` allows", for one service, as text of Cedar.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Implication {
    /// The service that is called.
    pub service: Name,
    /// What the policies speak of.
    pub schema: String,
    /// The policies that should allow as much.
    pub before: String,
    /// The policies that should allow no more, with what is true of all facts.
    pub after: String,
}

/// Why nothing can be proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unprovable {
    /// The callers of one are not those of the other.
    Domains,
    /// The labels of this service differ, and a condition names labels.
    Labels(Name),
    /// A condition or guardrail at this place reads attributes of others than who calls and what is called.
    Stranger(String),
    /// A condition at this place is no Cedar: a fault of ours, since it was checked.
    Unread(String),
}

impl fmt::Display for Unprovable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unprovable::Domains => write!(f, "the trust domains differ: no caller of one is a caller of the other"),
            Unprovable::Labels(name) => write!(
                f,
                "the labels of `{name}` differ, and a condition names labels: change labels and conditions one by one"
            ),
            Unprovable::Stranger(place) => write!(
                f,
                "{place}: attributes are read of others than `principal`, `resource` and `context`: write them alone"
            ),
            Unprovable::Unread(place) => write!(f, "{place}: the condition cannot be read"),
        }
    }
}

/// The questions of all services that some rule is for, in order of name; a service whose rules and guardrails are the
/// same has none.
///
/// # Errors
/// When a proof would not hold for our engine.
pub fn implications(before: &Checked, after: &Checked) -> Result<Vec<Implication>, Unprovable> {
    if before.mesh.trust_domain != after.mesh.trust_domain {
        return Err(Unprovable::Domains);
    }
    let guards = (permit::guards(before)?, permit::guards(after)?);
    let mut headers = BTreeSet::new();
    let mut labels = false;
    for side in [before, after] {
        for rule in side.access.iter().flat_map(|access| &access.rules) {
            if let Some((when, place)) = permit::condition(rule)? {
                provable::check(&when, &place, &mut headers, &mut labels)?;
            }
        }
    }
    for guard in guards.0.iter().chain(&guards.1) {
        provable::check(&guard.condition, &guard.place, &mut headers, &mut labels)?;
    }
    if let (true, Some(name)) = (labels, world::relabelled(before, after)) {
        return Err(Unprovable::Labels(name));
    }
    let services: BTreeSet<&Name> = after.access.iter().map(|access| &access.service).collect();
    let one = |service: &&Name| one(service, (before, &guards.0), (after, &guards.1), &headers).transpose();
    services.iter().filter_map(one).collect()
}

fn one(
    service: &Name,
    (before, guards_before): (&Checked, &[Guard]),
    (after, guards_after): (&Checked, &[Guard]),
    headers: &BTreeSet<String>,
) -> Result<Option<Implication>, Unprovable> {
    let texts = (permit::all(before, service, guards_before)?, permit::all(after, service, guards_after)?);
    if texts.0 == texts.1 {
        return Ok(None);
    }
    let rules: Vec<&Rule> = rules(before, service).chain(rules(after, service)).collect();
    let segments = rules.iter().flat_map(|rule| &rule.paths).map(|path| path.segments().len()).max().unwrap_or(0);
    let assumed = world::assumed(after, service, &rules);
    Ok(Some(Implication {
        service: service.clone(),
        schema: schema(segments, headers),
        before: texts.0.join("\n\n"),
        after: texts.1.into_iter().chain([assumed]).collect::<Vec<_>>().join("\n\n"),
    }))
}

fn rules<'c>(checked: &'c Checked, service: &Name) -> impl Iterator<Item = &'c Rule> {
    checked.access.iter().filter(move |access| access.service == *service).flat_map(|access| &access.rules)
}

/// Our schema, and what a request is beside it.
fn schema(segments: usize, headers: &BTreeSet<String>) -> String {
    let shape = Shape { user: false, request: true, headers: headers.clone(), captures: BTreeMap::new() };
    let numbered: String = (0..segments).map(|at| format!("{}: String, ", segment(at))).collect();
    let more = format!("request: Bool, refused: Bool, depth: Long, {numbered}\n        method: String,");
    shape.text().replace("method: String,", &more)
}

/// The name of a segment in the context.
fn segment(at: usize) -> String {
    format!("s{at}")
}

/// A set; Cedar knows no type of an empty one.
fn same(what: &str, texts: &[String]) -> String {
    if texts.is_empty() {
        return format!("{what}.isEmpty()");
    }
    format!("{what} == [{}]", texts.iter().map(quoted).collect::<Vec<_>>().join(", "))
}
