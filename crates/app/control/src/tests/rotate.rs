//! Rotation and revocation over a real link, with a node that answers.

use super::fixture::*;
use crate::client;
use crate::revoke::RevokeRequest;
use selvedge_identity::{PrivateKey, Svid, TrustBundle, request};
use selvedge_link::{CertificateInfo, FromNode, NodeEnd, NodeKind, SignedBundle, ToNode, Want};

/// A node that does what control says.
struct Obedient {
    end: NodeEnd,
    trust: TrustBundle,
    svid: Svid,
    revision: u64,
    key: PrivateKey,
}

impl Obedient {
    async fn receipt(&self) {
        let root = self.trust.root_of(&self.svid.chain).unwrap_or_default();
        let (id, serial, not_after) = (self.svid.id.to_string(), self.svid.serial.clone(), self.svid.not_after);
        let certificates = vec![CertificateInfo { id, serial, not_after, root }];
        let (trust, clock) = (self.trust.sequence, selvedge_net::now_s());
        let receipt =
            FromNode::Receipt { revision: self.revision, plan: None, refused: None, certificates, trust, clock };
        self.end.send(receipt).await.unwrap();
    }

    /// Answers until the bundle has this many roots and none of them is `gone`.
    async fn until(&mut self, roots: usize, gone: &str) {
        let answering = async {
            loop {
                let fingerprints = self.trust.fingerprints();
                if fingerprints.len() == roots && !fingerprints.iter().any(|root| root == gone) {
                    return;
                }
                match self.end.recv().await {
                    Some(ToNode::Trust(trust)) => self.trust = trust,
                    Some(ToNode::Bundle(signed)) => self.revision = opened(&signed, &self.trust),
                    Some(ToNode::Renew { root }) if self.trust.root_of(&self.svid.chain).as_ref() != Some(&root) => {
                        let csr = request(&self.key).unwrap();
                        self.end.send(FromNode::Issue { ticket: 9, want: Want::Myself, csr }).await.unwrap();
                    }
                    Some(ToNode::Issued { chain, .. }) => self.svid = Svid::new(chain, self.key.clone()).unwrap(),
                    Some(_) => {}
                    None => panic!("the link closed: {:?}", self.end.reason()),
                }
                self.receipt().await;
            }
        };
        tokio::time::timeout(PATIENCE, answering).await.unwrap();
    }
}

fn opened(signed: &SignedBundle, trust: &TrustBundle) -> u64 {
    signed.open(trust, selvedge_net::now_s()).unwrap().revision
}

async fn obedient(up: &Up, node: &str) -> Obedient {
    let (svid, trust) = up.join(&up.token(NodeKind::Node, node, &["orders"])).await.unwrap();
    let end = up.link(&svid, &trust).await;
    hello(&end, info(NodeKind::Node, node, &["orders"])).await;
    Obedient { end, trust, svid, revision: 0, key: PrivateKey::generate().unwrap() }
}

async fn blocking<T: Send + 'static>(ask: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(ask).await.unwrap()
}

#[tokio::test]
async fn a_tainted_root_is_replaced_while_the_node_stays_connected() {
    let place = Place::new();
    let up = place.start().await;
    let mut node = obedient(&up, "n1").await;
    let old = node.trust.fingerprints().remove(0);
    let (state, root) = (place.state(), old.clone());
    assert!(client_taint(&state, "0000").await.is_err());
    client_taint(&state, &root).await.unwrap();
    node.until(1, &old).await;
    assert_ne!(node.trust.fingerprints(), [old]);
    let chain: Vec<&[u8]> = node.svid.chain.iter().map(Vec::as_slice).collect();
    assert!(node.trust.verify(&chain, selvedge_net::now_s()).is_ok(), "it was issued anew");
    // Control itself has moved, and tokens pin the new root.
    obedient(&up, "n2").await;
}

async fn client_taint(state: &std::path::Path, root: &str) -> Result<String, client::ClientError> {
    let (state, root) = (state.to_owned(), root.to_owned());
    blocking(move || client::taint(&state, &root)).await
}

