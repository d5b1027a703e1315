//! Callers of a federated trust domain: let in by a rule that names them, proven by that domain's own roots, and believed
//! nothing that they say of others.

use crate::client::{Answer, Client};
use crate::documents::Documents;
use crate::origin::{Origin, Reply};
use crate::way::around;
use crate::world::{World, issue, outside, token};
use selvedge_identity::Authority;
use selvedge_model::{Role, SpiffeId, TrustDomain};
use selvedge_net::{Alpn, MeshTls, TlsError, now_s};
use std::sync::atomic::Ordering;

fn federated(documents: &mut Documents) {
    documents.issuers =
        "{}, federatesWith: { partner.example: { endpoint: \"https://partner.example\", profile: https_web } }";
    documents.with((
        "orders",
        "partners",
        "from: { trustDomain: partner.example, service: shop/billing }, ports: [http], paths: [/open]",
    ));
}

async fn world(origin: &Origin) -> World {
    around(origin, federated).await
}

fn id(text: &str) -> SpiffeId {
    SpiffeId::parse(text).unwrap()
}

/// A connection of whoever has this identity from this authority.
async fn client(world: &World, authority: &Authority, as_id: &str) -> Result<Client, TlsError> {
    let as_id = id(as_id);
    let tls = MeshTls::new(world.authority.bundle(), &[issue(authority, &as_id, 3600)]).unwrap();
    Client::mesh_as(world, &tls, &as_id, "http.orders", Alpn::Http1).await
}

async fn asked(client: &mut Client, path: &str, fields: &str) -> Option<Answer> {
    client.send(format!("GET {path} HTTP/1.1\r\nHost: orders\r\n{fields}\r\n")).await;
    client.answer().await
}

async fn status(world: &World, as_id: &str, path: &str) -> u16 {
    let mut client = client(world, &world.partner, as_id).await.unwrap();
    asked(&mut client, path, "").await.expect("no answer").status
}

#[tokio::test]
async fn a_workload_that_a_rule_names_is_let_in_and_no_other() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = world(&origin).await;
    let mut named = client(&world, &world.partner, "spiffe://partner.example/shop/billing").await.unwrap();
    let answer = asked(&mut named, "/open", "").await.unwrap();
    assert_eq!(answer.status, 200);
    let [record] = &world.records(answer.decision(), 1).await[..] else { panic!("not one record") };
    assert_eq!((record.role, &record.peer), (Role::MeshInbound, &Some(id("spiffe://partner.example/shop/billing"))));
    assert_eq!(asked(&mut named, "/else", "").await.unwrap().status, 403);
    let before = origin.requests().len();
    // A namesake of a service of ours is not that service, nor is a part of a name the name.
    for other in ["caller", "orders", "billing", "shop", "shop/billing2", "shop/billing/x"] {
        assert_eq!(status(&world, &format!("spiffe://partner.example/{other}"), "/open").await, 403, "{other}");
    }
    assert_eq!(origin.requests().len(), before);
}

#[tokio::test]
async fn nothing_that_it_says_of_others_is_believed() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = world(&origin).await;
    let value = token(&world, "gateway/edge", &outside("edge", "api.example"), "orders");
    let claims = format!(
        "Txn-Token: {value}\r\nSelvedge-Decision: 01890a5d-ac96-774b-bcce-b302099a8057\r\nX-Forwarded-For: 198.51.100.1\r\n\
         Forwarded: for=198.51.100.1\r\n"
    );
    let mut named = client(&world, &world.partner, "spiffe://partner.example/shop/billing").await.unwrap();
    let answer = asked(&mut named, "/open", &claims).await.unwrap();
    assert_eq!(answer.status, 200);
    assert_ne!(answer.decision(), "01890a5d-ac96-774b-bcce-b302099a8057");
    let sent = format!("{:?}", origin.requests().pop().unwrap()).to_ascii_lowercase();
    assert!(!sent.contains("txn-token") && !sent.contains("198.51.100.1"), "{sent}");
    // What it calls a gateway is none of ours, with or without a token that our gateway signed.
    let mut gateway = client(&world, &world.partner, "spiffe://partner.example/gateway/edge").await.unwrap();
    for fields in ["", &claims] {
        assert_eq!(asked(&mut gateway, "/open", fields).await.unwrap().status, 403);
    }
    for other in ["node/n1", "control/main", "gateway/edge/x"] {
        assert_eq!(status(&world, &format!("spiffe://partner.example/{other}"), "/open").await, 403, "{other}");
    }
}

#[tokio::test]
async fn each_trust_domain_is_proven_by_its_own_roots_alone() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = world(&origin).await;
    let twin = |domain: &str| Authority::create(&TrustDomain::parse(domain).unwrap(), now_s()).unwrap();
    let (ours, theirs, stranger) = (twin("acme.example"), twin("partner.example"), twin("stranger.example"));
    for (authority, as_id) in [
        (&ours, "spiffe://acme.example/caller"),
        (&ours, "spiffe://acme.example/gateway/edge"),
        (&theirs, "spiffe://partner.example/shop/billing"),
        (&stranger, "spiffe://stranger.example/shop/billing"),
    ] {
        // In TLS 1.3 a client learns only afterwards that it was refused.
        let refused = match client(&world, authority, as_id).await {
            Err(_) => true,
            Ok(mut client) => asked(&mut client, "/open", "").await.is_none(),
        };
        assert!(refused, "{as_id} was let in");
    }
    assert!(origin.requests().is_empty());
}

#[tokio::test]
async fn what_is_observed_is_open_to_this_mesh_alone() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = around(&origin, |documents| {
        federated(documents);
        documents.mode = "observe";
    })
    .await;
    assert_eq!(status(&world, "spiffe://partner.example/shop/billing", "/else").await, 403);
    assert_eq!(status(&world, "spiffe://partner.example/caller", "/open").await, 403);
}

#[tokio::test]
async fn with_its_roots_a_trust_domain_leaves_open_connections() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = world(&origin).await;
    let mut named = client(&world, &world.partner, "spiffe://partner.example/shop/billing").await.unwrap();
    assert_eq!(asked(&mut named, "/open", "").await.unwrap().status, 200);
    world.federates.store(false, Ordering::Relaxed);
    world.renew(&world.far).await;
    assert!(asked(&mut named, "/open", "").await.is_none_or(|answer| answer.status == 403));
    assert!(
        client(&world, &world.partner, "spiffe://partner.example/shop/billing").await.map(drop).is_err() || {
            let mut again = client(&world, &world.partner, "spiffe://partner.example/shop/billing").await.unwrap();
            asked(&mut again, "/open", "").await.is_none()
        }
    );
    assert_eq!(origin.requests().len(), 1);
}
