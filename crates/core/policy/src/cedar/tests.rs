//! Conditions and guardrails: what they permit, what is refused when they are checked, and that we decide as Cedar does.

mod lowered;
mod proof;
mod proven;
mod random;
mod reference;
mod refused;
mod robust;

use crate::{Policy, check};
use selvedge_config::{Checked, Diagnostic, SourceFile, render};
use selvedge_model::{
    Credential, Decision, Denial, DenialReason, Facts, Missing, Name, Peer, Principal, RequestFacts, SpiffeId,
};
use std::sync::Arc;

/// A mesh with a rule for each kind of caller. `WHEN` is a line of the first rule, `INSIDE` and `RAW` of the others.
pub(super) const MESH: &str = r#"
apiVersion: selvedge.dev/v1
kind: Mesh
metadata: { name: acme }
spec:
  trustDomain: acme.example
  issuers: { corporate: { issuer: "https://login.acme.example", audiences: [api] } }
---
apiVersion: selvedge.dev/v1
kind: Gateway
metadata: { name: public }
spec:
  listeners: [{ port: 8443, protocol: HTTP, hosts: [api.acme.example, "*.shop.example"] }]
---
apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: orders, labels: { team: checkout, pci: "yes" } }
spec:
  ports: [{ name: http, port: 8080, protocol: HTTP }, { name: db, port: 5432, protocol: TCP }]
---
apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: checkout, labels: { team: checkout } }
spec: { ports: [{ name: http, port: 8081, protocol: HTTP }] }
---
apiVersion: selvedge.dev/v1
kind: Access
metadata: { name: orders }
spec:
  service: orders
  rules:
    - name: outside
      from: { gateway: public, token: corporate, scopes: ["orders:read"] }
      ports: [http]
      paths: [/orders, "/orders/{id}", "/teams/{team}/{id}"]
      WHEN
    - name: inside
      from: { service: checkout }
      ports: [http]
      paths: [/internal/**]
      INSIDE
    - name: raw
      from: { service: checkout }
      ports: [db]
      RAW
"#;

/// A repository with these conditions and one file of guardrails.
pub(super) fn repository(when: &str, inside: &str, guardrails: &str) -> Vec<SourceFile> {
    let text = MESH.replace("WHEN", when).replace("INSIDE", inside).replace("RAW", "");
    let file = |name: &str, text: &str| SourceFile { name: name.into(), text: text.into() };
    vec![file("mesh.yaml", &text), file("company.cedar", guardrails)]
}

fn compiled(files: &[SourceFile]) -> (Checked, Policy) {
    check(files).unwrap_or_else(|found| panic!("{}", render(&found, files, false)))
}

/// The policy with this condition of the outside rule.
fn when(condition: &str) -> Policy {
    compiled(&repository(&format!("when: {}", serde_quoted(condition)), "", "")).1
}

/// As a YAML text in single quotes.
fn serde_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn texts(texts: &[&str]) -> Vec<Arc<str>> {
    texts.iter().map(|text| Arc::from(*text)).collect()
}

fn user() -> Principal {
    Principal {
        issuer: name("corporate"),
        subject: "u1".into(),
        scopes: texts(&["orders:read", "openid"]),
        groups: texts(&["red"]),
        amr: texts(&["pwd", "mfa"]),
    }
}

/// Facts of an outside request, which a test may change.
fn asks(policy: &Policy, path: &str, change: impl for<'a> FnOnce(&mut Facts<'a>)) -> Decision {
    let (service, port, gateway, user) = (name("orders"), name("http"), name("public"), user());
    let mut facts = Facts {
        peer: Peer::Outside { gateway: &gateway, host: "api.acme.example" },
        credential: Credential::Token(&user),
        service: &service,
        port: &port,
        request: Some(RequestFacts { method: "GET", path }),
        client: Some([10, 1, 2, 3].into()),
        // A Monday, 09:30 UTC.
        now: 1_791_192_600,
        headers: &[("x-tenant", "acme")],
        tls: None,
    };
    change(&mut facts);
    policy.decide(&facts)
}

fn allows(condition: &str, path: &str) -> bool {
    matches!(asks(&when(condition), path, |_| {}), Decision::Allow(_))
}

fn denial(decision: Decision) -> Denial {
    match decision {
        Decision::Deny(denial) => denial,
        Decision::Allow(rule) => panic!("allowed by {rule}"),
    }
}

#[test]
fn a_condition_is_about_user_request_client_time_and_labels() {
    for condition in [
        r#"context.user.amr.contains("mfa")"#,
        r#"context.user.scopes.containsAll(["openid", "orders:read"]) && context.user.groups.containsAny(["red", "blue"])"#,
        r#"context.captures has id && context.captures.id == context.user.subject"#,
        r#"context has client && context.client.isInRange(ip("10.0.0.0/8")) && !context.client.isInRange(ip("10.2.0.0/16"))"#,
        r#"context.headers has x_tenant && context.headers.x_tenant == "acme""#,
        r#"context.time.weekday == 1 && context.time.hour >= 9 && 18 > context.time.hour && context.time.minute == 30"#,
        r#"["GET", "HEAD"].contains(context.method) && context.path like "/orders/*""#,
        r#"principal.kind == "outside" && principal.gateway == "public" && principal.host == "api.acme.example""#,
        r#"principal == Caller::"gateway/public" && resource == Service::"orders" && resource.port == "http""#,
        r#"resource.labels.contains("pci=yes") && resource.labels.contains("team=checkout") && principal.labels.isEmpty()"#,
        r#"if context has tls then context.tls.version == "1.3" else true"#,
        // What stays Cedar.
        r#"context.time.hour + 1 < 11 && context.path like "/*/u1""#,
        r#"if context.method == "GET" then true else false"#,
    ] {
        assert!(allows(condition, "/orders/u1"), "{condition}");
        assert!(!allows(&format!("!({condition})"), "/orders/u1"), "not {condition}");
    }
}