#[tokio::test]
async fn a_new_root_does_not_sign_before_every_node_has_it() {
    let place = Place::new();
    let up = place.start().await;
    let node = obedient(&up, "n1").await;
    let state = place.state();
    blocking({
        let state = state.clone();
        move || client::rotate(&state)
    })
    .await
    .unwrap();
    let overview = loop {
        let state = state.clone();
        let overview = blocking(move || client::identity(&state)).await.unwrap();
        if overview.rotation.prepared_root().is_some() {
            break overview;
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(overview.rotation.roots.len(), 2);
    assert_eq!(overview.rotation.active_root().unwrap().id, node.trust.fingerprints()[0]);
    assert!(overview.waits_for.iter().any(|line| line.contains("`n1`")), "{:?}", overview.waits_for);
    let token = up.token(NodeKind::Node, "n2", &["orders"]);
    assert_eq!(token.roots().len(), 2, "a token works before and after");
}

#[tokio::test]
async fn a_revoked_node_has_no_session_and_gets_nothing_more() {
    let place = Place::new();
    let up = place.start().await;
    let mut node = obedient(&up, "n1").await;
    let mut other = obedient(&up, "n2").await;
    next_bundle(&mut other.end, &other.trust).await;
    let ask = RevokeRequest::Node(NodeKind::Node, name("n1"));
    let (state, asked) = (place.state(), ask.clone());
    blocking(move || client::revoke(&state, &asked)).await.unwrap();
    while node.end.recv().await.is_some() {}
    assert!(!up.control.status().nodes.iter().any(|node| node.name == name("n1")));
    let bundle = loop {
        let bundle = next_bundle(&mut other.end, &other.trust).await;
        if !bundle.revoked.is_empty() {
            break bundle;
        }
    };
    let svid = &node.svid;
    assert!(bundle.revoked.has_leaf(svid.id.as_str(), &svid.serial, svid.not_before));
    let (state, asked) = (place.state(), ask);
    assert!(blocking(move || client::revoke(&state, &asked)).await.is_err(), "there is none of that name any more");
    // Joined again by a new token, the certificate that was revoked stays worthless.
    let again = obedient(&up, "n1").await;
    assert!(!bundle.revoked.has_leaf(svid.id.as_str(), &again.svid.serial, again.svid.not_before + 1));
}

#[tokio::test]
async fn a_revoked_service_and_a_revoked_serial_are_told_to_every_node_and_survive_a_restart() {
    let place = Place::new();
    let up = place.start().await;
    for ask in [RevokeRequest::Serial("0A:0b".to_owned()), RevokeRequest::Service(name("orders"))] {
        let state = place.state();
        blocking(move || client::revoke(&state, &ask)).await.unwrap();
    }
    let state = place.state();
    let refused = blocking(move || client::revoke(&state, &RevokeRequest::Serial("no hex".to_owned()))).await;
    assert!(refused.is_err());
    up.kill().await;
    let up = place.start().await;
    let mut node = obedient(&up, "n1").await;
    let bundle = next_bundle(&mut node.end, &node.trust).await;
    assert!(bundle.revoked.has_leaf("x", "a0b", 0) || bundle.revoked.has_leaf("x", "0a0b", 0));
    assert!(bundle.revoked.has_leaf("spiffe://acme.example/orders", "1", 0));
}

#[tokio::test]
async fn an_operators_own_key_is_certified_for_a_service_of_the_documents_alone() {
    let place = Place::new();
    let up = place.start().await;
    let csr = request(&PrivateKey::generate().unwrap()).unwrap();
    let issue = |csr: Vec<u8>, service: &str| {
        let (state, service) = (place.state(), name(service));
        blocking(move || client::issue(&state, csr, &service))
    };
    let chain = issue(csr.clone(), "orders").await.unwrap();
    let der: Vec<&[u8]> = chain.iter().map(Vec::as_slice).collect();
    let peer = up.control.trust().verify(&der, selvedge_net::now_s()).unwrap();
    assert_eq!(peer.id.as_str(), "spiffe://acme.example/orders");
    assert!(issue(csr, "nobody").await.is_err());
    assert!(issue(vec![1], "orders").await.is_err());
}

#[tokio::test]
async fn a_node_gets_tokens_for_its_own_services_alone() {
    let place = Place::new();
    let up = place.start().await;
    let mut node = obedient(&up, "n1").await;
    for (service, expected) in [("orders", true), ("checkout", false)] {
        let (service, audiences) = (name(service), vec!["ledger".to_owned()]);
        node.end.send(FromNode::IssueJwt { ticket: 5, service, audiences }).await.unwrap();
        let issued = loop {
            match node.end.recv().await {
                Some(ToNode::Jwt { ticket: 5, token }) => break Some(token),
                Some(ToNode::Refused { ticket: Some(5), .. }) => break None,
                Some(_) => {}
                None => panic!("closed"),
            }
        };
        assert_eq!(issued.is_some(), expected);
        if let Some(token) = issued {
            let now = selvedge_net::now_s();
            assert!(selvedge_identity::JwtSvid::verify(&token, &up.control.trust().jwt(60), "ledger", now).is_ok());
        }
    }
}
