//! What the engine must permit and refuse, and that the index finds what a scan finds.

use crate::Policy;
use proptest::prelude::*;
use selvedge_config::checked::{Access, Checked, CredentialRule, From, Mesh, OnBehalfOf, Rule};
use selvedge_model::{
    Credential, Decision, Denial, DenialReason, Facts, HostPattern, Missing, Name, PathPattern, Peer, Principal,
    RequestFacts, RuleId, Source, SpiffeId, TrustDomain,
};
use std::collections::BTreeMap;
use std::sync::Arc;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn rule(rule: &str, from: From, methods: Option<&[&str]>, paths: &[&str]) -> Rule {
    Rule {
        id: RuleId { access: name("orders"), rule: name(rule), source: Source { file: "orders.yaml".into(), line: 7 } },
        from,
        on_behalf_of: None,
        ports: vec![name("http")],
        methods: methods.map(|methods| methods.iter().map(|m| Arc::from(*m)).collect()),
        paths: paths.iter().map(|path| PathPattern::parse(path).unwrap()).collect(),
        when: None,
        terms: Default::default(),
        schema: None,
    }
}

fn exposure(credential: CredentialRule) -> From {
    From::Gateway { gateway: name("public"), hosts: vec![HostPattern::parse("api.acme.example").unwrap()], credential }
}

fn token(scopes: &[&str]) -> CredentialRule {
    let scopes = scopes.iter().map(|scope| Arc::from(*scope)).collect();
    CredentialRule::Token { issuer: name("corporate"), scopes, groups: Vec::new() }
}

fn policy(rules: Vec<Rule>) -> Policy {
    compiled(rules).unwrap()
}

fn compiled(rules: Vec<Rule>) -> Result<Policy, Vec<selvedge_config::Diagnostic>> {
    let trust_domain = TrustDomain::parse("acme.example").unwrap();
    Policy::compile(&Checked {
        mesh: Mesh {
            name: name("acme"),
            trust_domain,
            issuers: BTreeMap::new(),
            workload_ttl_s: 3600,
            api_keys: BTreeMap::new(),
            client_sets: BTreeMap::new(),
            limit_keys: 1024,
            federates_with: Default::default(),
        },
        gateways: BTreeMap::new(),
        services: BTreeMap::new(),
        access: vec![Access { name: name("orders"), service: name("orders"), rules }],
        guardrails: Vec::new(),
        schemas: Default::default(),
        expectations: Vec::new(),
        allow: Vec::new(),
        places: Default::default(),
    })
}

/// What is common to the tests: `orders` with one exposure and one rule for a service.
fn shop() -> Policy {
    policy(vec![
        rule("read", exposure(token(&["orders:read"])), Some(&["GET"]), &["/orders", "/orders/{id}"]),
        rule("checkout", From::Services(vec![name("checkout")]), Some(&["POST"]), &["/orders"]),
    ])
}

fn decide(policy: &Policy, peer: Peer<'_>, credential: Credential<'_>, method: &str, path: &str) -> Decision {
    let (service, port) = (name("orders"), name("http"));
    let request = Some(RequestFacts { method, path });
    policy.decide(&Facts {
        peer,
        credential,
        service: &service,
        port: &port,
        request,
        client: None,
        now: 0,
        headers: &[],
        tls: None,
    })
}

fn outside(policy: &Policy, credential: Credential<'_>, method: &str, path: &str) -> Decision {
    let gateway = name("public");
    decide(policy, Peer::Outside { gateway: &gateway, host: "api.acme.example" }, credential, method, path)
}

fn principal(scopes: &[&str]) -> Principal {
    let scopes = scopes.iter().map(|scope| Arc::from(*scope)).collect();
    Principal { issuer: name("corporate"), subject: "u1".into(), scopes, groups: Vec::new(), amr: Vec::new() }
}

fn reason(decision: Decision) -> DenialReason {
    match decision {
        Decision::Deny(denial) => denial.reason,
        Decision::Allow(rule) => panic!("allowed by {rule}"),
    }
}

