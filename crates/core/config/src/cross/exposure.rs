//! Two exposures that claim the same host, path and method for different destinations.
//!
//! The gateway's routes follow from the exposures, so such a pair has no answer, unless one pattern is the more
//! specific: then it wins.

use crate::Diagnostic;
use crate::checked::{Access, From, Rule};
use selvedge_model::{HostPattern, Name, PathPattern, Segment};
use std::collections::HashMap;
use std::sync::Arc;

/// One path of one rule.
struct Claim<'a> {
    service: &'a Name,
    rule: &'a Rule,
    path: &'a PathPattern,
}

/// The claims at one gateway and host, by the literal that their paths begin with; `None` where it is no literal.
type Claims<'a> = HashMap<Option<Arc<str>>, Vec<Claim<'a>>>;

/// Notes an error for each rule that competes with an earlier one.
pub(super) fn check(access: &[Access], found: &mut Vec<Diagnostic>) {
    let mut hosts_of: HashMap<(&Name, &HostPattern), Claims<'_>> = HashMap::new();
    for document in access {
        for rule in &document.rules {
            let From::Gateway { gateway, hosts, .. } = &rule.from else { continue };
            for (host, path) in hosts.iter().flat_map(|host| rule.paths.iter().map(move |path| (host, path))) {
                let claim = Claim { service: &document.service, rule, path };
                let claims = hosts_of.entry((gateway, host)).or_default();
                if let Some(other) = claim.competitor(claims) {
                    found.push(claim.error(other, host));
                }
                claims.entry(first_literal(path)).or_default().push(claim);
            }
        }
    }
}

fn first_literal(path: &PathPattern) -> Option<Arc<str>> {
    match path.segments().first() {
        Some(Segment::Literal(text)) => Some(text.clone()),
        Some(Segment::Any(_)) | None => None,
    }
}

impl<'a> Claim<'a> {
    /// The first earlier claim that competes. Paths that begin with different literals never meet, so those are
    /// not looked at: ten thousand rules stay far from a hundred million comparisons.
    fn competitor<'c>(&self, claims: &'c Claims<'a>) -> Option<&'c Claim<'a>> {
        let first = first_literal(self.path);
        let open = claims.get(&None);
        let near: Vec<&Vec<Claim<'a>>> = match &first {
            Some(_) => claims.get(&first).into_iter().chain(open).collect(),
            None => claims.values().collect(),
        };
        near.into_iter().flatten().find(|other| other.competes(self))
    }

    fn competes(&self, other: &Claim<'_>) -> bool {
        let elsewhere = self.service != other.service || self.rule.ports != other.rule.ports;
        let ordered = self.path.contains(other.path) != other.path.contains(self.path);
        elsewhere && self.path.overlaps(other.path) && !ordered && self.shares_method(other)
    }

    fn shares_method(&self, other: &Claim<'_>) -> bool {
        match (&self.rule.methods, &other.rule.methods) {
            (Some(ours), Some(theirs)) => ours.iter().any(|method| theirs.contains(method)),
            (None, _) | (_, None) => true,
        }
    }

    fn error(&self, other: &Claim<'_>, host: &HostPattern) -> Diagnostic {
        let source = &self.rule.id.source;
        Diagnostic {
            code: "exposure-overlap",
            file: source.file.clone(),
            line: source.line,
            column: 1,
            width: 1,
            message: format!(
                "`{}` claims `{}` at `{host}`, and so does `{}` with `{}` for another destination",
                self.rule.id, self.path, other.rule.id, other.path
            ),
            help: format!("make one more specific, or part their methods; the other is at {}", other.rule.id.source),
        }
    }
}
