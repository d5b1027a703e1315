//! An explanation says what the engine does, and a change that it proposes does what it says.

use super::*;
use crate::fixture::{self, Owned, Shown, name};
use proptest::prelude::*;
use selvedge_model::{Name, SpiffeId};

const CHECKOUT: &str =
    "- name: pay\n  from: { service: checkout }\n  ports: [http]\n  methods: [POST]\n  paths: [/orders]\n";
const READERS: &str = "- name: read\n  from: { gateway: public, hosts: [api.acme.example], token: corporate, scopes: [\"orders:read\", \"orders:write\"] }\n  ports: [http]\n  methods: [GET]\n  paths: [/orders]\n";

fn explain(rules: &[&str], owned: &Owned) -> Explanation {
    let rules: Vec<String> = rules.iter().map(ToString::to_string).collect();
    let (checked, policy) = fixture::compiled(&rules);
    Explanation::of(&checked, &policy, &owned.facts(&name("orders")))
}

fn inside(service: &str, method: &'static str, path: &'static str) -> Owned {
    Owned {
        gateway: None,
        host: "",
        id: SpiffeId::parse(&format!("spiffe://acme.example/{service}")).unwrap(),
        credential: Shown::Absent,
        port: name("http"),
        request: Some((method, path)),
        now: 5,
    }
}

fn outside(method: &'static str, path: &'static str) -> Owned {
    Owned { gateway: Some(name("public")), host: "api.acme.example", ..inside("checkout", method, path) }
}

fn steps(explanation: &Explanation) -> Vec<String> {
    explanation.change.iter().flat_map(|change| &change.steps).map(ToString::to_string).collect()
}

#[test]
fn a_rule_that_lacks_one_thing_gets_that_one_thing() {
    let method = explain(&[CHECKOUT], &inside("checkout", "DELETE", "/orders"));
    assert_eq!(steps(&method), ["add `DELETE` to its `methods`"]);
    let path = explain(&[CHECKOUT], &inside("checkout", "POST", "/orders/7"));
    assert_eq!(steps(&path), ["add `/orders/7` to its `paths`"]);
    let caller = explain(&[CHECKOUT], &inside("storefront", "POST", "/orders"));
    assert_eq!(steps(&caller), ["add `storefront` to the services of its `from`"]);
}

#[test]
fn a_rule_that_lacks_several_things_is_not_bent_to_another_purpose() {
    let explained = explain(&[CHECKOUT], &inside("storefront", "GET", "/health"));
    let [Step::AddRule(rule)] = explained.change.as_ref().unwrap().steps.as_slice() else { panic!("{explained:?}") };
    let lines = [
        "- name: storefront-1",
        "  from: { service: storefront }",
        "  ports: [http]",
        "  methods: [\"GET\"]",
        "  paths: [\"/health\"]",
    ];
    assert_eq!(rule.yaml.lines().collect::<Vec<_>>(), lines);
}

#[test]
fn without_a_token_all_that_the_token_needs_is_said() {
    let explained = explain(&[READERS], &outside("GET", "/orders"));
    let wanted = [
        "show a token of issuer `corporate`",
        "have the scope `orders:read` granted",
        "have the scope `orders:write` granted",
    ];
    assert_eq!(steps(&explained), wanted);
    assert_eq!(explained.candidates.first().unwrap().lacked.len(), 3);
}

#[test]
fn nobody_is_let_in_without_a_credential_when_a_rule_with_one_is_near() {
    let explained = explain(&[READERS], &outside("GET", "/health"));
    assert_eq!(steps(&explained).first().unwrap(), "add `/health` to its `paths`");
    let alone = explain(&[], &outside("GET", "/health"));
    let [Step::AddRule(rule)] = alone.change.as_ref().unwrap().steps.as_slice() else { panic!("{alone:?}") };
    assert!(rule.anonymous);
}

