//! A good change reaches every node at once; a bad one is reported, and the last good one stays.

use super::fixture::*;
use crate::options::ControlError;
use selvedge_link::NodeKind;

#[tokio::test]
async fn a_bad_change_is_reported_and_the_last_good_stays() {
    let place = Place::new();
    let up = place.start().await;
    let before = up.control.status();
    place.edit("service: orders", "service: order");
    let status = up.until(|status| status.error.is_some()).await;
    assert!(status.error.unwrap().contains("did you mean `orders`?"));
    assert_eq!((status.plan, status.revision), (before.plan.clone(), before.revision));

    place.edit("service: order\n", "service: orders\n");
    let status = up.until(|status| status.error.is_none()).await;
    assert_eq!((status.plan, status.revision), (before.plan, before.revision));
}

#[tokio::test]
async fn a_good_change_is_distributed_with_a_higher_revision() {
    let place = Place::new();
    let up = place.start().await;
    let trust = up.control.trust();
    let mut end = up.node(NodeKind::Gateway, "public", &[]).await;
    let first = next_bundle(&mut end, &trust).await;
    place.edit("methods: [POST]", "methods: [PUT]");
    let second = next_bundle(&mut end, &trust).await;
    assert!(second.revision > first.revision);
    assert!(second.documents.iter().any(|(_, text)| text.contains("PUT")));
}

#[tokio::test]
async fn another_trust_domain_is_a_bad_change() {
    let place = Place::new();
    let up = place.start().await;
    let path = place.repository().join("mesh.yaml");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("trustDomain: acme.example", "trustDomain: other.example")).unwrap();
    let status = up.until(|status| status.error.is_some()).await;
    assert!(status.error.unwrap().contains("`other.example`"));
    assert_eq!(status.trust_domain.as_str(), "acme.example");
}

#[tokio::test]
async fn bad_documents_at_the_first_start_are_refused() {
    let place = Place::new();
    place.edit("service: orders", "service: order");
    let refused = place.try_start().await.err();
    assert!(matches!(&refused, Some(ControlError::Documents { errors, .. }) if errors.contains("`orders`")));
}

#[tokio::test]
async fn bad_documents_at_a_later_start_leave_the_last_good_in_force() {
    let place = Place::new();
    let up = place.start().await;
    let before = up.control.status();
    up.kill().await;
    place.edit("service: orders", "service: order");
    let up = place.start().await;
    let status = up.control.status();
    assert_eq!(status.plan, before.plan);
    assert!(status.revision > before.revision && status.error.is_some());

    place.edit("service: order\n", "service: orders\n");
    up.until(|status| status.error.is_none()).await;
}

#[tokio::test]
async fn a_last_good_bundle_that_was_changed_on_disk_is_not_served() {
    let place = Place::new();
    place.start().await.kill().await;
    let path = place.state().join("bundle.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("customers-read", "customers-free")).unwrap();
    place.edit("service: orders", "service: order");
    for _ in 0..1_000 {
        match place.try_start().await.err() {
            Some(ControlError::State(_)) => tokio::time::sleep(std::time::Duration::from_millis(5)).await,
            refused => {
                assert!(matches!(refused, Some(ControlError::Documents { .. })));
                return;
            }
        }
    }
    panic!("the former control still holds the state directory");
}