#[test]
fn a_rule_that_holds_allows_and_is_named() {
    let Decision::Allow(rule) = outside(&shop(), Credential::Token(&principal(&["orders:read"])), "GET", "/orders/1")
    else {
        panic!("denied")
    };
    assert_eq!((rule.to_string().as_str(), rule.source.to_string().as_str()), ("orders/read", "orders.yaml:7"));
}

#[test]
fn outside_a_refusal_says_what_kind_of_no_it_is() {
    let shop = shop();
    let (reader, stranger) = (principal(&["orders:read"]), principal(&[]));
    assert_eq!(reason(outside(&shop, Credential::Absent, "GET", "/orders")), DenialReason::CredentialMissing);
    assert_eq!(reason(outside(&shop, Credential::Refused, "GET", "/orders")), DenialReason::CredentialRefused);
    assert_eq!(reason(outside(&shop, Credential::Token(&stranger), "GET", "/orders")), DenialReason::NotPermitted);
    assert_eq!(reason(outside(&shop, Credential::Token(&reader), "GET", "/admin")), DenialReason::NotExposed);
    assert_eq!(reason(outside(&shop, Credential::Token(&reader), "DELETE", "/orders")), DenialReason::NotExposed);
    assert_eq!(reason(outside(&shop, Credential::Token(&reader), "get", "/orders")), DenialReason::NotExposed);
}

#[test]
fn the_nearest_miss_names_the_rule_and_what_it_lacked() {
    let Decision::Deny(denial) = outside(&shop(), Credential::Token(&principal(&[])), "GET", "/orders") else {
        panic!("allowed")
    };
    let nearest = denial.nearest.unwrap();
    assert_eq!((nearest.rule.rule.as_str(), nearest.missing), ("read", Missing::Scope("orders:read".into())));
}

#[test]
fn a_token_is_worth_nothing_inside_the_mesh() {
    let (shop, reader) = (shop(), principal(&["orders:read"]));
    let checkout = SpiffeId::parse("spiffe://acme.example/checkout").unwrap();
    let storefront = SpiffeId::parse("spiffe://acme.example/storefront").unwrap();
    let inside = |id, method| decide(&shop, Peer::Workload(id), Credential::Token(&reader), method, "/orders");
    assert!(matches!(inside(&checkout, "POST"), Decision::Allow(_)));
    assert_eq!(reason(inside(&checkout, "GET")), DenialReason::NotPermitted);
    assert_eq!(reason(inside(&storefront, "POST")), DenialReason::NotPermitted);
}

#[test]
fn a_workload_of_another_trust_domain_is_nobody_here() {
    let twin = SpiffeId::parse("spiffe://evil.example/checkout").unwrap();
    let decision = decide(&shop(), Peer::Workload(&twin), Credential::Absent, "POST", "/orders");
    assert_eq!(reason(decision), DenialReason::NotPermitted);
}

#[test]
fn a_refused_credential_is_never_downgraded_to_anonymous() {
    let open = policy(vec![rule("open", exposure(CredentialRule::Anonymous), None, &["/**"])]);
    assert!(matches!(outside(&open, Credential::Absent, "GET", "/"), Decision::Allow(_)));
    assert_eq!(reason(outside(&open, Credential::Refused, "GET", "/")), DenialReason::CredentialRefused);
}

#[test]
fn no_rule_means_no_access() {
    assert_eq!(reason(outside(&policy(Vec::new()), Credential::Absent, "GET", "/")), DenialReason::NotExposed);
}

#[test]
fn another_gateway_or_host_is_not_the_one_that_a_rule_names() {
    let (shop, reader, other) = (shop(), principal(&["orders:read"]), name("partner"));
    let gateway = name("public");
    for peer in [
        Peer::Outside { gateway: &other, host: "api.acme.example" },
        Peer::Outside { gateway: &gateway, host: "api.evil.example" },
    ] {
        let decision = decide(&shop, peer, Credential::Token(&reader), "GET", "/orders");
        assert_eq!(reason(decision), DenialReason::NotExposed);
    }
}

