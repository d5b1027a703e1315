//! What documents must be refused, each with its place; and that what is right passes.

mod client;
mod expectation;
mod federation;
mod introspection;
mod schema;
mod traffic;

use crate::{Diagnostic, SourceFile, check, render, template};
use proptest::prelude::*;

fn file(text: &str) -> Vec<SourceFile> {
    vec![SourceFile { name: "mesh.yaml".into(), text: text.into() }]
}

fn template_text() -> String {
    template().iter().map(|file| format!("{}---\n", file.text)).collect()
}

fn refused(text: &str) -> Vec<Diagnostic> {
    check(&file(text)).err().unwrap_or_default()
}

#[test]
fn the_template_checks_clean() {
    let checked = check(&template()).unwrap_or_else(|found| panic!("{}", render(&found, &template(), false)));
    assert_eq!(checked.mesh.workload_ttl_s, 3600);
    assert_eq!((checked.gateways.len(), checked.services.len(), checked.access.len()), (1, 2, 1));
}

/// One change of the template, and the error that it must give.
const BROKEN: &[(&str, &str, &str)] = &[
    ("selvedge.dev/v1", "selvedge.dev/v2", "bad-value"),
    ("kind: Gateway", "kind: Gatway", "bad-value"),
    ("kind: Mesh", "kind: Service", "missing-key"),
    ("trustDomain: acme.example", "trustDomain: Acme.example", "bad-value"),
    ("trustDomain: acme.example", "trustdomain: acme.example", "unknown-key"),
    ("issuer: https://login", "issuer: http://login", "plaintext-issuer"),
    ("issuer: https://login", "issuer: https://me@login", "bad-value"),
    ("audiences: [https://api.acme.example]", "audiences: []", "wrong-type"),
    ("      audiences: [https://api.acme.example]", "      #", "missing-key"),
    ("workloadTtl: 1h", "workloadTtl: 2d", "bad-value"),
    ("workloadTtl: 1h", "workloadTtl: forever", "bad-value"),
    ("workloadTtl: 1h", "workloadTtl: 0s", "bad-value"),
    ("port: 8443", "port: 0", "bad-value"),
    ("port: 8443", "port: 70000", "bad-value"),
    ("protocol: HTTPS", "protocol: HTTP", "tls-on-http"),
    (", tls: { mesh: true }", "", "missing-key"),
    ("tls: { mesh: true }", "tls: { mesh: false }", "bad-value"),
    ("hosts: [api.acme.example]", "hosts: [\"*.acme.example\"]", "wildcard-certificate"),
    ("hosts: [api.acme.example]", "hosts: [api_acme]", "bad-value"),
    ("kind: Service\nmetadata: { name: orders }", "kind: Service\nmetadata: { name: gateway }", "reserved-name"),
    ("kind: Service\nmetadata: { name: orders }", "kind: Service\nmetadata: { name: Orders }", "bad-value"),
    ("{ unix: { user: orders } }", "{ unix: {} }", "empty-selector"),
    ("{ unix: { user: orders } }", "{}", "empty-selector"),
    ("{ unix: { user: orders } }", "{ unix: { sha256: abc } }", "bad-value"),
    ("{ unix: { user: orders } }", "{ systemd: { unit: orders } }", "bad-value"),
    ("{ unix: { user: orders } }", "{ kubernetes: { namespace: shop } }", "unknown-key"),
    ("127.0.0.1:15001", "0.0.0.0:15001", "bad-value"),
    ("port: 8080, protocol: HTTP", "port: 8080, protocol: TCP", "not-enforceable"),
    ("service: orders\n", "service: order\n", "unknown-name"),
    ("gateway: public", "gateway: pubic", "unknown-name"),
    ("token: corporate", "token: corporat", "unknown-name"),
    ("token: corporate, ", "", "no-credential"),
    ("token: corporate, ", "anonymous: true, ", "not-enforceable"),
    ("token: corporate, ", "token: corporate, anonymous: true, ", "no-credential"),
    ("from: { service: checkout }", "from: { service: chekout }", "unknown-name"),
    ("from: { service: checkout }", "from: { service: checkout, gateway: public }", "ambiguous-caller"),
    ("from: { service: checkout }", "from: { service: checkout, scopes: [a] }", "not-enforceable"),
    ("from: { service: checkout }", "from: { service: checkout, onBehalfOf: corp }", "unknown-name"),
    ("from: { service: checkout }", "from: { service: checkout, onBehalfOf: [corporate] }", "wrong-type"),
    (
        "from: { service: checkout }",
        "from: { service: checkout, onBehalfOf: corporate, token: corporate }",
        "not-enforceable",
    ),
    ("from: { service: checkout }", "from: { service: checkout, onBehalfOf: corporate, scopes: [] }", "wrong-type"),
    ("from: { service: checkout }", "from: { service: checkout, onBehalfof: corporate }", "unknown-key"),
    ("token: corporate,", "token: corporate, onBehalfOf: corporate,", "not-enforceable"),
    ("from: { service: checkout }", "from: { labels: { team: nobody } }", "unknown-name"),
    ("from: { service: checkout }", "from: {}", "ambiguous-caller"),
    ("name: checkout-writes", "name: customers-read", "duplicate-name"),
    ("methods: [GET]", "methods: [get]", "bad-value"),
    ("methods: [GET]", "methods: []", "wrong-type"),
    ("methods: [GET]", "waf: { mode: block }", "unknown-key"),
    ("methods: [GET]", "schema: \"true\"", "bad-value"),
    ("paths: [/orders, \"/orders/{id}\"]", "ports: [http]", "no-paths"),
    ("paths: [/orders, \"/orders/{id}\"]", "paths: [/orders/../admin]", "bad-value"),
    ("paths: [/orders, \"/orders/{id}\"]", "paths: [/orders*]", "bad-value"),
    ("paths: [/orders]", "ports: [ledger]", "unknown-name"),
    ("metadata: { name: acme }", "metadata: { nam: acme }", "unknown-key"),
];

