//! Our engine against Cedar's authorizer, over random policies and random facts.

use super::random::{Random, facts, mesh};
use crate::{Policy, Reference, check};
use selvedge_config::{Checked, render};
use selvedge_model::{Decision, Facts};

/// Facts that are asked of each policy.
const FACTS_PER_POLICY: u64 = 250;

/// Compares; the error names the first difference.
fn compare(checked: &Checked, policy: &Policy, reference: &Reference, facts: &Facts<'_>) -> Result<bool, String> {
    let ours = policy.decide(facts);
    let theirs = reference.answer(&reference.question(policy, facts).ok_or("no question")?);
    let is_guardrail = |name: &String| !name.contains('/');
    let failed: Vec<&String> = theirs.failed.iter().filter(|name| is_guardrail(name)).collect();
    let order = |name: &str| {
        let rules = checked.access.iter().flat_map(|access| &access.rules);
        rules.map(|rule| rule.id.to_string()).position(|rule| rule == name)
    };
    let agrees = match &ours {
        Decision::Allow(rule) => {
            let first = theirs.reasons.iter().min_by_key(|name| order(name));
            theirs.allowed && failed.is_empty() && first == Some(&rule.to_string())
        }
        Decision::Deny(denial) => match &denial.forbidden {
            Some(forbidden) if forbidden.error.is_some() => failed.iter().any(|name| **name == *forbidden.guardrail),
            Some(forbidden) => !theirs.allowed && theirs.reasons.iter().any(|name| **name == *forbidden.guardrail),
            None => !theirs.allowed && theirs.reasons.iter().all(is_guardrail),
        },
    };
    if agrees {
        return Ok(matches!(ours, Decision::Allow(_)));
    }
    Err(format!("{facts:?}\nours: {ours:?}\ntheirs: {theirs:?}\n{}", reference.text()))
}

#[test]
fn we_decide_as_cedar_does() {
    let given = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    let total = given("SELVEDGE_REFERENCE_FACTS").unwrap_or(50_000);
    let first = given("SELVEDGE_REFERENCE_SEED").unwrap_or(1);
    let (mut allowed, mut forbidden) = (0, 0);
    for seed in first..first + total.div_ceil(FACTS_PER_POLICY) {
        let mut random = Random::new(seed);
        let files = mesh(&mut random);
        let (checked, policy) = match check(&files) {
            Ok(compiled) => compiled,
            // Chance writes guardrails that never forbid; those are refused, and rightly.
            Err(found) if found.iter().all(|error| error.code == "guardrail-idle") => continue,
            Err(found) => panic!("SELVEDGE_REFERENCE_SEED={seed}: {}", render(&found, &files, false)),
        };
        let reference = Reference::of(&checked).unwrap_or_else(|| panic!("seed {seed}: not rendered"));
        for _ in 0..FACTS_PER_POLICY {
            facts(&mut random, |facts| match compare(&checked, &policy, &reference, facts) {
                Ok(true) => allowed += 1,
                Ok(false) => {
                    forbidden += u64::from(matches!(policy.decide(facts), Decision::Deny(d) if d.forbidden.is_some()));
                }
                Err(difference) => {
                    panic!("SELVEDGE_REFERENCE_SEED={seed}: {difference}")
                }
            });
        }
    }
    // Facts that are never near a rule would compare nothing.
    assert!(allowed > total / 30 && forbidden > total / 100, "{allowed} allowed, {forbidden} forbidden of {total}");
}
