use super::super::mesh::{call_with, client_config};
use super::super::verify::{Anchor, PeerVerifier};
use super::*;
use crate::{Alpn, Call, ClientCertificate, Handshake, MeshTls};
use rustls::HandshakeKind;
use rustls::sign::SingleCertAndKey;
use std::sync::Arc;

const NAME: &str = "http.orders.acme.example";

type Done = Result<(Stream, Handshake), TlsError>;

fn mesh(world: &World, svids: &[Svid]) -> MeshTls {
    MeshTls::new(world.authority.bundle(), svids).unwrap()
}

/// The client calls `expected` as `shop`, and the server shows whoever `orders` is in its own world.
async fn meet(server: (&World, &MeshTls), client: (&World, &MeshTls), expected: &SpiffeId, alpn: Alpn) -> (Done, Done) {
    let (at_server, at_client) = pair().await;
    let shown = server.0.id("orders");
    let pick = |name: &str| (name == NAME).then_some(shown);
    let as_id = client.0.id("shop");
    let call = Call { as_id: &as_id, server_name: NAME, expected, alpn };
    tokio::join!(server.1.accept(at_server, SOON, pick), client.1.connect(at_client, SOON, call))
}

#[tokio::test]
async fn two_workloads_prove_who_they_are() {
    let world = World::new("acme.example");
    let server = mesh(&world, &[world.svid("orders"), world.svid("payments")]);
    let client = mesh(&world, &[world.svid("shop")]);
    for alpn in [Alpn::H2, Alpn::Http1, Alpn::MeshTcp] {
        let (served, called) = meet((&world, &server), (&world, &client), &world.id("orders"), alpn).await;
        let ((one, at_server), (other, at_client)) = (served.unwrap(), called.unwrap());
        assert_eq!(at_server.peer.unwrap().id, world.id("shop"));
        assert_eq!(at_client.peer.unwrap().id, world.id("orders"));
        assert_eq!((at_server.alpn, at_client.alpn), (Some(alpn), Some(alpn)));
        assert_eq!(at_server.sni.as_deref(), Some(NAME));
        assert_eq!((&*at_server.tls.version, &*at_server.tls.group), ("1.3", "X25519MLKEM768"));
        let Stream::Tls(tls) = &other else { panic!("plain") };
        assert_eq!(tls.get_ref().1.handshake_kind(), Some(HandshakeKind::Full), "nothing is resumed");
        talk(one, other).await;
    }
}

#[tokio::test]
async fn another_peer_than_the_one_called_gets_no_byte() {
    let world = World::new("acme.example");
    let server = mesh(&world, &[world.svid("orders")]);
    let client = mesh(&world, &[world.svid("shop")]);
    let (served, called) = meet((&world, &server), (&world, &client), &world.id("payments"), Alpn::H2).await;
    let wrong = TlsError::WrongPeer { expected: world.id("payments"), got: world.id("orders") };
    assert_eq!(called.unwrap_err(), wrong);
    // The server saw an alert in place of the client's certificate: not even who called.
    assert!(is_protocol(&served.unwrap_err(), "AccessDenied"));
}

#[tokio::test]
async fn a_foreign_authority_is_refused_in_both_directions() {
    let world = World::new("acme.example");
    for domain in ["other.example", "acme.example"] {
        let foreign = World::new(domain);
        let here = mesh(&world, &[world.svid("orders"), world.svid("shop")]);
        let there = mesh(&foreign, &[foreign.svid("orders"), foreign.svid("shop")]);
        let (_, called) = meet((&foreign, &there), (&world, &here), &foreign.id("orders"), Alpn::H2).await;
        assert!(matches!(called.unwrap_err(), TlsError::Peer(_)), "{domain}: a foreign server");
        // A client that believes our authority, and has an SVID of the foreign one.
        let client = MeshTls::new(world.authority.bundle(), &[foreign.svid("shop")]).unwrap();
        let (served, _) = meet((&world, &here), (&foreign, &client), &world.id("orders"), Alpn::H2).await;
        assert!(matches!(served.unwrap_err(), TlsError::Peer(_)), "{domain}: a foreign client");
    }
}