#[test]
fn a_stranger_to_the_mesh_cannot_be_let_in_by_a_rule() {
    let stranger = Owned {
        id: SpiffeId::parse("spiffe://evil.example/checkout").unwrap(),
        ..inside("checkout", "POST", "/orders")
    };
    let explained = explain(&[CHECKOUT], &stranger);
    assert!(matches!(explained.decision, Decision::Deny(_)));
    assert_eq!(explained.change, None);
}

#[test]
fn a_request_without_a_route_meets_the_exposures_of_every_service() {
    let (checked, policy) = fixture::compiled(&[READERS.to_owned(), CHECKOUT.to_owned()]);
    let (owned, nothing) = (outside("GET", "/orders/7"), name("storefront"));
    let explained = Explanation::unrouted(&checked, &policy, &owned.facts(&nothing));
    assert!(matches!(explained.decision, Decision::Deny(_)));
    let near = explained.candidates.first().unwrap();
    assert_eq!((near.rule.rule.as_str(), near.lacked.first()), ("read", Some(&Missing::Path)));
    assert_eq!(steps(&explained).first().unwrap(), "add `/orders/7` to its `paths`");
}

#[test]
fn a_condition_that_fails_is_the_change() {
    let rule = format!("{CHECKOUT}  when: 'context.method == \"PUT\" && context.time.hour < 25'\n");
    let explained = explain(&[&rule], &inside("checkout", "POST", "/orders"));
    assert_eq!(steps(&explained), ["meet the condition `context.method == \"PUT\"`"]);
    // Beside something that is lacking, the condition is not known yet: the proposal that was tried shows it.
    let further = explain(&[&rule], &inside("checkout", "POST", "/orders/7"));
    let wanted = ["add `/orders/7` to its `paths`", "meet the condition `context.method == \"PUT\"`"];
    assert_eq!(steps(&further), wanted);
}

#[test]
fn what_a_guardrail_forbids_needs_an_exception_whatever_the_rules_say() {
    let mut files = fixture::files(&[CHECKOUT.to_owned()]);
    let text = "@id(\"no-posts\")\nforbid (principal, action, resource) when { context.method == \"POST\" };\n";
    files.push(selvedge_config::SourceFile { name: "guard.cedar".into(), text: text.into() });
    let (checked, policy) = crate::check(&files).unwrap();
    let (orders, storefront) = (name("orders"), inside("storefront", "POST", "/orders"));
    let held = Explanation::of(&checked, &policy, &inside("checkout", "POST", "/orders").facts(&orders));
    let Decision::Deny(denial) = &held.decision else { panic!("{held:?}") };
    assert_eq!(denial.forbidden.as_ref().unwrap().guardrail.as_ref(), "no-posts");
    assert_eq!(steps(&held), ["except it from the guardrail `no-posts`, guard.cedar:1"]);
    let other = Explanation::of(&checked, &policy, &storefront.facts(&orders));
    let wanted =
        ["add `storefront` to the services of its `from`", "except it from the guardrail `no-posts`, guard.cedar:1"];
    assert_eq!(steps(&other), wanted);
}

