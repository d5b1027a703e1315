//! Conditions and guardrails on real requests: at the gateway, and at the inner hop, which decides again by itself.

use crate::client::{Answer, Client};
use crate::documents::Documents;
use crate::origin::{Origin, Reply};
use crate::travel::ask as travel;
use crate::travel::mesh::{Mesh, bearer, bearer_after};
use crate::way::{Way, around};
use crate::world::{World, minted, outside};
use selvedge_authn::txn::{Outside, Shown};
use selvedge_model::{Denial, Missing, Name, Outcome, Principal, Record, Role};
use selvedge_net::{Alpn, now_s};
use std::sync::Arc;

const RULES: &[(&str, &str, &str)] = &[
    (
        "orders",
        "tenant",
        "from: { gateway: edge, hosts: [narrow.example], anonymous: true }, ports: [http], paths: [/tenant], \
         when: 'context.headers has x_tenant && context.headers.x_tenant == \"acme\"'",
    ),
    (
        "orders",
        "network",
        "from: { gateway: edge, hosts: [narrow.example], anonymous: true }, ports: [http], paths: [/network], \
         when: 'context has client && context.client.isInRange(ip(\"10.0.0.0/8\"))'",
    ),
    (
        "orders",
        "reads",
        "from: { gateway: edge, hosts: [narrow.example], anonymous: true }, ports: [http], paths: [/reads], \
         when: 'context.method == \"GET\"'",
    ),
    (
        "orders",
        "strong",
        "from: { gateway: edge, hosts: [narrow.example], token: corporate }, ports: [http], paths: [/strong], \
         when: 'context.user.amr.contains(\"mfa\")'",
    ),
    (
        "orders",
        "caller-tenant",
        "from: { service: caller }, ports: [http], paths: [/tenant], \
         when: 'context.headers has x_tenant && context.headers.x_tenant == \"acme\"'",
    ),
];

const GUARDRAILS: &str = r#"
@id("no-admin")
forbid(principal, action, resource == Service::"orders") when { context.path like "/admin*" };
"#;

fn documents(documents: &mut Documents) {
    *documents = documents.clone().without("caller");
    RULES.iter().for_each(|rule| documents.with(*rule));
    documents.with(("orders", "caller-get", "from: { service: caller }, ports: [http], paths: [/admin, /open]"));
    documents.issuers = "{ corporate: { issuer: \"https://login.example\", audiences: [\"https://api.example\"] } }";
    // So that a test can be a client of any address.
    documents.trusted = "[127.0.0.0/8]";
    documents.guardrails = GUARDRAILS;
}

/// At the gateway, with these fields.
async fn edge(world: &World, (method, host, path): (&str, &str, &str), fields: &str) -> Answer {
    let mut client = Way::EdgeHttp.connect(world).await;
    client.send(format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{fields}\r\n")).await;
    client.answer().await.expect("no answer")
}

/// At the inner hop, as the peer of this path.
async fn inside(world: &World, peer: &str, (method, path): (&str, &str), fields: &str) -> Answer {
    let tls = world.mesh_tls(&[peer]);
    let mut client = Client::mesh(world, &tls, peer, "http.orders", Alpn::Http1).await.unwrap();
    client.send(format!("{method} {path} HTTP/1.1\r\nHost: orders\r\n{fields}\r\n")).await;
    client.answer().await.expect("no answer")
}

/// The field with which the gateway vouches for a caller from outside.
fn vouch(world: &World, change: impl FnOnce(&mut Outside)) -> String {
    let mut from = outside("gateway/edge", "narrow.example");
    change(&mut from);
    let token = minted(&world.svid("gateway/edge", 3600), world, &from, ("orders", now_s()));
    format!("txn-token: {token}\r\n")
}

fn user(methods: &[&str]) -> Shown {
    let amr = methods.iter().map(|method| Arc::from(*method)).collect();
    let (issuer, subject) = (Name::parse("corporate").unwrap(), "ada".into());
    Shown::Token(Arc::new(Principal { issuer, subject, scopes: Vec::new(), groups: Vec::new(), amr }))
}

async fn denial(world: &World, answer: &Answer) -> (Record, Denial) {
    let [record] = &world.records(answer.decision(), 1).await[..] else { panic!("not one record") };
    match &record.outcome {
        Outcome::Denied(denial) => (record.clone(), denial.clone()),
        other => panic!("{other:?}"),
    }
}

/// Refused by this rule's condition, with the part that did not hold.
async fn lacks(world: &World, answer: &Answer, rule: &str, part: &str) {
    assert_eq!(answer.status, 403, "{rule}");
    let nearest = denial(world, answer).await.1.nearest.unwrap();
    assert_eq!(nearest.rule.to_string(), rule);
    match nearest.missing {
        Missing::When(text) => assert!(text.contains(part), "{text}"),
        other => panic!("{rule}: {other:?}"),
    }
}

#[tokio::test]
async fn a_condition_decides_at_the_gateway() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, documents).await;
    let at = |method, path| (method, "narrow.example", path);
    for (what, fields, rule, part) in [
        (at("GET", "/tenant"), "", "orders/tenant", "x_tenant"),
        (at("GET", "/tenant"), "X-Tenant: other\r\n", "orders/tenant", "== \"acme\""),
        (at("GET", "/tenant"), "X-Tenant: acme, acme\r\n", "orders/tenant", "== \"acme\""),
        (at("GET", "/network"), "", "orders/network", "isInRange"),
        (at("GET", "/network"), "X-Forwarded-For: 192.0.2.1\r\n", "orders/network", "isInRange"),
        (at("POST", "/reads"), "Content-Length: 0\r\n", "orders/reads", "context.method"),
    ] {
        lacks(&world, &edge(&world, what, fields).await, rule, part).await;
    }
    assert_eq!(origin.bytes(), b"");
    for (path, fields) in
        [("/tenant", "X-Tenant: acme\r\n"), ("/network", "X-Forwarded-For: 10.1.2.3\r\n"), ("/reads", "")]
    {
        let answer = edge(&world, at("GET", path), fields).await;
        assert_eq!(answer.status, 200, "{path}");
        // The inner hop decides the same by itself.
        for record in world.records(answer.decision(), 2).await {
            assert!(matches!(&record.outcome, Outcome::Allowed(rule) if rule.to_string() == format!("orders{path}")));
        }
    }
}