#[tokio::test]
async fn an_expired_svid_is_refused_in_both_directions() {
    let world = World::new("acme.example");
    let past = now_s() - 2 * 3600;
    let old = mesh(&world, &[world.svid_at("orders", past), world.svid_at("shop", past)]);
    let new = mesh(&world, &[world.svid("orders"), world.svid("shop")]);
    let (_, called) = meet((&world, &old), (&world, &new), &world.id("orders"), Alpn::H2).await;
    assert!(matches!(called.unwrap_err(), TlsError::Peer(text) if text.contains("expired")));
    let (served, _) = meet((&world, &new), (&world, &old), &world.id("orders"), Alpn::H2).await;
    assert!(matches!(served.unwrap_err(), TlsError::Peer(text) if text.contains("expired")));
}

/// A client of our own making: with this certificate or none.
async fn call(world: &World, server: &MeshTls, shown: Option<Arc<SingleCertAndKey>>) -> Done {
    let (at_server, at_client) = pair().await;
    let anchor = Anchor::Bundle(Arc::new(world.authority.bundle()), Arc::default());
    let verifier = PeerVerifier::new(anchor, Some(world.id("orders")), ClientCertificate::Required);
    let config = client_config(Arc::clone(&verifier), shown, Alpn::H2).unwrap();
    let pick = |_: &str| Some(world.id("orders"));
    let (served, called) =
        tokio::join!(server.accept(at_server, SOON, pick), call_with(config, at_client, NAME, &verifier));
    drop(called);
    served
}

#[tokio::test]
async fn a_client_without_a_certificate_is_refused() {
    let world = World::new("acme.example");
    let server = mesh(&world, &[world.svid("orders")]);
    assert_eq!(call(&world, &server, None).await.unwrap_err(), TlsError::NoCertificate);
}

#[tokio::test]
async fn an_edge_certificate_is_worth_nothing_inside_the_mesh() {
    let world = World::new("acme.example");
    let server = mesh(&world, &[world.svid("orders")]);
    let edge = world.server("orders.acme.example");
    let shown = super::super::certified(&edge.chain, edge.key.pkcs8_der()).unwrap();
    let error = call(&world, &server, Some(Arc::new(SingleCertAndKey::from(shown)))).await.unwrap_err();
    assert!(matches!(error, TlsError::Peer(_)), "{error}");
}

#[tokio::test]
async fn a_stolen_certificate_without_its_key_is_refused() {
    let world = World::new("acme.example");
    let server = mesh(&world, &[world.svid("orders")]);
    let (stolen, own) = (world.svid("shop"), world.svid("evil"));
    let own = super::super::certified(&own.chain, own.key.pkcs8_der()).unwrap();
    let chain = stolen.chain.iter().map(|der| der.clone().into()).collect();
    let forged = Arc::new(rustls::sign::CertifiedKey::new(chain, Arc::clone(&own.key)));
    let error = call(&world, &server, Some(Arc::new(SingleCertAndKey::from(forged)))).await.unwrap_err();
    assert!(!matches!(error, TlsError::Closed | TlsError::Timeout), "{error}");
}