/// The facts and rules after a change that was proposed, carried out as a person would.
fn carried_out(rules: &[String], owned: &Owned, change: &Change) -> (Vec<String>, Owned) {
    let (mut rules, mut owned) = (rules.to_vec(), owned.clone());
    let index = change.rule.as_ref().map(|rule| rule.rule.as_str()[1..].parse::<usize>().unwrap());
    for step in &change.steps {
        match step {
            Step::Token(issuer) => owned.credential = token(issuer),
            Step::ValidCredential => owned.credential = Shown::Absent,
            Step::Scope(scope) => with(&mut owned, |user| user.scopes.push(scope.clone())),
            Step::Group(groups) => {
                with(&mut owned, |user| user.groups.push(groups.split(", ").last().unwrap().into()));
            }
            Step::AddRule(rule) => rules.push(rule.yaml.clone()),
            Step::AddMethod(method) => add(&mut rules[index.unwrap()], "methods", method),
            Step::AddPath(path) => add(&mut rules[index.unwrap()], "paths", path.as_str()),
            Step::AddPort(port) => add(&mut rules[index.unwrap()], "ports", port.as_str()),
            Step::AddHost(host) => {
                let rule = &mut rules[index.unwrap()];
                *rule = rule.replace("hosts: [", &format!("hosts: [\"{host}\", "));
            }
            Step::AddCaller(service) => {
                let rule = &mut rules[index.unwrap()];
                *rule = rule.replace("services: [", &format!("services: [\"{service}\", "));
                *rule = rule.replace("labels: { team: buy }", &format!("services: [checkout, storefront, {service}]"));
            }
            Step::When(_) | Step::Except { .. } => {}
        }
    }
    (rules, owned)
}

fn add(rule: &mut String, key: &str, value: &str) {
    *rule = rule.replace(&format!("{key}: ["), &format!("{key}: [\"{value}\", "));
}

fn token(issuer: &Name) -> Shown {
    let (scopes, groups, amr) = Default::default();
    Shown::Token(Arc::new(selvedge_model::Principal {
        issuer: issuer.clone(),
        subject: "new".into(),
        scopes,
        groups,
        amr,
    }))
}

fn with(owned: &mut Owned, change: impl FnOnce(&mut selvedge_model::Principal)) {
    if let Shown::Token(user) = &mut owned.credential {
        change(Arc::make_mut(user));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn the_first_thing_that_is_lacking_is_what_the_engine_says(
        rules in fixture::rules(), all in prop::collection::vec(fixture::facts(), 1..8),
    ) {
        let (checked, policy) = fixture::compiled(&rules);
        let service = name("orders");
        for owned in &all {
            let facts = owned.facts(&service);
            let explained = Explanation::of(&checked, &policy, &facts);
            prop_assert_eq!(explained.candidates.len(), rules.len());
            for candidate in &explained.candidates {
                let first = policy.lacks(&candidate.rule, &facts);
                prop_assert_eq!(candidate.lacked.first(), first.as_ref());
            }
            match &explained.decision {
                Decision::Allow(_) => prop_assert!(explained.candidates.iter().any(|c| c.lacked.is_empty())),
                Decision::Deny(denial) if denial.forbidden.is_none() => {
                    let near = explained.candidates.first().map(|c| (c.rule.clone(), c.lacked[0].clone()));
                    prop_assert_eq!(near, denial.nearest.clone().map(|near| (near.rule, near.missing)));
                }
                Decision::Deny(_) => {}
            }
        }
    }

    #[test]
    fn a_change_that_is_proposed_allows_and_each_step_of_it_is_needed(
        rules in fixture::rules(), owned in fixture::facts(),
    ) {
        let (checked, policy) = fixture::compiled(&rules);
        let service = name("orders");
        let explained = Explanation::of(&checked, &policy, &owned.facts(&service));
        let Some(change) = explained.change else { return Ok(()) };
        prop_assert!(matches!(explained.decision, Decision::Deny(_)));
        let conditional = change.steps.iter().any(|step| matches!(step, Step::When(_) | Step::Except { .. }));
        let allows = |change: &Change| {
            let (rules, owned) = carried_out(&rules, &owned, change);
            match fixture::compiled(&rules).1.decide(&owned.facts(&service)) {
                Decision::Allow(by) => change.rule.as_ref().is_none_or(|rule| rule.rule == by.rule) || rules.len() > 1,
                Decision::Deny(_) => false,
            }
        };
        prop_assert!(conditional || allows(&change), "{change:?}");
        for left_out in 0..change.steps.len() {
            let mut less = change.clone();
            less.steps.remove(left_out);
            prop_assert!(conditional || !allows(&less), "{change:?} without {left_out}");
        }
    }
}
