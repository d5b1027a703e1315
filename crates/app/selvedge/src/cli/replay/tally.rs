//! What comes of replayed decisions, counted in groups that a person can read.

use super::super::destination::destination;
use selvedge_config::Checked;
use selvedge_model::{DecisionId, Denial, Missing, Name, PathPattern, Record, Role, WorkloadKind};
use selvedge_plan::Plan;
use selvedge_policy::{Before, Recorded, Replayed, Unreplayable};
use std::collections::{BTreeMap, HashMap};

/// Groups that are kept apart; what is beyond is counted in one number.
const GROUPS_MAX: usize = 10_000;

/// Counts over all records.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) same: u64,
    pub(super) other_rule: u64,
    pub(super) other_denial: u64,
    pub(super) newly_denied: u64,
    pub(super) newly_allowed: u64,
    /// No rule allows them, and they would be let through now.
    pub(super) newly_observed: u64,
    pub(super) unreplayable: BTreeMap<Unreplayable, u64>,
    /// Lines that are no record.
    pub(super) unreadable: u64,
    pub(super) groups: HashMap<Group, Seen>,
    /// Changes beyond the groups that are kept.
    pub(super) ungrouped: u64,
}

/// Decisions that change in one way.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Group {
    /// Whether it would now be allowed; it would now be denied otherwise.
    pub(super) allowed: bool,
    pub(super) hop: &'static str,
    /// As `explain --from` takes it.
    pub(super) caller: String,
    /// As `explain --to` takes it; empty where nothing was found.
    pub(super) service: String,
    /// Method and path template; empty for TCP.
    pub(super) request: String,
    /// The rule that allowed it, or that would now.
    pub(super) rule: String,
    /// Where that rule is written.
    pub(super) source: String,
    /// Why it would be denied.
    pub(super) why: String,
}

/// How often, and one of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) count: u64,
    pub(super) example: DecisionId,
}

/// The path patterns of each service, the narrowest first, to tell requests of one kind together.
#[derive(Debug, Default)]
pub(super) struct Shapes(HashMap<Name, Vec<PathPattern>>);

impl Shapes {
    pub(super) fn of(checked: &Checked) -> Shapes {
        let mut shapes: HashMap<Name, Vec<PathPattern>> = HashMap::new();
        for access in &checked.access {
            let patterns = shapes.entry(access.service.clone()).or_default();
            patterns.extend(access.rules.iter().flat_map(|rule| &rule.paths).cloned());
        }
        for patterns in shapes.values_mut() {
            patterns.sort_by_key(|pattern| (pattern.takes_rest(), std::cmp::Reverse(pattern.segments().len())));
            patterns.dedup();
        }
        Shapes(shapes)
    }

    /// The narrowest pattern that covers the path, when it ends where the path does; else the path with `{id}` for what
    /// looks like one.
    fn template(&self, service: Option<&Name>, path: &str) -> String {
        let patterns = service.and_then(|service| self.0.get(service)).map(Vec::as_slice).unwrap_or_default();
        let found = patterns.iter().find(|pattern| !pattern.takes_rest() && pattern.matches(path));
        found.map_or_else(|| by_shape(path), |pattern| pattern.as_str().to_owned())
    }
}