#[tokio::test]
async fn a_client_address_that_nobody_trusted_wrote_does_not_count() {
    let origin = Origin::always(Reply::ok("")).await;
    let change = |all: &mut Documents| {
        documents(all);
        all.trusted = "[192.0.2.0/24]";
    };
    let world = around(&origin, change).await;
    let answer = edge(&world, ("GET", "narrow.example", "/network"), "X-Forwarded-For: 10.1.2.3\r\n").await;
    lacks(&world, &answer, "orders/network", "isInRange").await;
    assert_eq!(origin.bytes(), b"");
}

#[tokio::test]
async fn a_condition_decides_at_the_inner_hop() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, documents).await;
    let gateway = "gateway/edge";
    let anyone = vouch(&world, |_| {});
    let near = vouch(&world, |from| from.client = "10.1.2.3".parse().unwrap());
    let weak = vouch(&world, |from| from.credential = user(&["pwd"]));
    let strong = vouch(&world, |from| from.credential = user(&["pwd", "mfa"]));
    let tenant = format!("{anyone}X-Tenant: acme\r\n");
    for (peer, what, fields, rule, part) in [
        (gateway, ("GET", "/tenant"), &*anyone, "orders/tenant", "x_tenant"),
        (gateway, ("GET", "/network"), &anyone, "orders/network", "isInRange"),
        // What a workload writes beside the token is not whom the gateway vouches for.
        (
            gateway,
            ("GET", "/network"),
            &format!("{anyone}X-Forwarded-For: 10.1.2.3\r\n"),
            "orders/network",
            "isInRange",
        ),
        (gateway, ("POST", "/reads"), &format!("{anyone}Content-Length: 0\r\n"), "orders/reads", "context.method"),
        (gateway, ("GET", "/strong"), &weak, "orders/strong", "amr"),
        ("caller", ("GET", "/tenant"), "X-Tenant: other\r\n", "orders/caller-tenant", "== \"acme\""),
        ("caller", ("GET", "/tenant"), "", "orders/caller-tenant", "x_tenant"),
    ] {
        lacks(&world, &inside(&world, peer, what, fields).await, rule, part).await;
    }
    assert_eq!(inside(&world, gateway, ("GET", "/strong"), &anyone).await.status, 401);
    assert_eq!(origin.bytes(), b"");
    for (peer, path, fields) in [
        (gateway, "/tenant", &*tenant),
        (gateway, "/network", &near),
        (gateway, "/reads", &anyone),
        (gateway, "/strong", &strong),
        ("caller", "/tenant", "X-Tenant: acme\r\n"),
    ] {
        assert_eq!(inside(&world, peer, ("GET", path), fields).await.status, 200, "{peer} {path}");
    }
}

#[tokio::test]
async fn how_a_user_was_authenticated_decides_at_the_gateway() {
    let mesh = Mesh::start().await;
    let weak = travel(&mesh, "/strong", Some(&bearer(&mesh, "ada", "read")), "").await;
    assert_eq!(weak.status, 403);
    assert!(mesh.heard().is_empty(), "a refused request reached a workload");
    assert_eq!(travel(&mesh, "/strong", None, "").await.status, 401);
    let strong = travel(&mesh, "/strong", Some(&bearer_after(&mesh, "ada", "read", "mfa")), "").await;
    assert_eq!(strong.status, 200);
}

#[tokio::test]
async fn a_guardrail_forbids_what_rules_allow() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, documents).await;
    let api = vouch(&world, |from| from.host = selvedge_model::Host::parse("api.example").unwrap());
    for (role, answer, rule) in [
        (Role::Gateway, edge(&world, ("GET", "api.example", "/admin/users"), "").await, "orders/public"),
        // A path is what it means, not how it is written.
        (Role::Gateway, edge(&world, ("GET", "api.example", "/x/..//%61dmin"), "").await, "orders/public"),
        (Role::MeshInbound, inside(&world, "gateway/edge", ("GET", "/admin"), &api).await, "orders/public"),
        (Role::MeshInbound, inside(&world, "caller", ("GET", "/admin"), "").await, "orders/caller-get"),
    ] {
        assert_eq!(answer.status, 403, "{role:?}");
        let body = String::from_utf8(answer.body.clone()).unwrap();
        assert!(!body.contains("admin"), "the answer says why: {body}");
        let (record, denial) = denial(&world, &answer).await;
        let forbidden = denial.forbidden.unwrap();
        assert_eq!((record.role, record.status, &*forbidden.guardrail), (role, 403, "no-admin"));
        assert_eq!((forbidden.rule.unwrap().to_string().as_str(), &*forbidden.source.file), (rule, "guardrails.cedar"));
        assert_eq!(forbidden.error, None);
    }
    assert_eq!(origin.bytes(), b"");
    assert_eq!(edge(&world, ("GET", "api.example", "/open"), "").await.status, 200);
    assert_eq!(inside(&world, "caller", ("GET", "/open"), "").await.status, 200);
}
