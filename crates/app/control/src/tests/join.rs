//! A token works once, soon, for whom it was made, and never at a control that it does not pin.

use super::fixture::*;
use crate::client::{self, ClientError};
use crate::registry::token::{JoinRequest, TokenError};
use selvedge_link::{FromNode, NodeKind, ToNode};
use std::sync::atomic::Ordering;

#[tokio::test]
async fn a_good_token_gives_its_node_an_identity_once() {
    let place = Place::new();
    let up = place.start().await;
    let token = up.token(NodeKind::Node, "n1", &["orders"]);
    let (svid, trust) = up.join(&token).await.unwrap();
    assert_eq!(svid.id.as_str(), "spiffe://acme.example/node/n1");
    assert_eq!(trust, up.control.trust());

    let again = up.join(&token).await.unwrap_err();
    assert!(again.contains("unknown or was used"), "{again}");
}

#[tokio::test]
async fn a_token_expires() {
    let place = Place::new();
    let up = place.start().await;
    let token = up.token(NodeKind::Gateway, "public", &[]);
    place.ahead_ms.store(3_600_001, Ordering::Relaxed);
    let late = up.join(&token).await.unwrap_err();
    assert!(late.contains("expired"), "{late}");
}

#[tokio::test]
async fn a_token_that_pins_another_root_is_never_sent() {
    let place = Place::new();
    let up = place.start().await;
    let token = up.token(NodeKind::Node, "n1", &["orders"]);
    let mut wrong = token.clone();
    wrong.root = "0".repeat(64);
    assert!(up.join(&wrong).await.unwrap_err().contains("root"));
    up.join(&token).await.unwrap();
}

#[tokio::test]
async fn a_made_up_secret_joins_nobody() {
    let place = Place::new();
    let up = place.start().await;
    let mut token = up.token(NodeKind::Node, "n1", &["orders"]);
    token.secret = [9; 32].into();
    assert!(up.join(&token).await.unwrap_err().contains("unknown"));
    assert_eq!(up.control.status().nodes.len(), 0);
}

#[tokio::test]
async fn without_a_certificate_nothing_but_a_join_is_heard() {
    let place = Place::new();
    let up = place.start().await;
    let token = up.token(NodeKind::Node, "n1", &["orders"]);
    let mut end = up.stranger(&token).await.unwrap();
    hello(&end, info(NodeKind::Node, "n1", &["orders"])).await;
    assert!(matches!(end.recv().await, Some(ToNode::Refused { ticket: None, .. })));
    assert_eq!(end.recv().await, None);
    assert!(end.send(FromNode::Ping).await.is_err() || end.recv().await.is_none());
}

#[tokio::test]
async fn a_bad_request_does_not_use_the_token_up() {
    let place = Place::new();
    let up = place.start().await;
    let token = up.token(NodeKind::Node, "n1", &["orders"]);
    let mut end = up.stranger(&token).await.unwrap();
    let secret = selvedge_link::JoinSecret(token.secret.clone());
    end.send(FromNode::Join { secret, csr: vec![1, 2, 3] }).await.unwrap();
    assert!(matches!(end.recv().await, Some(ToNode::Refused { .. })));
    up.join(&token).await.unwrap();
}

#[tokio::test]
async fn what_a_token_may_not_be_made_for() {
    let place = Place::new();
    let up = place.start().await;
    let request = |kind, services: &[&str]| JoinRequest {
        kind,
        name: name("x"),
        services: services.iter().map(|service| name(service)).collect(),
        control: None,
    };
    let make = |request: &JoinRequest| up.control.join_token(request);
    assert!(matches!(make(&request(NodeKind::Gateway, &["orders"])), Err(TokenError::GatewayServices)));
    assert!(matches!(make(&request(NodeKind::Node, &[])), Err(TokenError::NoServices)));
    assert!(matches!(make(&request(NodeKind::Node, &["control"])), Err(TokenError::Reserved(_))));
    let nowhere = JoinRequest { control: Some("nowhere".to_owned()), ..request(NodeKind::Node, &["orders"]) };
    assert!(matches!(make(&nowhere), Err(TokenError::Control(_))));
}

#[tokio::test]
async fn the_hash_alone_is_kept_and_the_file_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let place = Place::new();
    let up = place.start().await;
    let token = up.token(NodeKind::Node, "n1", &["orders"]);
    let file = place.state().join("tokens").join(format!("{}.json", token.secret_hash()));
    assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).unwrap();
    assert!(!token.to_string().contains(&text) && !text.contains("secret"), "{text}");
}

#[tokio::test]
async fn a_command_gets_a_token_from_the_running_control_and_without_it() {
    let place = Place::new();
    let state = place.state();
    let request = JoinRequest { kind: NodeKind::Gateway, name: name("public"), services: vec![], control: None };
    assert!(matches!(client::join_token(&state, &request), Err(ClientError::NeverRan(_))));

    let up = place.start().await;
    let (at, asked) = (state.clone(), request.clone());
    let token = tokio::task::spawn_blocking(move || client::join_token(&at, &asked)).await.unwrap().unwrap();
    assert_eq!(token.control, up.control.link_address().unwrap().to_string());
    up.join(&token).await.unwrap();
    let at = state.clone();
    let status = tokio::task::spawn_blocking(move || client::status(&at)).await.unwrap().unwrap();
    assert_eq!(status, up.control.status());
    up.kill().await;

    assert!(matches!(client::status(&state), Err(ClientError::NotRunning(_))));
    let token = client::join_token(&state, &request).unwrap();
    let up = place.start().await;
    up.join(&token).await.unwrap();
}
