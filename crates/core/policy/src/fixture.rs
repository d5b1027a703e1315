//! For tests: random repositories as people write them, and random facts about their mesh.

use crate::Policy;
use proptest::prelude::*;
use selvedge_config::{Checked, SourceFile};
use selvedge_model::{Credential, Facts, Name, Peer, Principal, RequestFacts, SpiffeId};
use std::sync::Arc;

const MESH: &str = r#"
apiVersion: selvedge.dev/v1
kind: Mesh
metadata: { name: acme }
spec:
  trustDomain: acme.example
  issuers:
    corporate: { issuer: "https://login.acme.example", audiences: [api] }
    partner: { issuer: "https://login.partner.example", audiences: [api] }
---
apiVersion: selvedge.dev/v1
kind: Gateway
metadata: { name: public }
spec: { listeners: [{ port: 8443, protocol: HTTPS, hosts: [api.acme.example, "*.shop.example"], tls: { file: { certificate: c.pem, key: k.pem } } }] }
---
apiVersion: selvedge.dev/v1
kind: Gateway
metadata: { name: partners }
spec: { listeners: [{ port: 8444, protocol: HTTPS, hosts: [b2b.acme.example], tls: { mesh: true } }] }
---
apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: orders }
spec:
  ports:
    - { name: http, port: 8080, protocol: HTTP }
    - { name: admin, port: 8081, protocol: HTTP }
    - { name: ledger, port: 8082, protocol: TCP }
---
apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: checkout, labels: { team: buy } }
spec: { ports: [{ name: http, port: 8083, protocol: HTTP }] }
---
apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: storefront, labels: { team: buy } }
spec: { ports: [{ name: http, port: 8084, protocol: HTTP }] }
"#;

/// The `Access` of `orders` with these rules, each an item of a YAML list without indentation.
pub(crate) fn files(rules: &[String]) -> Vec<SourceFile> {
    let mut access = String::new();
    if !rules.is_empty() {
        let head = "apiVersion: selvedge.dev/v1\nkind: Access\nmetadata: { name: orders }\nspec:\n  service: orders\n";
        access = format!("{head}  rules:\n");
        rules.iter().flat_map(|rule| rule.lines()).for_each(|line| access.push_str(&format!("    {line}\n")));
    }
    let files = [("access.yaml", access), ("mesh.yaml", MESH.to_owned())];
    files.into_iter().map(|(name, text)| SourceFile { name: name.into(), text: text.into() }).collect()
}

/// The repository with these rules, compiled.
pub(crate) fn compiled(rules: &[String]) -> (Checked, Policy) {
    crate::check(&files(rules)).unwrap_or_else(|found| panic!("{found:?} in {rules:#?}"))
}

/// Up to six rules; their names differ.
pub(crate) fn rules() -> impl Strategy<Value = Vec<String>> {
    prop::collection::vec(rule(), 0..6)
        .prop_map(|rules| rules.iter().enumerate().map(|(index, rule)| format!("- name: r{index}\n{rule}")).collect())
}

fn some(of: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop::sample::subsequence(of, 1..=of.len()).prop_map(|items| {
        let items: Vec<String> = items.iter().map(|item| format!("{item:?}")).collect();
        format!("[{}]", items.join(", "))
    })
}

/// A line with the key, or nothing.
fn line(key: &'static str, value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    prop::option::of(value).prop_map(move |value| value.map_or_else(String::new, |value| format!("  {key}: {value}\n")))
}

fn rule() -> impl Strategy<Value = String> {
    let further = || (line("methods", some(&["GET", "POST"])), line("when", when()));
    // An exposure has to say which paths it opens.
    let exposed =
        (some(PATTERNS), further()).prop_map(|(paths, (methods, when))| format!("{methods}  paths: {paths}\n{when}"));
    let request = (line("paths", some(PATTERNS)), further())
        .prop_map(|(paths, (methods, when))| format!("{methods}{paths}{when}"));
    let named =
        || some(&["checkout", "storefront"]).prop_map(|services| format!("  from: {{ services: {services} }}\n"));
    let labels = || Just("  from: { labels: { team: buy } }\n".to_owned());
    let for_a_user = (some(&["checkout", "storefront"]), user())
        .prop_map(|(services, user)| format!("  from: {{ services: {services}, onBehalfOf: {user} }}\n"));
    let of_http = prop_oneof![named(), for_a_user, labels()];
    let inside = prop_oneof![named(), labels()];
    prop_oneof![
        (outside(), exposed).prop_map(|(from, request)| format!("{from}  ports: [http]\n{request}")),
        (of_http, some(&["http", "admin"]), request)
            .prop_map(|(from, ports, request)| format!("{from}  ports: {ports}\n{request}")),
        inside.prop_map(|from| format!("{from}  ports: [ledger]\n")),
    ]
}

const PATTERNS: &[&str] = &["/orders", "/orders/{id}", "/orders/**", "/health", "/orders/{id}/items"];

/// Conditions that fall to the index and ones that do not.
fn when() -> impl Strategy<Value = String> {
    prop::sample::select(CONDITIONS).prop_map(|condition| format!("'{condition}'"))
}

