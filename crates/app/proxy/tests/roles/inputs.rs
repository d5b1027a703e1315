//! Rules with a description: what the caller is told, what is recorded, and how bodies come.

use crate::client::{Answer, Client};
use crate::origin::{Origin, Reply};
use crate::wait::soon;
use crate::way::around;
use crate::world::World;
use bytes::Bytes;
use selvedge_net::Alpn;

const HOST: &str = "direct.example";
const GOOD: &str = r#"{"customer":"ann","items":[{"sku":"ABC"}]}"#;

async fn start() -> (Origin, World) {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = around(&origin, |documents| documents.schema = ", schema: shop.openapi.yaml").await;
    (origin, world)
}

fn post(head: &str, length: usize, body: &str) -> String {
    format!(
        "POST /orders HTTP/1.1\r\nHost: {HOST}\r\nContent-Type: application/json\r\n{head}Content-Length: {length}\r\n\r\n{body}"
    )
}

async fn answered(world: &World, request: &str) -> Answer {
    let mut client = Client::plain(world.documents.places.edge_http).await;
    client.send(request).await;
    client.answer().await.expect("no answer")
}

#[tokio::test]
async fn the_caller_learns_the_field_and_no_value_is_said_again() {
    let (origin, world) = start().await;
    let body = r#"{"customer":"ann","items":[{"sku":"secret-value"}]}"#;
    let answer = answered(&world, &post("", body.len(), body)).await;
    assert_eq!(answer.status, 422);
    assert_eq!(answer.field("content-type"), Some("application/problem+json"));
    let told: serde_json::Value = serde_json::from_slice(&answer.body).unwrap();
    let error = serde_json::json!({ "in": "body", "pointer": "/items/0/sku", "detail": "does not match the pattern" });
    assert_eq!(told["errors"][0], error);
    assert!(!String::from_utf8_lossy(&answer.body).contains("secret-value"));
    let record = world.records(answer.decision(), 1).await.remove(0);
    let recorded = format!("{:?}", record.outcome);
    assert!(recorded.contains("InvalidInput") && recorded.contains("/items/0/sku"), "{recorded}");
    assert!(origin.requests().is_empty());
}

#[tokio::test]
async fn a_name_that_the_caller_made_up_is_told_to_it_and_not_recorded() {
    let (_origin, world) = start().await;
    let body = r#"{"customer":"ann","items":[{"sku":"ABC"}],"ann@shop.example":1}"#;
    let answer = answered(&world, &post("", body.len(), body)).await;
    assert!(String::from_utf8_lossy(&answer.body).contains("/ann@shop.example"));
    let record = world.records(answer.decision(), 1).await.remove(0);
    assert!(!format!("{record:?}").contains("ann@shop.example"));
}

#[tokio::test]
async fn a_client_that_waits_is_refused_before_it_sends_its_body() {
    let (_origin, world) = start().await;
    let waits = "Expect: 100-continue\r\n";
    let refused = answered(&world, &post(waits, 5_000_000, "")).await;
    assert_eq!((refused.status, refused.interim.as_slice()), (413, &[][..]));
    let carried = answered(&world, &post(waits, GOOD.len(), GOOD)).await;
    assert_eq!((carried.status, carried.interim.as_slice()), (200, &[100][..]));
}

#[tokio::test]
async fn a_connection_goes_on_after_a_body_that_was_refused() {
    let (origin, world) = start().await;
    let mut client = Client::plain(world.documents.places.edge_http).await;
    client.send(post("", 2, "[]")).await;
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(422));
    client.send(post("", GOOD.len(), GOOD)).await;
    assert_eq!(client.answer().await.map(|answer| answer.status), Some(200));
    assert_eq!(origin.requests().len(), 1);
}

#[tokio::test]
async fn a_body_over_http_2_is_checked_and_sent_as_it_came() {
    let (origin, world) = start().await;
    let client = Client::tls(&world, HOST, Alpn::H2).await.unwrap();
    let (sender, connection) = soon(h2::client::handshake(client.stream)).await.unwrap();
    tokio::spawn(connection);
    for (body, status) in [(GOOD, 200), ("{}", 422), ("", 400)] {
        let request = http::Request::post(format!("https://{HOST}/orders"));
        let request = request.header("content-type", "application/json").body(()).unwrap();
        let mut sender = soon(sender.clone().ready()).await.unwrap();
        let (answer, mut out) = sender.send_request(request, false).unwrap();
        out.send_data(Bytes::from_static(body.as_bytes()), true).unwrap();
        assert_eq!(soon(answer).await.unwrap().status().as_u16(), status, "{body}");
    }
    assert_eq!(origin.requests().len(), 1);
}
