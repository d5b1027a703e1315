//! Two meshes: one follows the bundle of the other.

use super::fixture::*;
use selvedge_identity::TrustBundle;
use selvedge_link::NodeKind;

#[tokio::test]
async fn a_mesh_follows_the_bundle_of_another_over_its_endpoint() {
    let (theirs, ours) = (Place::new(), Place::new());
    let up = theirs.start().await;
    let port = up.control.bundle_address().unwrap().port();
    let bundle = up.control.trust();
    // The keys of tokens are missing in what the documents begin with: so a fetch is seen.
    let first = TrustBundle { sequence: 0, jwt_keys: Vec::new(), ..bundle.clone() };
    let path = ours.repository().join("mesh.yaml");
    let text =
        std::fs::read_to_string(&path).unwrap().replace("trustDomain: acme.example", "trustDomain: other.example");
    let federation = format!(
        "  federatesWith:\n    acme.example:\n      endpoint: https://127.0.0.1:{port}/\n      profile: https_spiffe\n      \
         endpointId: spiffe://acme.example/control/main\n      reach: loopback\n      bundle: '{}'\n  authority:",
        first.to_spiffe(60)
    );
    std::fs::write(&path, text.replacen("  authority:", &federation, 1)).unwrap();
    let mine = ours.start().await;
    let trust = mine.control.trust();
    let mut end = mine.node(NodeKind::Node, "n1", &["orders"]).await;
    loop {
        let sent = next_bundle(&mut end, &trust).await;
        if sent.federated == std::slice::from_ref(&bundle) {
            break;
        }
        assert_eq!(sent.federated, std::slice::from_ref(&first));
    }
    let status = mine.control.status();
    assert!(status.alarms.is_empty() && status.federation[0].fetched_s_ago.is_some(), "{status:?}");
    // It is known after a restart too, with the other mesh away.
    mine.kill().await;
    up.kill().await;
    let mine = ours.start().await;
    let mut end = mine.node(NodeKind::Node, "n2", &["orders"]).await;
    assert_eq!(next_bundle(&mut end, &trust).await.federated, [bundle]);
}
