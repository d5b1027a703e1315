//! Exposures: open to everyone, or meeting each other.

use super::rules::of;
use super::survey::Survey;
use super::{Finding, Severity};
use crate::analyse::Analysis;
use selvedge_config::checked::{CredentialRule, From, Rule};
use selvedge_model::{HostPattern, Name, PathPattern, Segment};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

/// A rule of a gateway, taken apart.
#[derive(Clone, Copy)]
struct Exposure<'a> {
    service: &'a Name,
    rule: &'a Rule,
    hosts: &'a [HostPattern],
}

impl Analysis<'_> {
    /// `exposure-without-credential`, `exposure-without-limit`, `exposure-without-schema` and `overlapping-exposures`.
    pub(super) fn exposure_findings(&self, surveys: &[Survey<'_>]) -> Vec<Finding> {
        let mut found = Vec::new();
        let mut gateways: BTreeMap<&Name, Vec<Exposure<'_>>> = BTreeMap::new();
        for (service, rules) in &self.rules {
            for (rule, _) in rules {
                let From::Gateway { gateway, hosts, credential } = &rule.from else { continue };
                gateways.entry(gateway).or_default().push(Exposure { service, rule, hosts });
                if *credential == CredentialRule::Anonymous {
                    let message = format!(
                        "rule `{}` lets everyone in at gateway `{gateway}`, without a credential",
                        rule.id.rule
                    );
                    let help =
                        "write `token: ISSUER` in place of `anonymous: true`, or accept the finding with a reason";
                    found.push(of(rule, "exposure-without-credential", message, help.to_owned()));
                    found.extend(self.unlimited(service, gateway, rule));
                    found.extend(undescribed(gateway, rule));
                }
            }
        }
        let mut overlapping = Overlapping::new();
        for exposures in gateways.values() {
            for (one, other) in routed_apart(exposures) {
                add(&mut overlapping, one.rule, other.rule, "for another service, where the more specific one wins");
            }
        }
        for survey in surveys {
            let rule = |at: usize| survey.rules.get(at).copied();
            let pairs = survey.weaker.iter().filter_map(|(one, other)| Some((rule(*one)?, rule(*other)?)));
            pairs.for_each(|(one, other)| {
                add(&mut overlapping, one, other, "under another condition, so that either is enough");
            });
        }
        found.extend(overlapping.into_values().map(|(rule, why)| {
            let more = if why.len() > 1 { format!(", and {} more", why.len() - 1) } else { String::new() };
            let why = why.into_iter().next().unwrap_or_default();
            let message = format!("rule `{}` takes requests that {why}{more}", rule.id.rule);
            let help = "part their paths or methods, or accept the finding with a reason".to_owned();
            Finding { severity: Severity::Warning, ..of(rule, "overlapping-exposures", message, help) }
        }));
        found
    }
}

impl Analysis<'_> {
    /// Whoever shows nothing cannot be told to stop: such a rule needs a limit, of its own or around it.
    fn unlimited(&self, service: &Name, gateway: &Name, rule: &Rule) -> Option<Finding> {
        let at_gateway = self.checked.gateways.get(gateway).is_some_and(|gateway| !gateway.throttle.is_empty());
        let of_service = self.checked.services.get(service).is_some_and(|service| !service.limits.is_empty());
        if at_gateway || of_service || !rule.terms.limits.is_empty() {
            return None;
        }
        let name = &rule.id.rule;
        let message = format!("rule `{name}` lets everyone in at gateway `{gateway}`, as often as they like");
        let help = "write `limit: { rate: 50/s, per: client }` in the rule, the gateway or the service";
        Some(of(rule, "exposure-without-limit", message, help.to_owned()))
    }
}

/// What anyone may send, and nothing describes. Told only where the rule names a method that carries a body: where it
/// names none, it may not be meant.
fn undescribed(gateway: &Name, rule: &Rule) -> Option<Finding> {
    let method = rule.methods.iter().flatten().find(|method| matches!(&***method, "POST" | "PUT" | "PATCH"))?;
    if rule.schema.is_some() {
        return None;
    }
    let name = &rule.id.rule;
    let message = format!("rule `{name}` lets everyone {method} at gateway `{gateway}`, whatever the body is");
    let help = "write `schema: FILE.openapi.yaml` in the rule, or accept the finding with a reason";
    Some(of(rule, "exposure-without-schema", message, help.to_owned()))
}

type Overlapping<'r> = BTreeMap<(Arc<str>, u32), (&'r Rule, Vec<String>)>;

/// Notes a pair at the one that is written later.
fn add<'r>(overlapping: &mut Overlapping<'r>, one: &'r Rule, other: &'r Rule, why: &str) {
    let (earlier, later) = if one.id.source <= other.id.source { (one, other) } else { (other, one) };
    let place = (later.id.source.file.clone(), later.id.source.line);
    let why = format!("`{}` at {} takes {why}", earlier.id, earlier.id.source);
    overlapping.entry(place).or_insert((later, Vec::new())).1.push(why);
}

/// Pairs of exposures of different services that take the same host, method and path. Paths that begin with different
/// literals never meet, so those are not compared.
fn routed_apart<'a>(exposures: &[Exposure<'a>]) -> Vec<(Exposure<'a>, Exposure<'a>)> {
    let mut by_first: HashMap<Option<Arc<str>>, Vec<(usize, &PathPattern)>> = HashMap::new();
    let mut pairs = BTreeSet::new();
    for (at, exposure) in exposures.iter().enumerate() {
        for path in &exposure.rule.paths {
            let first = match path.segments().first() {
                Some(Segment::Literal(text)) => Some(text.clone()),
                Some(Segment::Any(_)) | None => None,
            };
            let near: Vec<&Vec<(usize, &PathPattern)>> = match &first {
                Some(_) => by_first.get(&first).into_iter().chain(by_first.get(&None)).collect(),
                None => by_first.values().collect(),
            };
            let meets = |(other, pattern): &&(usize, &PathPattern)| {
                exposures.get(*other).is_some_and(|other| other.meets(exposure)) && pattern.overlaps(path)
            };
            pairs.extend(near.into_iter().flatten().filter(meets).map(|(other, _)| (*other, at)));
            by_first.entry(first).or_default().push((at, path));
        }
    }
    let exposure = |at: usize| exposures.get(at).copied();
    pairs.into_iter().filter_map(|(one, other)| Some((exposure(one)?, exposure(other)?))).collect()
}

impl Exposure<'_> {
    /// Whether both take some host and method, for different services.
    fn meets(&self, other: &Exposure<'_>) -> bool {
        let methods = match (&self.rule.methods, &other.rule.methods) {
            (Some(ours), Some(theirs)) => ours.iter().any(|method| theirs.contains(method)),
            (None, _) | (_, None) => true,
        };
        let hosts = || self.hosts.iter().any(|host| other.hosts.iter().any(|there| host.overlaps(there)));
        self.service != other.service && methods && hosts()
    }
}