/// A segment with a digit in it is taken for an identifier.
fn by_shape(path: &str) -> String {
    let segment = |text: &str| if text.bytes().any(|byte| byte.is_ascii_digit()) { "{id}" } else { text }.to_owned();
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

impl Tally {
    pub(super) fn count(&mut self, record: &Record, plan: &Plan, shapes: &Shapes) {
        let recorded = match Recorded::of(record, &plan.checked().mesh.trust_domain) {
            Ok(recorded) => recorded,
            Err(why) => {
                *self.unreplayable.entry(why).or_default() += 1;
                return;
            }
        };
        let to = destination(plan, &recorded);
        match plan.policy().replay(&recorded, to.as_ref()) {
            Replayed::Same => self.same += 1,
            Replayed::OtherRule(_) => self.other_rule += 1,
            Replayed::OtherDenial(_) => self.other_denial += 1,
            Replayed::NewlyDenied(denial) => {
                self.newly_denied += 1;
                let service = record.service.as_ref().zip(record.port.as_ref());
                let Before::Allowed(rule) = recorded.before() else {
                    let why = format!("{}: it was observed, and no rule allows it", denial.reason.as_str());
                    self.add(record, Group { why, ..group(record, service, shapes) });
                    return;
                };
                let to = to.or(recorded.destination());
                let lacks = to.and_then(|to| plan.policy().lacks(rule, &recorded.facts(&to)));
                let (name, source) = (rule.to_string(), rule.source.to_string());
                let why = why(&denial, lacks.as_ref());
                self.add(record, Group { rule: name, source, why, ..group(record, service, shapes) });
            }
            Replayed::NewlyObserved(_) => self.newly_observed += 1,
            Replayed::NewlyAllowed(rule) => {
                self.newly_allowed += 1;
                let service = to.map(|to| (to.service, to.port));
                let (rule, source) = (rule.to_string(), rule.source.to_string());
                self.add(record, Group { allowed: true, rule, source, ..group(record, service, shapes) });
            }
        }
    }

    fn add(&mut self, record: &Record, group: Group) {
        if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&group) {
            self.ungrouped += 1;
            return;
        }
        let seen = self.groups.entry(group).or_insert(Seen { count: 0, example: record.id });
        seen.count += 1;
        seen.example = seen.example.min(record.id);
    }

    /// Adds the counts of another thread.
    pub(super) fn merge(&mut self, other: Tally) {
        self.same += other.same;
        self.other_rule += other.other_rule;
        self.other_denial += other.other_denial;
        self.newly_denied += other.newly_denied;
        self.newly_allowed += other.newly_allowed;
        self.newly_observed += other.newly_observed;
        self.unreadable += other.unreadable;
        self.ungrouped += other.ungrouped;
        for (why, count) in other.unreplayable {
            *self.unreplayable.entry(why).or_default() += count;
        }
        for (group, seen) in other.groups {
            if self.groups.len() >= GROUPS_MAX && !self.groups.contains_key(&group) {
                self.ungrouped += seen.count;
                continue;
            }
            let ours = self.groups.entry(group).or_insert(Seen { count: 0, ..seen });
            ours.count += seen.count;
            ours.example = ours.example.min(seen.example);
        }
    }

    /// Decisions that were made again.
    pub(super) fn replayed(&self) -> u64 {
        self.same + self.other_rule + self.other_denial + self.newly_denied + self.newly_allowed + self.newly_observed
    }

    pub(super) fn is_unchanged(&self) -> bool {
        self.newly_denied == 0 && self.newly_allowed == 0 && self.newly_observed == 0
    }

    /// The groups of one kind, the largest first.
    pub(super) fn sorted(&self, allowed: bool) -> Vec<(&Group, &Seen)> {
        let mut groups: Vec<_> = self.groups.iter().filter(|(group, _)| group.allowed == allowed).collect();
        groups.sort_by(|a, b| b.1.count.cmp(&a.1.count).then_with(|| a.0.cmp(b.0)));
        groups
    }
}

fn group(record: &Record, service: Option<(&Name, &Name)>, shapes: &Shapes) -> Group {
    let request = match (&record.method, &record.path) {
        (Some(method), Some(path)) => {
            format!("{method} {}", shapes.template(service.map(|(service, _)| service), path))
        }
        (Some(_) | None, _) => String::new(),
    };
    Group {
        allowed: false,
        hop: record.role.as_str(),
        caller: caller(record),
        service: service.map(|(service, port)| format!("{service}:{port}")).unwrap_or_default(),
        request,
        rule: String::new(),
        source: String::new(),
        why: String::new(),
    }
}

fn caller(record: &Record) -> String {
    let outside = |gateway: &Name| match &record.host {
        Some(host) => format!("gateway:{gateway}@{host}"),
        None => format!("gateway:{gateway}"),
    };
    if let (Role::Gateway, Some(gateway)) = (record.role, &record.at) {
        return outside(gateway);
    }
    let Some(peer) = &record.peer else { return String::new() };
    match peer.kind() {
        Ok(WorkloadKind::Gateway(gateway)) => outside(&gateway),
        Ok(WorkloadKind::Service(service)) => format!("service:{service}"),
        Ok(WorkloadKind::Node(_) | WorkloadKind::Control(_)) | Err(_) => peer.to_string(),
    }
}

/// Why it would be denied: by a guardrail, for want of what the rule that allowed it would now ask, or without that rule.
fn why(denial: &Denial, lacks: Option<&Missing>) -> String {
    let reason = denial.reason.as_str();
    match (&denial.forbidden, lacks) {
        (Some(forbidden), _) => format!("{reason}: guardrail `{}`, {}", forbidden.guardrail, forbidden.source),
        (None, Some(missing)) => format!("{reason}: it lacked: {missing}"),
        (None, None) => format!("{reason}: the rule is gone"),
    }
}

#[cfg(test)]
mod tests;
