//! Federation: what documents may say of other trust domains.

use super::*;
use crate::checked::{From, Profile};
use selvedge_model::SpiffeId;

const FEDERATED: &str = r#"
apiVersion: selvedge.dev/v1
kind: Mesh
metadata: { name: acme }
spec:
  trustDomain: acme.example
  federatesWith:
    partner.example:
      endpoint: https://spire.partner.example:8443
      profile: https_spiffe
      endpointId: spiffe://partner.example/spire/server
      bundle: |
        {"keys": []}
    web.example: { endpoint: "https://web.example/bundle", profile: https_web }
---
apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: orders }
spec:
  workload: { unix: { user: orders } }
  ports: [{ name: http, port: 8080, protocol: HTTP }]
  federatesWith: [web.example]
---
apiVersion: selvedge.dev/v1
kind: Access
metadata: { name: orders }
spec:
  service: orders
  rules:
    - name: partners
      from: { trustDomain: partner.example, service: ns/shop/sa/billing }
      methods: [GET]
      paths: [/orders]
"#;

#[test]
fn a_rule_names_a_workload_of_another_trust_domain_by_its_path() {
    let checked = check(&file(FEDERATED)).unwrap_or_else(|found| panic!("{found:?}"));
    let rule = &checked.access[0].rules[0];
    assert_eq!(rule.from, From::Federated(SpiffeId::parse("spiffe://partner.example/ns/shop/sa/billing").unwrap()));
    let domains: Vec<&str> = checked.services.values().flat_map(|s| &s.federates_with).map(|d| d.as_str()).collect();
    assert_eq!(domains, ["partner.example", "web.example"], "what rules name, and what is written");
    let profiles: Vec<bool> = checked
        .mesh
        .federates_with
        .values()
        .map(|federation| matches!(federation.profile, Profile::Spiffe { .. }))
        .collect();
    assert_eq!(profiles, [true, false]);
}

/// One change of the documents above, and the error that it must give.
const BROKEN: &[(&str, &str, &str)] = &[
    ("    partner.example:\n", "    acme.example:\n", "own-trust-domain"),
    ("    partner.example:\n", "    Partner.example:\n", "bad-value"),
    ("endpoint: https://spire", "endpoint: http://spire", "plaintext-bundle"),
    ("      endpoint: https://spire.partner.example:8443\n", "", "missing-key"),
    ("profile: https_spiffe", "profile: https", "bad-value"),
    ("      profile: https_spiffe\n", "", "missing-key"),
    ("      endpointId: spiffe://partner.example/spire/server\n", "", "missing-key"),
    ("spiffe://partner.example/spire/server", "spiffe://acme.example/control/main", "not-enforceable"),
    ("spiffe://partner.example/spire/server", "https://partner.example/spire/server", "bad-value"),
    ("      bundle: |\n        {\"keys\": []}\n", "", "missing-key"),
    ("{\"keys\": []}", "", "bad-value"),
    ("profile: https_web }", "profile: https_web, endpointId: spiffe://web.example/x }", "not-enforceable"),
    ("endpointId:", "ca: ca.pem\n      endpointId:", "not-enforceable"),
    ("endpointId:", "trustBundle: x\n      endpointId:", "unknown-key"),
    ("federatesWith: [web.example]", "federatesWith: [stranger.example]", "unknown-name"),
    ("trustDomain: partner.example, service", "trustDomain: stranger.example, service", "unknown-name"),
    ("trustDomain: partner.example, service", "trustDomain: acme.example, service", "unknown-name"),
    ("service: ns/shop/sa/billing", "service: /ns/shop", "bad-value"),
    ("service: ns/shop/sa/billing", "service: \"ns/../sa\"", "bad-value"),
    ("service: ns/shop/sa/billing", "service: \"ns/shop?x\"", "bad-value"),
    ("service: ns/shop/sa/billing", "services: [a, b]", "ambiguous-caller"),
    (", service: ns/shop/sa/billing }", " }", "ambiguous-caller"),
    ("service: ns/shop/sa/billing }", "service: billing, onBehalfOf: corporate }", "not-enforceable"),
    ("service: ns/shop/sa/billing }", "service: billing, groups: [a] }", "not-enforceable"),
    ("service: ns/shop/sa/billing }", "service: billing, token: corporate }", "not-enforceable"),
    (
        "trustDomain: partner.example, service: ns/shop/sa/billing",
        "gateway: g, trustDomain: partner.example, anonymous: true",
        "not-enforceable",
    ),
];

#[test]
fn what_is_wrong_is_refused_where_it_stands() {
    for (from, to, code) in BROKEN {
        assert!(FEDERATED.contains(from), "{from}");
        let found = refused(&FEDERATED.replacen(from, to, 1));
        assert!(found.iter().any(|diagnostic| diagnostic.code == *code), "{from} → {to}: {found:?}");
        assert!(found.iter().all(|diagnostic| diagnostic.line > 0 && !diagnostic.help.is_empty()));
    }
}
