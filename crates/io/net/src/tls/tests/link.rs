use super::*;
use crate::{Alpn, Call, ClientCertificate, Handshake, JoinTls, MeshTls};
use selvedge_identity::fingerprint;

const NAME: &str = "control.acme.example";

type Done = Result<(Stream, Handshake), TlsError>;

struct Link {
    world: World,
    tls: MeshTls,
    control: SpiffeId,
}

impl Link {
    fn new() -> Link {
        let world = World::new("acme.example");
        let svids = [world.svid("control/main"), world.svid("node/n1")];
        let tls = MeshTls::new(world.authority.bundle(), &svids).unwrap();
        Link { tls, control: world.id("control/main"), world }
    }

    fn root(&self) -> Vec<u8> {
        self.world.roots().remove(0)
    }

    /// A node joins, believing in this root and this control.
    async fn join(&self, sent: Option<&[u8]>, pin: &str, expected: &SpiffeId) -> (Done, Result<Vec<u8>, TlsError>) {
        let (server, client) = pair().await;
        let (optional, pins) = (ClientCertificate::Optional, [pin.to_owned()]);
        let (served, joined) = tokio::join!(
            self.tls.accept_link(server, SOON, &self.control, optional, sent),
            JoinTls::connect(client, SOON, NAME, &self.world.domain, &pins, expected),
        );
        (served, joined.map(|(_, root)| root))
    }
}

#[tokio::test]
async fn a_first_join_pins_the_root_of_its_token() {
    let link = Link::new();
    let root = link.root();
    for pin in [fingerprint(&root), fingerprint(&root).to_ascii_uppercase()] {
        let (served, joined) = link.join(Some(&root), &pin, &link.control).await;
        let (_, handshake) = served.unwrap();
        assert_eq!(joined.unwrap(), root);
        assert_eq!((handshake.peer, handshake.alpn), (None, Some(Alpn::Link)));
    }
}

#[tokio::test]
async fn a_join_to_anything_else_is_refused() {
    let link = Link::new();
    let (root, pin) = (link.root(), fingerprint(&link.root()));
    let other = World::new("acme.example").roots().remove(0);
    let refused = async |sent, pin: &str, expected: &SpiffeId| link.join(sent, pin, expected).await.1.unwrap_err();
    assert_eq!(refused(Some(&root), &fingerprint(&other), &link.control).await, TlsError::WrongRoot);
    assert_eq!(refused(None, &pin, &link.control).await, TlsError::WrongRoot, "the root was not sent");
    assert_eq!(refused(Some(&root), "", &link.control).await, TlsError::WrongRoot);
    // Somebody sends a root that is pinned, and is not under it.
    let error = refused(Some(&other), &fingerprint(&other), &link.control).await;
    assert!(matches!(error, TlsError::Peer(_)), "{error}");
    let node = link.world.id("node/n1");
    let error = refused(Some(&root), &pin, &node).await;
    assert_eq!(error, TlsError::WrongPeer { expected: node, got: link.control.clone() });
}

#[tokio::test]
async fn a_node_with_its_svid_is_known_on_the_link() {
    let link = Link::new();
    let (node, root) = (link.world.id("node/n1"), link.root());
    for (client, root) in [(ClientCertificate::Required, None), (ClientCertificate::Optional, Some(&*root))] {
        let (at_server, at_client) = pair().await;
        let (served, called) = tokio::join!(
            link.tls.accept_link(at_server, SOON, &link.control, client, root),
            link.tls.connect_link(at_client, SOON, &node, NAME, &link.control),
        );
        let ((one, at_server), (other, at_client)) = (served.unwrap(), called.unwrap());
        assert_eq!(at_server.peer.unwrap().id, node);
        assert_eq!(at_client.peer.unwrap().id, link.control);
        talk(one, other).await;
    }
}

#[tokio::test]
async fn a_link_that_requires_a_certificate_takes_no_joiner() {
    let link = Link::new();
    let (at_server, at_client) = pair().await;
    let (root, required) = (link.root(), ClientCertificate::Required);
    let pin = fingerprint(&root);
    let (served, _) = tokio::join!(
        link.tls.accept_link(at_server, SOON, &link.control, required, Some(&root)),
        JoinTls::connect(at_client, SOON, NAME, &link.world.domain, std::slice::from_ref(&pin), &link.control),
    );
    assert_eq!(served.unwrap_err(), TlsError::NoCertificate);
}

#[tokio::test]
async fn the_link_and_the_mesh_share_no_protocol() {
    let link = Link::new();
    let node = link.world.id("node/n1");
    for alpn in [Alpn::H2, Alpn::Http1, Alpn::MeshTcp] {
        let (at_server, at_client) = pair().await;
        let call = Call { as_id: &node, server_name: NAME, expected: &link.control, alpn };
        let (served, called) = tokio::join!(
            link.tls.accept_link(at_server, SOON, &link.control, ClientCertificate::Required, None),
            link.tls.connect(at_client, SOON, call),
        );
        assert_eq!((served.unwrap_err(), called.unwrap_err()), (TlsError::Alpn, TlsError::Alpn));
    }
    let (at_server, at_client) = pair().await;
    let pick = |_: &str| Some(link.control.clone());
    let (served, called) = tokio::join!(
        link.tls.accept(at_server, SOON, pick),
        link.tls.connect_link(at_client, SOON, &node, NAME, &link.control),
    );
    assert_eq!((served.unwrap_err(), called.unwrap_err()), (TlsError::Alpn, TlsError::Alpn));
}
