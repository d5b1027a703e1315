//! What a node may ask in a session, and who may have one.

use super::fixture::*;
use selvedge_link::{CertificateInfo, FromNode, NodeEnd, NodeKind, ToNode, Want};
use selvedge_model::{Host, SpiffeId};
use selvedge_plan::Plan;

/// The SPIFFE ID of a chain that control issued.
fn id_of(up: &Up, chain: &[Vec<u8>]) -> SpiffeId {
    let chain: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    up.control.trust().verify(&chain, selvedge_net::now_s()).unwrap().id
}

async fn refusal(mut end: NodeEnd) -> String {
    match end.recv().await {
        Some(ToNode::Refused { ticket: None, reason }) => {
            assert_eq!(end.recv().await, None);
            reason
        }
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_node_gets_trust_bundle_and_the_certificates_of_its_own() {
    let place = Place::new();
    let up = place.start().await;
    let mut end = up.node(NodeKind::Node, "n1", &["orders"]).await;
    assert!(matches!(end.recv().await, Some(ToNode::Trust(trust)) if trust == up.control.trust()));
    let trust = up.control.trust();
    // The first one, or the one with the node's own address in it.
    let mut bundle = next_bundle(&mut end, &trust).await;
    if bundle.registered.is_empty() {
        bundle = next_bundle(&mut end, &trust).await;
    }
    let checked = selvedge_config::check(&bundle.files()).unwrap();
    let plan = Plan::compile(checked, &bundle.endpoints()).unwrap().hash().to_string();

    let mine = ask(&mut end, Want::Myself).await.unwrap();
    assert_eq!(id_of(&up, &mine).as_str(), "spiffe://acme.example/node/n1");
    let service = ask(&mut end, Want::Service(name("orders"))).await.unwrap();
    assert_eq!(id_of(&up, &service).as_str(), "spiffe://acme.example/orders");

    let certificates =
        vec![CertificateInfo { id: "x".into(), serial: "1".into(), not_after: u64::MAX, root: String::new() }];
    let receipt = FromNode::Receipt {
        revision: bundle.revision,
        plan: Some(plan.clone()),
        refused: None,
        certificates,
        trust: 0,
        clock: 0,
    };
    end.send(receipt).await.unwrap();
    let status = up.until(|status| status.nodes.iter().any(|node| node.current)).await;
    assert_eq!((status.plan, status.revision, status.error), (plan, bundle.revision, None));
    let node = &status.nodes[0];
    assert!(node.connected && node.certificates[0].expires_in_s > 0 && node.last_seen.is_some());
    assert_eq!((node.endpoints.as_slice(), node.services.len()), (&["10.0.0.5:15443".to_owned()][..], 1));
    drop(end);
    up.until(|status| !status.nodes[0].connected && status.nodes[0].current).await;
}

#[tokio::test]
async fn a_service_that_is_not_its_own_is_refused() {
    let place = Place::new();
    let up = place.start().await;
    let mut end = up.node(NodeKind::Node, "n1", &["orders"]).await;
    let refused = ask(&mut end, Want::Service(name("checkout"))).await.unwrap_err();
    assert!(refused.contains("`checkout`"), "{refused}");
    let host = Host::parse("api.acme.example").unwrap();
    assert!(ask(&mut end, Want::Server(vec![host])).await.is_err());
    // A refusal of one certificate is not the end of the session.
    ask(&mut end, Want::Myself).await.unwrap();
}

#[tokio::test]
async fn a_gateway_gets_edge_certificates_for_its_own_hosts_alone() {
    let place = Place::new();
    let up = place.start().await;
    let mut end = up.node(NodeKind::Gateway, "public", &[]).await;
    let host = |text| Host::parse(text).unwrap();
    let chain = ask(&mut end, Want::Server(vec![host("api.acme.example")])).await.unwrap();
    let der: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    assert!(up.control.trust().verify(&der, selvedge_net::now_s()).is_err());
    for hosts in [vec![], vec![host("evil.example")], vec![host("api.acme.example"), host("evil.example")]] {
        assert!(ask(&mut end, Want::Server(hosts)).await.is_err());
    }
    assert!(ask(&mut end, Want::Service(name("orders"))).await.is_err());
    let mut other = up.node(NodeKind::Gateway, "other", &[]).await;
    assert!(ask(&mut other, Want::Server(vec![host("api.acme.example")])).await.is_err());
}

#[tokio::test]
async fn a_hello_must_name_the_peer_and_what_it_was_granted() {
    let place = Place::new();
    let up = place.start().await;
    let (svid, trust) = up.join(&up.token(NodeKind::Node, "n1", &["orders"])).await.unwrap();
    for (kind, node, services) in
        [(NodeKind::Node, "n2", &["orders"][..]), (NodeKind::Gateway, "n1", &[]), (NodeKind::Node, "n1", &["checkout"])]
    {
        let end = up.link(&svid, &trust).await;
        hello(&end, info(kind, node, services)).await;
        refusal(end).await;
    }
    let end = up.link(&svid, &trust).await;
    end.send(FromNode::Ping).await.unwrap();
    assert!(refusal(end).await.contains("Hello"));
    assert!(!up.control.status().nodes[0].connected);
}

#[tokio::test]
async fn a_service_has_no_session() {
    let place = Place::new();
    let up = place.start().await;
    let (kind, services) = (NodeKind::Node, &["orders"][..]);
    let mut node = up.node(kind, "n1", services).await;
    let key = selvedge_identity::PrivateKey::generate().unwrap();
    let csr = selvedge_identity::request(&key).unwrap();
    node.send(FromNode::Issue { ticket: 1, want: Want::Service(name("orders")), csr }).await.unwrap();
    let chain = loop {
        match node.recv().await {
            Some(ToNode::Issued { chain, .. }) => break chain,
            Some(_) => {}
            None => panic!("closed"),
        }
    };
    let svid = selvedge_identity::Svid::new(chain, key).unwrap();
    let end = up.link(&svid, &up.control.trust()).await;
    assert!(refusal(end).await.contains("neither a gateway nor a node"));
}

#[tokio::test]
async fn a_newer_connection_of_a_node_takes_over() {
    let place = Place::new();
    let up = place.start().await;
    let (svid, trust) = up.join(&up.token(NodeKind::Node, "n1", &["orders"])).await.unwrap();
    let mut older = up.link(&svid, &trust).await;
    hello(&older, info(NodeKind::Node, "n1", &["orders"])).await;
    next_bundle(&mut older, &trust).await;
    let mut newer = up.link(&svid, &trust).await;
    hello(&newer, info(NodeKind::Node, "n1", &["orders"])).await;
    next_bundle(&mut newer, &trust).await;
    while older.recv().await.is_some() {}
    assert!(up.control.status().nodes[0].connected);
    ask(&mut newer, Want::Myself).await.unwrap();
}

#[tokio::test]
async fn a_local_link_needs_no_token_and_has_the_same_limits() {
    let place = Place::new();
    let up = place.start().await;
    let mut end = up.control.local_link(NodeKind::Node, &name("local"), &[name("orders")]).unwrap();
    hello(&end, info(NodeKind::Node, "local", &["orders"])).await;
    next_bundle(&mut end, &up.control.trust()).await;
    ask(&mut end, Want::Service(name("orders"))).await.unwrap();
    assert!(ask(&mut end, Want::Service(name("checkout"))).await.is_err());
    assert!(up.control.local_link(NodeKind::Gateway, &name("public"), &[name("orders")]).is_err());
}

#[tokio::test]
async fn a_stranger_with_a_certificate_of_another_authority_has_no_link() {
    let (place, elsewhere) = (Place::new(), Place::new());
    let (up, other) = (place.start().await, elsewhere.start().await);
    let (svid, _) = other.join(&other.token(NodeKind::Node, "n1", &["orders"])).await.unwrap();
    up.join(&up.token(NodeKind::Node, "n1", &["orders"])).await.unwrap();
    let tls = selvedge_net::MeshTls::new(up.control.trust(), std::slice::from_ref(&svid)).unwrap();
    let control = crate::identity::own_id(&up.control.trust().trust_domain).unwrap();
    let connected = tls.connect_link(up.dial().await, PATIENCE, &svid.id, "control", &control).await;
    // TLS 1.3 tells a client of its refusal with the first bytes that it reads.
    if let Ok((stream, _)) = connected {
        let mut end = NodeEnd::remote(stream);
        let _ = end.send(FromNode::Ping).await;
        assert_eq!(end.recv().await, None);
    }
    assert!(!up.control.status().nodes[0].connected);
}