#[tokio::test]
async fn tls_1_2_no_name_and_unknown_names_are_refused() {
    let world = World::new("acme.example");
    let server = mesh(&world, &[world.svid("orders")]);
    let attempt = async |version, name: &'static str, pick: Option<SpiffeId>| {
        let (at_server, at_client) = pair().await;
        let builder = rustls::ClientConfig::builder_with_provider(super::super::provider());
        let builder = builder.with_protocol_versions(&[version]).unwrap();
        let mut config = builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let client = tokio_rustls::TlsConnector::from(Arc::new(config));
        let (served, called) =
            tokio::join!(server.accept(at_server, SOON, |_| pick), client.connect(name.try_into().unwrap(), at_client));
        drop(called);
        served.unwrap_err()
    };
    let error = attempt(&rustls::version::TLS12, NAME, Some(world.id("orders"))).await;
    assert!(is_protocol(&error, "Tls12"), "{error}");
    assert_eq!(attempt(&rustls::version::TLS13, "127.0.0.1", Some(world.id("orders"))).await, TlsError::NoServerName);
    assert_eq!(attempt(&rustls::version::TLS13, NAME, None).await, TlsError::UnknownServerName);
    assert_eq!(attempt(&rustls::version::TLS13, NAME, Some(world.id("gone"))).await, TlsError::UnknownServerName);
}

#[tokio::test]
async fn an_identity_that_is_not_here_cannot_call() {
    let world = World::new("acme.example");
    let client = mesh(&world, &[world.svid("shop")]);
    let (_server, io) = pair().await;
    let (as_id, expected) = (world.id("other"), world.id("orders"));
    let call = Call { as_id: &as_id, server_name: NAME, expected: &expected, alpn: Alpn::H2 };
    assert_eq!(client.connect(io, SOON, call).await.unwrap_err(), TlsError::NoIdentity(as_id));
    assert!(client.has(&world.id("shop")) && !client.has(&world.id("other")));
}

#[tokio::test]
async fn a_handshake_may_be_moved_between_threads() {
    let world = World::new("acme.example");
    let tls = Arc::new(mesh(&world, &[world.svid("orders"), world.svid("shop")]));
    let (at_server, at_client) = pair().await;
    let (orders, shop, shared) = (world.id("orders"), world.id("shop"), Arc::clone(&tls));
    let answering = orders.clone();
    let served = tokio::spawn(async move { shared.accept(at_server, SOON, |_| Some(answering)).await });
    let called = tokio::spawn(async move {
        let call = Call { as_id: &shop, server_name: NAME, expected: &orders, alpn: Alpn::MeshTcp };
        tls.connect(at_client, SOON, call).await
    });
    talk(served.await.unwrap().unwrap().0, called.await.unwrap().unwrap().0).await;
}

#[tokio::test]
async fn what_is_revoked_is_refused_in_both_directions_and_believed_no_more() {
    let world = World::new("acme.example");
    let (orders, shop) = (world.svid("orders"), world.svid("shop"));
    let plain = mesh(&world, &[orders.clone(), shop.clone()]);
    let (served, called) = meet((&world, &plain), (&world, &plain), &world.id("orders"), Alpn::H2).await;
    let (caller, callee) = (served.unwrap().1.peer.unwrap(), called.unwrap().1.peer.unwrap());
    let mut serial = selvedge_identity::Revoked::default();
    serial.serial(&shop.serial, u64::MAX).unwrap();
    let mut identity = selvedge_identity::Revoked::default();
    identity.identity(orders.id.as_str(), now_s() + 1).unwrap();
    let without_shop = mesh(&world, std::slice::from_ref(&orders)).revoking(Arc::new(serial));
    let without_orders = mesh(&world, &[shop]).revoking(Arc::new(identity));

    let (served, _) = meet((&world, &without_shop), (&world, &plain), &world.id("orders"), Alpn::H2).await;
    assert!(matches!(served.unwrap_err(), TlsError::Peer(text) if text.contains("revoked")));
    let (_, called) = meet((&world, &plain), (&world, &without_orders), &world.id("orders"), Alpn::H2).await;
    assert!(matches!(called.unwrap_err(), TlsError::Peer(text) if text.contains("revoked")));
    assert!(plain.believes(&caller) && plain.believes(&callee));
    assert!(!without_shop.believes(&caller) && !without_orders.believes(&callee));
    // A root that left the bundle takes with it who came by it.
    let elsewhere = mesh(&World::new("acme.example"), &[]);
    assert!(!elsewhere.believes(&caller));
}
