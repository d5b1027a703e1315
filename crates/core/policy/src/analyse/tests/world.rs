//! Small repositories, written at random, and every request that could tell their rules apart.

use super::{
    facts::{Request, Who},
    name,
};
use crate::Policy;
use proptest::prelude::*;
use selvedge_config::{Checked, SourceFile};

/// What is the same in each repository.
const BASE: &str = r#"
apiVersion: selvedge.dev/v1
kind: Mesh
metadata: { name: acme }
spec:
  trustDomain: acme.example
  issuers:
    corporate: { issuer: "https://login.acme.example", audiences: ["https://api.acme.example"] }
    partners: { issuer: "https://login.partner.example", audiences: ["https://partner.acme.example"] }
---
apiVersion: selvedge.dev/v1
kind: Gateway
metadata: { name: public }
spec:
  listeners:
    - { port: 8443, protocol: HTTPS, hosts: [api.acme.example, "*.acme.example"], tls: { file: { certificate: a.pem, key: a.key } } }
---
apiVersion: selvedge.dev/v1
kind: Gateway
metadata: { name: partner }
spec:
  listeners:
    - { port: 9443, protocol: HTTPS, hosts: ["*"], tls: { file: { certificate: a.pem, key: a.key } } }
---
apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: orders, labels: { pci: "no" } }
spec:
  workload: { unix: { user: orders } }
  ports: [{ name: http, port: 8080, protocol: HTTP }, { name: book, port: 8090, protocol: TCP }]
  outbound: { http: "127.0.0.1:15001" }
---
apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: cart, labels: { team: shop } }
spec:
  workload: { unix: { user: cart } }
  ports: [{ name: http, port: 8081, protocol: HTTP }]
  outbound: { http: "127.0.0.1:15002" }
---
apiVersion: selvedge.dev/v1
kind: Service
metadata: { name: batch }
spec:
  workload: { unix: { user: batch } }
  ports: [{ name: http, port: 8082, protocol: HTTP }]
  outbound: { http: "127.0.0.1:15003" }
---
"#;

const OUTSIDE: &[&str] = &[
    "{ gateway: public, anonymous: true }",
    "{ gateway: public, token: corporate }",
    "{ gateway: public, hosts: [api.acme.example], token: corporate, scopes: [r] }",
    "{ gateway: public, hosts: [\"*.acme.example\"], token: corporate, scopes: [r, w] }",
    "{ gateway: public, token: partners, groups: [g, h] }",
    "{ gateway: partner, token: partners, scopes: [w] }",
    "{ gateway: partner, hosts: [api.acme.example], anonymous: true }",
];
const INSIDE: &[&str] = &[
    "{ service: cart }",
    "{ services: [cart, batch] }",
    "{ labels: { team: shop } }",
    "{ services: [batch, orders] }",
    "{ service: cart, onBehalfOf: corporate, scopes: [r] }",
    "{ services: [cart, batch], onBehalfOf: partners, groups: [g, h] }",
];
const METHODS: &[&str] = &["", "methods: [GET]", "methods: [POST]", "methods: [GET, POST]"];
const PATHS: &[&str] =
    &["[/a]", "[/a, \"/a/{x}\"]", "[\"/a/**\"]", "[\"/**\"]", "[\"/{x}/b\"]", "[\"/a/b\"]", "[\"/a/b/**\", /]"];
const ANY_WHEN: &[&str] = &[
    "",
    "",
    "",
    "context.method == \"GET\"",
    "context.method != \"POST\" && context.path like \"/a*\"",
    "context.path == \"/a/b\" || context.time.hour >= 9",
    "context.time.hour >= 9 && context.time.hour < 18",
    "context has client && context.client.isInRange(ip(\"10.0.0.0/8\"))",
    "context.headers has x_tenant && context.headers.x_tenant == \"acme\"",
    "!(context.headers has x_tenant) || context.time.weekday != 4",
    "principal.kind == \"outside\" || principal.labels.contains(\"team=shop\")",
    "principal.host == \"api.acme.example\" || principal.service == \"batch\"",
    "[\"GET\", \"PUT\"].contains(context.method)",
    "context.path like \"/a/*\" && !(context.path like \"/a/b*\")",
];
const USER_WHEN: &[&str] = &[
    "context.user.amr.contains(\"mfa\")",
    "context.user.scopes.containsAny([\"w\", \"r\"]) && context.time.hour < 9",
    "context.user.issuer == \"partners\" || context.user.groups.contains(\"g\")",
    "!context.user.scopes.containsAll([\"r\", \"w\"])",
];
const GUARDRAILS: &[&str] = &[
    "forbid(principal, action, resource) when { context.method == \"POST\" && context.time.hour < 9 };",
    "forbid(principal, action, resource == Service::\"orders\") when { context.path like \"/a/b*\" };",
    "forbid(principal == Caller::\"batch\", action, resource);",
    "forbid(principal, action, resource) when { principal.kind == \"outside\" && resource.labels.contains(\"pci=yes\") };",
    "forbid(principal, action, resource) unless { principal.kind == \"service\" || context has user };",
    "forbid(principal, action, resource) when { context has user && context.user.amr.contains(\"pwd\") };",
];

