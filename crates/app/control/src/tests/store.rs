//! What survives a restart, and who may hold the state directory.

use super::fixture::*;
use crate::live::FailedJoins;
use crate::options::ControlError;
use crate::revision::next_revision;
use crate::socket::may_ask;
use crate::state::StateError;
use selvedge_link::NodeKind;
use std::os::unix::fs::PermissionsExt;

#[tokio::test]
async fn the_registry_and_the_revision_survive_a_restart() {
    let place = Place::new();
    let up = place.start().await;
    let trust = up.control.trust();
    let (svid, _) = up.join(&up.token(NodeKind::Node, "n1", &["orders"])).await.unwrap();
    let end = up.link(&svid, &trust).await;
    hello(&end, info(NodeKind::Node, "n1", &["orders"])).await;
    let before = up.until(|status| status.nodes.iter().any(|node| !node.endpoints.is_empty())).await;
    let local = up.control.local_link(NodeKind::Node, &name("local"), &[name("checkout")]).unwrap();
    drop((end, local));
    up.kill().await;

    let up = place.start().await;
    let after = up.control.status();
    assert!(after.revision > before.revision);
    let nodes: Vec<&str> = after.nodes.iter().map(|node| node.name.as_str()).collect();
    assert_eq!(nodes, ["n1"]);
    assert!(!after.nodes[0].connected);
    // The node comes back with the certificate that it has, and its address was never taken out.
    let mut end = up.link(&svid, &trust).await;
    hello(&end, info(NodeKind::Node, "n1", &["orders"])).await;
    let bundle = next_bundle(&mut end, &trust).await;
    assert_eq!(bundle.registered.len(), 1);
}

#[test]
fn a_revision_grows_with_the_clock_and_without_it() {
    assert_eq!(next_revision(5, 100), 100);
    assert_eq!(next_revision(100, 100), 101);
    assert_eq!(next_revision(100, 3), 101);
}

#[tokio::test]
async fn one_control_at_a_time_holds_the_state_directory() {
    let place = Place::new();
    let _up = place.start().await;
    assert!(matches!(place.try_start().await.err(), Some(ControlError::State(StateError::InUse(_)))));
}

#[tokio::test]
async fn a_state_directory_that_others_can_read_is_refused() {
    let place = Place::new();
    std::fs::set_permissions(place.state(), std::fs::Permissions::from_mode(0o755)).unwrap();
    assert!(matches!(place.try_start().await.err(), Some(ControlError::State(StateError::Loose { .. }))));
}

#[test]
fn control_sock_is_for_our_own_user_and_root() {
    assert!(may_ask(1000, 1000) && may_ask(0, 1000));
    assert!(!may_ask(1001, 1000) && !may_ask(1000, 0));
}

#[test]
fn failed_joins_are_counted_by_the_second() {
    let mut failed = FailedJoins::default();
    for _ in 0..10 {
        assert!(failed.may_try(7));
        failed.note(7);
    }
    assert!(!failed.may_try(7));
    assert!(failed.may_try(8));
}

#[tokio::test]
async fn the_admin_pages_show_status_and_metrics() {
    let place = Place::new();
    let up = place.start().await;
    let admin = up.control.admin_address().unwrap();
    let page = |path: &'static str| async move {
        let (status, body) = fetch(admin, path).await;
        assert_eq!(status, "200", "{path}: {body}");
        body
    };
    assert_eq!(page("/healthz").await, "ok\n");
    assert!(page("/metrics").await.contains("selvedge_control_nodes_connected 0"));
    let status: crate::Status = serde_json::from_str(&page("/status").await).unwrap();
    assert_eq!(status, up.control.status());
}

/// The status code and body of a page.
async fn fetch(address: std::net::SocketAddr, path: &str) -> (String, String) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut stream = tokio::net::TcpStream::connect(address).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head[9..12].to_owned(), body.to_owned())
}