#[test]
fn a_capture_is_of_the_first_pattern_that_covers_the_path() {
    let own = r#"context.captures has id && context.captures.id == context.user.subject"#;
    assert!(allows(own, "/orders/u1") && !allows(own, "/orders/u2") && !allows(own, "/orders"));
    let team = r#"context.captures has team && context.user.groups.contains(context.captures.team)"#;
    assert!(allows(team, "/teams/red/1") && !allows(team, "/teams/blue/1"));
}

#[test]
fn the_nearest_miss_names_the_part_that_failed() {
    let policy = when(r#"context.user.amr.contains("mfa") && context.user.groups.contains("ops")"#);
    let denial = denial(asks(&policy, "/orders", |_| {}));
    let nearest = denial.nearest.unwrap();
    assert_eq!((denial.reason, nearest.rule.rule.as_str()), (DenialReason::NotPermitted, "outside"));
    assert_eq!(nearest.missing, Missing::When(r#"context.user.groups.contains("ops")"#.into()));
}

#[test]
fn what_cannot_be_evaluated_does_not_hold() {
    let policy = when("context.time.epoch * 9223372036854775807 > 0");
    let denial = denial(asks(&policy, "/orders", |_| {}));
    assert_eq!(denial.reason, DenialReason::NotPermitted);
    let Missing::Evaluation(error) = denial.nearest.unwrap().missing else { panic!("no error") };
    assert!(error.contains("overflow"), "{error}");
}

#[test]
fn a_guardrail_forbids_what_a_rule_allows() {
    let text = r#"
        @id("no-admin-by-token")
        forbid(principal, action, resource == Service::"orders") when { context.path like "/orders/admin*" };
        @id("mfa")
        forbid(principal == Caller::"gateway/public", action, resource)
        unless { context has user && context.user.amr.contains("mfa") };
    "#;
    let policy = compiled(&repository("", "", text)).1;
    assert!(matches!(asks(&policy, "/orders/1", |_| {}), Decision::Allow(_)));
    let denial = denial(asks(&policy, "/orders/admin", |_| {}));
    let forbidden = denial.forbidden.unwrap();
    assert_eq!((denial.reason.status(), &*forbidden.guardrail, forbidden.error), (403, "no-admin-by-token", None));
    assert_eq!(
        (forbidden.source.to_string().as_str(), forbidden.rule.as_ref().unwrap().rule.as_str()),
        ("company.cedar:2", "outside")
    );
}

#[test]
fn a_guardrail_that_fails_denies_and_one_that_is_kept_from_failing_does_not() {
    let failing = |before: &str| {
        let text = format!(
            r#"@id("f") forbid(principal, action, resource) when {{ {before} context.time.epoch * 9223372036854775807 > 0 }};"#
        );
        asks(&compiled(&repository("", "", &text)).1, "/orders", |_| {})
    };
    assert!(matches!(failing("context.method == \"POST\" &&"), Decision::Allow(_)));
    let denial = denial(failing(""));
    assert_eq!(denial.reason, DenialReason::Forbidden);
    assert!(denial.forbidden.unwrap().error.is_some());
}

#[test]
fn inside_there_is_a_user_when_one_is_carried() {
    let policy = compiled(&repository("", "when: context has user", "")).1;
    let id = SpiffeId::parse("spiffe://acme.example/checkout").unwrap();
    let inside = |policy: &Policy, carried: bool| {
        let user = user();
        let (service, port) = (name("orders"), name("http"));
        policy.decide(&Facts {
            peer: Peer::Workload(&id),
            credential: if carried { Credential::Token(&user) } else { Credential::Absent },
            service: &service,
            port: &port,
            request: Some(RequestFacts { method: "GET", path: "/internal/a" }),
            client: None,
            now: 0,
            headers: &[],
            tls: None,
        })
    };
    assert_eq!(denial(inside(&policy, false)).nearest.unwrap().missing, Missing::When("context has user".into()));
    assert!(matches!(inside(&policy, true), Decision::Allow(_)));
    let labels = r#"when: principal.labels.contains("team=checkout") && principal.service == "checkout""#;
    let labels = labels.replacen(": ", ": '", 1) + "'";
    assert!(matches!(inside(&compiled(&repository("", &labels, "")).1, false), Decision::Allow(_)));
}

#[test]
fn the_headers_that_conditions_name_are_asked_for() {
    let text = r#"@id("a") forbid(principal, action, resource) when { context.headers has user_agent && context.headers.user_agent like "*bot*" };"#;
    let (_, policy) = compiled(&repository("when: 'context has headers.x_tenant'", "", text));
    assert_eq!(policy.headers_wanted(), texts(&["user-agent", "x-tenant"]));
}

/// The errors of a repository.
fn errors(files: &[SourceFile]) -> Vec<Diagnostic> {
    check(files).err().unwrap_or_default()
}