/// The reading that the index must agree with: every rule, in order, by the pattern's own test.
fn scan(rules: &[Rule], method: &str, path: &str) -> Option<Name> {
    let takes = |rule: &&Rule| {
        rule.methods.as_ref().is_none_or(|methods| methods.iter().any(|m| **m == *method))
            && rule.paths.iter().any(|pattern| pattern.matches(path))
    };
    rules.iter().find(takes).map(|rule| rule.id.rule.clone())
}

proptest! {
    #[test]
    fn the_index_finds_what_a_scan_finds(
        patterns in prop::collection::vec("(/(a|b|\\{x\\})){1,3}(/\\*\\*)?|/\\*\\*|/", 1..8),
        path in "(/(a|b|c)){1,4}/?|/",
        posts in prop::collection::vec(any::<bool>(), 8),
    ) {
        let rules: Vec<Rule> = patterns.iter().zip(posts).enumerate().map(|(i, (pattern, post))| {
            let methods: &[&str] = if post { &["POST"] } else { &["GET", "POST"] };
            rule(&format!("r{i}"), exposure(CredentialRule::Anonymous), Some(methods), &[pattern.as_str()])
        }).collect();
        let policy = policy(rules.clone());
        for method in ["GET", "POST"] {
            let found = match outside(&policy, Credential::Absent, method, &path) {
                Decision::Allow(rule) => Some(rule.rule.clone()),
                Decision::Deny(_) => None,
            };
            prop_assert_eq!(found, scan(&rules, method, &path));
        }
    }
}

#[test]
fn a_rule_that_lacks_the_caller_is_farther_than_one_that_lacks_the_method_alone() {
    let rules = vec![
        rule("other", From::Services(vec![name("billing")]), Some(&["GET"]), &["/orders"]),
        rule("own", From::Services(vec![name("checkout")]), Some(&["POST"]), &["/orders"]),
    ];
    let checkout = SpiffeId::parse("spiffe://acme.example/checkout").unwrap();
    let decision = decide(&policy(rules), Peer::Workload(&checkout), Credential::Absent, "GET", "/orders");
    let Decision::Deny(Denial { nearest: Some(nearest), .. }) = decision else {
        panic!("allowed, or no rule was near")
    };
    assert_eq!((nearest.rule.rule.as_str(), nearest.missing), ("own", Missing::Method));
}

#[test]
fn more_methods_than_fit_a_word_are_told_apart() {
    let methods: Vec<String> = (0..80).map(|number| format!("M{number}")).collect();
    let all: Vec<&str> = methods.iter().map(String::as_str).collect();
    let (few, many) = all.split_at(20);
    let open = |own, methods| rule(own, exposure(CredentialRule::Anonymous), Some(methods), &["/**"]);
    let policy = policy(vec![open("few", few), open("many", many)]);
    for (at, method) in all.iter().enumerate() {
        let Decision::Allow(rule) = outside(&policy, Credential::Absent, method, "/") else { panic!("{method}") };
        assert_eq!(rule.rule.as_str(), if at < 20 { "few" } else { "many" });
    }
    assert_eq!(reason(outside(&policy, Credential::Absent, "M80", "/")), DenialReason::NotExposed);
}

#[test]
fn patterns_that_multiply_are_refused_with_a_message() {
    let at = |depth: usize, literal: usize| {
        let segments = (0..4).map(|at| if at == depth { format!("/l{literal}") } else { format!("/{{s{at}}}") });
        segments.collect::<String>()
    };
    let paths: Vec<String> = (0..4).flat_map(|depth| (0..16).map(move |literal| at(depth, literal))).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let found = compiled(vec![rule("all", exposure(CredentialRule::Anonymous), None, &paths)]).unwrap_err();
    assert_eq!(found.iter().map(|d| d.code).collect::<Vec<_>>(), ["too-many-paths"]);
    // As many patterns with their literals first are no trouble.
    let paths: Vec<String> = (0..2_000).map(|literal| format!("/l{literal}/{{id}}")).collect();
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    assert!(compiled(vec![rule("all", exposure(CredentialRule::Anonymous), None, &paths)]).is_ok());
}

