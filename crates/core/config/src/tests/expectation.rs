//! `Expectation` documents, accepted findings, conditions and guardrail files.

use super::{file, refused, template_text};
use crate::checked::{CaseCaller, NeverCaller};
use crate::{SourceFile, check, render};

const EXPECTATION: &str = r#"
apiVersion: selvedge.dev/v1
kind: Expectation
metadata: { name: orders }
spec:
  allow: [{ finding: unused-label, reason: for people }]
  cases:
    - name: customers read
      from: { gateway: public, token: { issuer: corporate, scopes: ["orders:read"], groups: [a], amr: [mfa] } }
      to: orders
      request: GET /orders/1
      headers: { X-Tenant: acme }
      client: 203.0.113.9
      time: 2026-10-05T09:30:00Z
      expect: allow
      rule: customers-read
    - { name: nobody else, from: { gateway: public }, to: "orders:http", request: GET /orders, expect: deny, status: 401 }
    - { name: inside, from: { service: checkout }, to: orders, request: POST /orders, expect: allow, rule: orders/checkout-writes }
  never:
    - { name: no writes from outside, from: { gateway: public }, to: orders, request: "POST /**" }
    - { name: no strangers, from: { anonymous: true }, to: { labels: { team: checkout } } }
    - { name: nothing to admin, from: { services: [checkout] }, to: orders, request: /admin/** }
"#;

fn with(right: &str, wrong: &str) -> String {
    assert!(EXPECTATION.contains(right), "the document has no {right}");
    let text = template_text();
    let labelled = ["orders", "checkout"].iter().fold(text, |text, name| {
        let plain = format!("kind: Service\nmetadata: {{ name: {name} }}");
        text.replace(&plain, &plain.replace(" }", ", labels: { team: checkout } }"))
    });
    format!("{labelled}{}", EXPECTATION.replacen(right, wrong, 1))
}

#[test]
fn an_expectation_is_read_whole() {
    let files = file(&with("", ""));
    let checked = check(&files).unwrap_or_else(|found| panic!("{}", render(&found, &files, false)));
    let expectation = &checked.expectations[0];
    let case = &expectation.cases[0];
    let CaseCaller::Gateway { host, token: Some(token), .. } = &case.from else { panic!("{case:?}") };
    assert_eq!((host.as_str(), &*token.subject, token.amr.len()), ("api.acme.example", "test", 1));
    assert_eq!((case.time_s, &*case.headers[0].0, case.port.as_str()), (Some(1_791_192_600), "x-tenant", "http"));
    assert_eq!((expectation.cases[1].allow, expectation.cases[1].status), (false, Some(401)));
    let never = &expectation.never;
    assert!(matches!(&never[0].from, NeverCaller::Gateway(name) if name.as_str() == "public"));
    assert!(matches!((&never[1].from, never[1].to.len()), (NeverCaller::Anonymous(None), 2)));
    assert_eq!((never[2].method.clone(), never[2].path.as_str()), (None, "/admin/**"));
    let allow = &checked.allow[0];
    assert_eq!((allow.kind, allow.document.as_str(), &*allow.finding), ("Expectation", "orders", "unused-label"));
}

/// One change of the document, and the error that it must give.
const BROKEN: &[(&str, &str, &str)] = &[
    (", reason: for people", "", "missing-key"),
    ("reason: for people", "reason: \"\"", "bad-value"),
    ("finding: unused-label", "finding: Unused Label", "bad-value"),
    ("[{ finding: unused-label, reason: for people }]", "unused-label", "wrong-type"),
    ("expect: allow", "expect: maybe", "bad-value"),
    ("expect: allow\n", "expect: allow\n      status: 200\n", "bad-value"),
    ("expect: allow\n", "expect: allow\n      status: 403\n", "not-enforceable"),
    ("status: 401", "rule: customers-read", "not-enforceable"),
    ("rule: customers-read", "rule: Customers", "bad-value"),
    ("      to: orders\n", "      to: order\n", "unknown-name"),
    ("orders:http", "orders:https", "unknown-name"),
    ("from: { service: checkout }", "from: { service: chekout }", "unknown-name"),
    ("from: { service: checkout }", "from: { service: checkout, token: corporate }", "not-enforceable"),
    ("from: { service: checkout }", "from: { service: checkout, gateway: public }", "ambiguous-caller"),
    ("issuer: corporate", "issuer: corporat", "unknown-name"),
    ("from: { gateway: public }, to: \"orders", "from: { gateway: pubic }, to: \"orders", "unknown-name"),
    ("      request: GET /orders/1\n", "", "missing-key"),
    ("request: GET /orders/1", "request: /orders/1", "bad-value"),
    ("time: 2026-10-05T09:30:00Z", "time: 2026-02-30T09:30:00Z", "bad-value"),
    ("time: 2026-10-05T09:30:00Z", "time: yesterday", "bad-value"),
    ("client: 203.0.113.9", "client: 203.0.113", "bad-value"),
    ("{ anonymous: true }", "{ anonymous: false }", "bad-value"),
    ("{ services: [checkout] }", "{}", "ambiguous-caller"),
    ("{ labels: { team: checkout } }", "{ labels: { team: nobody } }", "unknown-name"),
    ("request: \"POST /**\"", "request: \"POST /*\"", "bad-value"),
    ("  cases:", "  case:", "unknown-key"),
];

#[test]
fn each_mistake_in_an_expectation_is_refused() {
    for (right, wrong, code) in BROKEN {
        let found = refused(&with(right, wrong));
        assert!(found.iter().any(|error| error.code == *code), "{wrong}: {found:?}");
    }
}

#[test]
fn a_condition_has_a_size_and_is_not_empty() {
    let when = |text: &str| refused(&template_text().replacen("methods: [GET]", &format!("when: {text}"), 1));
    assert!(when("'context has user'").is_empty() && when("true").is_empty());
    assert!(when("''").iter().any(|error| error.code == "bad-value"));
    assert!(when(&format!("'{}'", "x".repeat(4097))).iter().any(|error| error.code == "bad-value"));
}

#[test]
fn guardrail_files_are_no_yaml_and_have_a_size() {
    let with = |text: &str| {
        let mut files = file(&template_text());
        files.push(SourceFile { name: "rules/company.cedar".into(), text: text.into() });
        check(&files)
    };
    let checked = with("forbid(principal, action, resource);").unwrap_or_else(|found| panic!("{found:?}"));
    assert_eq!(checked.guardrails[0].text.file().as_ref(), "rules/company.cedar");
    assert!(with(&"x".repeat(256 * 1024 + 1)).is_err());
}