const CONDITIONS: &[&str] = &[
    "true",
    r#"context.method == "GET""#,
    r#"context.time.hour < 12 && context.path like "/orders*""#,
    r#"principal.labels.contains("team=buy") || context.method == "POST""#,
    r#"context.time.weekday + context.time.hour > 9"#,
];

/// An issuer, with scopes and groups.
fn user() -> impl Strategy<Value = String> {
    let scopes = prop::option::of(some(&["orders:read", "orders:write"]));
    let groups = prop::option::of(some(&["staff", "audit"]));
    let issuer = prop::sample::select(&["corporate", "partner"][..]);
    (issuer, scopes, groups).prop_map(|(issuer, scopes, groups)| {
        let scopes = scopes.map(|scopes| format!(", scopes: {scopes}")).unwrap_or_default();
        let groups = groups.map(|groups| format!(", groups: {groups}")).unwrap_or_default();
        format!("{issuer}{scopes}{groups}")
    })
}

fn outside() -> impl Strategy<Value = String> {
    let token = || user().prop_map(|user| format!("token: {user}"));
    let credential = prop_oneof![Just("anonymous: true".to_owned()), token(), token()];
    let through = prop::sample::select(
        &[
            "gateway: public",
            "gateway: public, hosts: [api.acme.example]",
            "gateway: public, hosts: [\"*.shop.example\"]",
            "gateway: partners",
        ][..],
    );
    (through, credential).prop_map(|(through, credential)| format!("  from: {{ {through}, {credential} }}\n"))
}

/// Facts that own what they are made of.
#[derive(Debug, Clone)]
pub(crate) struct Owned {
    pub(crate) gateway: Option<Name>,
    pub(crate) host: &'static str,
    pub(crate) id: SpiffeId,
    pub(crate) credential: Shown,
    pub(crate) port: Name,
    pub(crate) request: Option<(&'static str, &'static str)>,
    pub(crate) now: u64,
}

/// The credential that was shown.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    Absent,
    Refused,
    Token(Arc<Principal>),
}

impl Owned {
    pub(crate) fn facts<'a>(&'a self, service: &'a Name) -> Facts<'a> {
        Facts {
            peer: match &self.gateway {
                Some(gateway) => Peer::Outside { gateway, host: self.host },
                None => Peer::Workload(&self.id),
            },
            credential: match &self.credential {
                Shown::Absent => Credential::Absent,
                Shown::Refused => Credential::Refused,
                Shown::Token(principal) => Credential::Token(principal),
            },
            service,
            port: &self.port,
            request: self.request.map(|(method, path)| RequestFacts { method, path }),
            client: "192.0.2.7".parse().ok(),
            now: self.now,
            headers: &[],
            tls: None,
        }
    }
}

pub(crate) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// Facts about `orders`.
pub(crate) fn facts() -> impl Strategy<Value = Owned> {
    let scopes = prop::sample::subsequence(&["orders:read", "orders:write"][..], 0..=2);
    let groups = prop::sample::subsequence(&["staff", "audit"][..], 0..=2);
    let texts = |texts: Vec<&str>| texts.into_iter().map(Arc::from).collect();
    let token = (prop::sample::select(&["corporate", "partner"][..]), scopes, groups).prop_map(
        move |(issuer, scopes, groups)| {
            let (scopes, groups) = (texts(scopes), texts(groups));
            let principal = Principal { issuer: name(issuer), subject: "ada".into(), scopes, groups, amr: Vec::new() };
            Shown::Token(Arc::new(principal))
        },
    );
    let credential = prop_oneof![Just(Shown::Absent), Just(Shown::Refused), token];
    let gateway = prop::option::of(prop::sample::select(&["public", "partners"][..]).prop_map(name));
    let host = prop::sample::select(&["api.acme.example", "a.shop.example", "b2b.acme.example", "other.example"][..]);
    let id = prop::sample::select(
        &[
            "spiffe://acme.example/checkout",
            "spiffe://acme.example/storefront",
            "spiffe://acme.example/orders",
            "spiffe://evil.example/checkout",
        ][..],
    );
    let id = id.prop_map(|id| SpiffeId::parse(id).unwrap());
    let method = prop::sample::select(&["GET", "POST", "DELETE"][..]);
    let path = prop::sample::select(&["/orders", "/orders/7", "/orders/7/items", "/health", "/admin", "/orders/"][..]);
    let to = prop_oneof![
        (prop::sample::select(&["http", "http", "admin"][..]), method, path)
            .prop_map(|(port, method, path)| (name(port), Some((method, path)))),
        Just((name("ledger"), None)),
    ];
    (gateway, host, id, credential, to, 0..2_000_000_000_u64).prop_map(|(gateway, host, id, credential, to, now)| {
        let (credential, host) = match (&gateway, to.1) {
            (Some(_), Some(_)) => (credential, host),
            // Inside there is no host; what is forged there is refused before anything is decided.
            (None, Some(_)) if !matches!(credential, Shown::Refused) => (credential, ""),
            // TCP has neither.
            (None, _) | (_, None) => (Shown::Absent, ""),
        };
        Owned { gateway, host, id, credential, port: to.0, request: to.1, now }
    })
}