#[test]
fn each_mistake_is_refused_with_its_code() {
    for (right, wrong, code) in BROKEN {
        assert!(template_text().contains(right), "the template has no {right}");
        let found = refused(&template_text().replacen(right, wrong, 1));
        assert!(found.iter().any(|d| d.code == *code), "{wrong}: {found:?}");
    }
}

#[test]
fn a_mistake_is_shown_with_its_place_and_a_suggestion() {
    let text = template_text().replace("trustDomain", "trustDomian");
    let found = refused(&text);
    let line = text.lines().position(|line| line.contains("trustDomian")).unwrap() + 1;
    let unknown = found.iter().find(|d| d.code == "unknown-key").unwrap();
    assert_eq!((unknown.line as usize, unknown.column, unknown.width), (line, 3, 11));
    let shown = render(&found, &file(&text), false);
    assert!(shown.contains(&format!("mesh.yaml:{line}:3")) && shown.contains("^^^^^^^^^^^"), "{shown}");
    assert!(shown.contains("did you mean `trustDomain`?"), "{shown}");
}

#[test]
fn everything_wrong_is_reported_at_once_and_in_order() {
    let text = template_text().replace("port: 8443", "port: 0").replace("gateway: public", "gateway: pubic");
    let found = refused(&text.replace("methods: [GET]", "methods: [get]"));
    let lines: Vec<u32> = found.iter().map(|d| d.line).collect();
    assert!(found.len() >= 3 && lines.is_sorted(), "{found:?}");
}

const SHOP: &str = "
kind: Service
apiVersion: selvedge.dev/v1
metadata: { name: shop }
spec: { ports: [{ name: http, port: 9000, protocol: HTTP }] }
---
kind: Access
apiVersion: selvedge.dev/v1
metadata: { name: shop }
spec:
  service: shop
  rules: [{ name: open, from: { gateway: public, token: corporate }, methods: [GET], paths: [PATH] }]
";

#[test]
fn two_exposures_of_one_path_have_no_answer() {
    for (path, overlaps) in [
        ("/orders", true),
        ("\"/{any}\"", false),
        ("\"/orders/{number}\"", true),
        ("\"/{any}/latest\"", true),
        ("\"/orders/latest\"", false),
        ("\"/**\"", false),
        ("/shop", false),
    ] {
        let found = refused(&format!("{}{}", template_text(), SHOP.replace("PATH", path)));
        assert_eq!(found.iter().any(|d| d.code == "exposure-overlap"), overlaps, "{path}: {found:?}");
    }
}

#[test]
fn a_path_rule_on_a_tcp_port_is_refused() {
    let tcp = "{ name: http, port: 8080, protocol: TCP }";
    let text = template_text().replace("{ name: http, port: 8080, protocol: HTTP }", tcp);
    assert!(refused(&text).iter().any(|d| d.code == "path-on-tcp"));
}

#[test]
fn a_plaintext_endpoint_needs_the_services_word() {
    let ports = "ports: [{ name: http, port: 8081, protocol: HTTP }]";
    let endpoint = format!("{ports}\n  endpoints: [{{ address: \"10.0.0.9:9000\", plaintext: true }}]");
    let text = template_text().replace(ports, &endpoint);
    assert!(refused(&text).iter().any(|d| d.code == "plaintext-refused"));
    let accepted = text.replace("\n  endpoints", "\n  plaintext: accept\n  endpoints");
    assert!(check(&file(&accepted)).is_ok());
}

#[test]
fn what_is_no_yaml_and_no_mesh_is_said() {
    assert!(refused("a: [").iter().any(|d| d.code == "not-yaml"));
    assert!(refused("").iter().any(|d| d.code == "no-mesh"));
    assert!(refused(&format!("{0}{0}", template_text())).iter().any(|d| d.code == "duplicate-name"));
    assert!(refused("a: &x [*x, *x]\n").iter().any(|d| d.code != "internal"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_text_makes_the_checker_panic(at in 0usize..1600, cut in 0usize..40, with in "[ -~\n]{0,12}") {
        let mut text = template_text();
        let end = (at + cut).min(text.len());
        if text.is_char_boundary(at.min(end)) && text.is_char_boundary(end) {
            text.replace_range(at.min(end)..end, &with);
        }
        let files = file(&text);
        if let Err(found) = check(&files) {
            prop_assert!(!render(&found, &files, false).is_empty());
        }
    }
}