#[test]
fn a_rule_is_for_its_own_ports_and_for_connections_only_without_paths() {
    let ports = |rule: Rule, ports: &[&str]| Rule { ports: ports.iter().map(|port| name(port)).collect(), ..rule };
    let checkout = || From::Services(vec![name("checkout")]);
    let policy = policy(vec![
        ports(rule("admin", checkout(), None, &["/**"]), &["admin"]),
        ports(rule("both", checkout(), Some(&["GET"]), &["/orders"]), &["http", "admin"]),
        ports(rule("raw", checkout(), None, &[]), &["raw"]),
    ]);
    let id = SpiffeId::parse("spiffe://acme.example/checkout").unwrap();
    let ask = |port: &str, path: Option<&str>| {
        let (service, port) = (name("orders"), name(port));
        let request = path.map(|path| RequestFacts { method: "GET", path });
        let (peer, credential) = (Peer::Workload(&id), Credential::Absent);
        let facts = Facts {
            peer,
            credential,
            service: &service,
            port: &port,
            request,
            client: None,
            now: 0,
            headers: &[],
            tls: None,
        };
        match policy.decide(&facts) {
            Decision::Allow(rule) => Ok(rule.rule.to_string()),
            Decision::Deny(denial) => Err(denial.nearest.map(|near| (near.rule.rule.to_string(), near.missing))),
        }
    };
    let near = |rule: &str, missing| Err(Some((rule.to_owned(), missing)));
    assert_eq!(ask("admin", Some("/orders")), Ok("admin".to_owned()));
    assert_eq!(ask("http", Some("/orders")), Ok("both".to_owned()));
    assert_eq!(ask("http", Some("/")), near("both", Missing::Path));
    assert_eq!(ask("raw", None), Ok("raw".to_owned()));
    assert_eq!(ask("raw", Some("/orders")), near("raw", Missing::Path));
    assert_eq!(ask("http", None), near("both", Missing::Path));
    assert_eq!(ask("other", None), near("admin", Missing::Port));
}

#[test]
fn a_service_that_calls_for_a_user_brings_that_user() {
    let (scopes, groups) = (vec!["orders:read".into()], vec!["staff".into()]);
    let user = Some(OnBehalfOf { issuer: name("corporate"), scopes, groups });
    let from = From::Services(vec![name("checkout")]);
    let policy = policy(vec![Rule { on_behalf_of: user, ..rule("for-users", from, None, &["/**"]) }]);
    let checkout = SpiffeId::parse("spiffe://acme.example/checkout").unwrap();
    let missing = |shown| match decide(&policy, Peer::Workload(&checkout), shown, "GET", "/orders") {
        Decision::Allow(_) => None,
        Decision::Deny(denial) => {
            assert_eq!(denial.reason, DenialReason::NotPermitted);
            Some(denial.nearest.unwrap().missing)
        }
    };
    let member = |issuer: &str, scopes: &[&str], groups: &[&str]| Principal {
        issuer: name(issuer),
        groups: groups.iter().map(|group| Arc::from(*group)).collect(),
        ..principal(scopes)
    };
    assert_eq!(missing(Credential::Absent), Some(Missing::Token(name("corporate"))));
    let stranger = member("partner", &["orders:read"], &["staff"]);
    assert_eq!(missing(Credential::Token(&stranger)), Some(Missing::Token(name("corporate"))));
    let nobody = member("corporate", &[], &["staff"]);
    assert_eq!(missing(Credential::Token(&nobody)), Some(Missing::Scope("orders:read".into())));
    let guest = member("corporate", &["orders:read"], &[]);
    assert_eq!(missing(Credential::Token(&guest)), Some(Missing::Group("staff".into())));
    assert_eq!(missing(Credential::Token(&member("corporate", &["orders:read"], &["staff"]))), None);
    // From outside, such a rule is for nobody.
    let outside = Peer::Outside { gateway: &name("public"), host: "api.acme.example" };
    let ada = member("corporate", &["orders:read"], &["staff"]);
    assert!(matches!(decide(&policy, outside, Credential::Token(&ada), "GET", "/orders"), Decision::Deny(_)));
}