/// One rule, as indices into the lists above; each is taken modulo its length.
pub(super) type RuleSeed = (bool, [u8; 4]);

#[derive(Debug, Clone)]
pub(super) struct Seed {
    pub(super) rules: Vec<RuleSeed>,
    pub(super) tcp: Option<u8>,
    pub(super) guardrails: Vec<u8>,
}

pub(super) fn seed() -> impl Strategy<Value = Seed> {
    let rule = (any::<bool>(), any::<[u8; 4]>());
    let rules = prop::collection::vec(rule, 1..6);
    let guardrails = prop_oneof![2 => Just(Vec::new()), 1 => prop::collection::vec(any::<u8>(), 1..3)];
    (rules, prop::option::weighted(0.3, any::<u8>()), guardrails).prop_map(|(rules, tcp, guardrails)| Seed {
        rules,
        tcp,
        guardrails,
    })
}

fn pick<'a>(from: &[&'a str], index: u8) -> &'a str {
    from[index as usize % from.len()]
}

impl Seed {
    /// The repository's files.
    pub(super) fn files(&self) -> Vec<SourceFile> {
        let mut access = String::from(
            "apiVersion: selvedge.dev/v1\nkind: Access\nmetadata: { name: orders }\nspec:\n  service: orders\n  rules:\n",
        );
        for (index, (outside, [from, methods, paths, when])) in self.rules.iter().enumerate() {
            let from = pick(if *outside { OUTSIDE } else { INSIDE }, *from);
            access += &format!("    - name: r{index}\n      from: {from}\n      ports: [http]\n");
            let methods = pick(METHODS, *methods);
            if !methods.is_empty() {
                access += &format!("      {methods}\n");
            }
            access += &format!("      paths: {}\n", pick(PATHS, *paths));
            let with_user = (from.contains("token") || from.contains("onBehalfOf")) && when % 3 == 0;
            let when = pick(if with_user { USER_WHEN } else { ANY_WHEN }, when / 3);
            if !when.is_empty() {
                access += &format!("      when: '{when}'\n");
            }
        }
        if let Some(from) = self.tcp {
            // A connection carries no user.
            access += &format!("    - {{ name: tcp, from: {}, ports: [book] }}\n", pick(&INSIDE[..4], from));
        }
        let mut chosen: Vec<&str> = self.guardrails.iter().map(|index| pick(GUARDRAILS, *index)).collect();
        chosen.dedup();
        let guardrails: String =
            chosen.iter().enumerate().map(|(index, text)| format!("@id(\"g{index}\")\n{text}\n")).collect();
        [("access.yaml", access), ("base.yaml", BASE.to_owned()), ("guard.cedar", guardrails)]
            .into_iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|(file, text)| SourceFile { name: file.into(), text: text.into() })
            .collect()
    }

    pub(super) fn check(&self) -> (Checked, Policy) {
        let files = self.files();
        crate::check(&files).unwrap_or_else(|found| panic!("{}", selvedge_config::render(&found, &files, false)))
    }
}

/// Requests that could tell the rules apart: callers × ports × methods × paths × what conditions look at. Some of them;
/// `whole`: every one.
pub(super) fn requests(whole: bool) -> impl Iterator<Item = Request> {
    let paths = [
        "/", "/a", "/a/", "/a/b", "/a/b/", "/a/bc", "/a/c", "/a/b/c", "/a/c/b", "/c", "/c/b", "/c/b/d", "/ab", "/ab/b",
        "/a/bc/d",
    ];
    // The last one is named by no rule and no condition: it stands for every other.
    let asked =
        ["GET", "POST", "PUT", "DELETE"].into_iter().flat_map(move |method| paths.map(|path| Some((method, path))));
    let asked: Vec<_> = asked.chain([None]).collect();
    let (around, callers) = (super::facts::surroundings(whole), super::facts::callers(whole));
    asked.into_iter().flat_map(move |request| {
        let around = around.clone();
        let port = name(if request.is_some() { "http" } else { "book" });
        let carried = move |caller: &Who| request.is_some() || !matches!(caller, Who::Service(_, Some(_)));
        callers.clone().into_iter().filter(carried).flat_map(move |caller| {
            let port = port.clone();
            let one = move |around| Request { caller: caller.clone(), port: port.clone(), request, around };
            around.clone().into_iter().map(one)
        })
    })
}
