//! WebSockets: only where the document says so, only after the upstream's 101, decided like any request.

use crate::client::Client;
use crate::origin::{Origin, Reply};
use crate::way::{Way, around};

const SWITCHED: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                        Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\nhello from the server";

fn request(host: &str) -> String {
    format!(
        "GET /chat HTTP/1.1\r\nHost: {host}\r\nConnection: keep-alive, Upgrade\r\nUpgrade: WebSocket\r\n\
         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
}

async fn head(client: &mut Client) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.extend(client.bytes(1).await);
    }
    String::from_utf8(head).unwrap().to_ascii_lowercase()
}

#[tokio::test]
async fn a_websocket_opens_after_101_over_one_hop_and_over_two_and_bytes_go_both_ways() {
    let origin = Origin::always(Reply::raw(SWITCHED).stop()).await;
    let world = around(&origin, |documents| documents.traffic = "{ websocket: true }").await;
    for (way, host) in [
        (Way::EdgeHttp, "direct.example"),
        (Way::EdgeHttps, "direct.example"),
        (Way::EdgeHttp, "api.example"),
        (Way::Inbound, "orders"),
        (Way::Outbound, "orders"),
    ] {
        let mut client = way.connect(&world).await;
        client.send(request(host)).await;
        let head = head(&mut client).await;
        assert!(head.starts_with("http/1.1 101 "), "{way:?} {host}: {head}");
        assert!(head.contains("upgrade: websocket") && head.contains("sec-websocket-accept: s3pp"), "{head}");
        assert!(head.contains("selvedge-decision: "), "{head}");
        assert_eq!(client.bytes(21).await, b"hello from the server", "{way:?} {host}");
        client.send(format!("words of {way:?} to {host}")).await;
        let words = format!("words of {way:?} to {host}");
        crate::wait::until(|| {
            let bytes = origin.bytes();
            bytes.windows(words.len()).any(|window| window == words.as_bytes()).then_some(())
        })
        .await;
    }
    let heard = String::from_utf8_lossy(&origin.bytes()).to_ascii_lowercase();
    assert_eq!(heard.matches("connection: upgrade\r\nupgrade: websocket\r\n").count(), 5);
}

#[tokio::test]
async fn without_the_setting_or_in_another_form_nothing_is_asked_of_the_workload_but_an_answer() {
    let origin = Origin::always(Reply::ok("good")).await;
    for traffic in ["{}", "{ websocket: true }"] {
        let world = around(&origin, |documents| documents.traffic = traffic).await;
        for (right, wrong) in [
            ("", ""),
            ("Upgrade: WebSocket", "Upgrade: h2c"),
            ("Upgrade: WebSocket", "Upgrade: websocket, h2c"),
            ("keep-alive, Upgrade", "keep-alive"),
            ("Version: 13", "Version: 8"),
            ("dGhlIHNhbXBsZSBub25jZQ==", "short"),
            ("GET /chat", "POST /chat"),
        ] {
            if traffic != "{}" && right.is_empty() {
                continue;
            }
            let mut client = Way::EdgeHttp.connect(&world).await;
            client.send(request("direct.example").replace(right, wrong)).await;
            let answer = client.answer().await.unwrap();
            assert_eq!(answer.essence(), (200, "good", true), "{traffic} {wrong}");
        }
    }
    assert!(!String::from_utf8_lossy(&origin.bytes()).to_ascii_lowercase().contains("\r\nupgrade:"));
}

#[tokio::test]
async fn what_the_workload_answers_in_place_of_101_opens_nothing() {
    for (reply, status) in [
        ("HTTP/1.1 403 no\r\ncontent-length: 3\r\n\r\nbad", 403),
        ("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood", 200),
        ("HTTP/1.1 101 x\r\nUpgrade: h2c\r\nConnection: upgrade\r\n\r\nsecret", 502),
        ("HTTP/1.1 101 x\r\n\r\nsecret", 502),
        ("HTTP/9.9 nonsense\r\n\r\n", 502),
    ] {
        let origin = Origin::always(Reply::raw(reply).stop()).await;
        let world = around(&origin, |documents| documents.traffic = "{ websocket: true }").await;
        let mut client = Way::EdgeHttp.connect(&world).await;
        client.send(request("direct.example")).await;
        let answer = client.answer().await.unwrap();
        assert_eq!((answer.status, answer.closes()), (status, true), "{reply}");
        assert!(!String::from_utf8_lossy(&client.rest().await).contains("secret"));
    }
}

#[tokio::test]
async fn a_websocket_ends_when_the_plan_no_longer_allows_it_and_goes_on_through_other_changes() {
    let origin = Origin::always(Reply::raw(SWITCHED).stop()).await;
    let world = around(&origin, |documents| documents.traffic = "{ websocket: true }").await;
    let mut client = Way::EdgeHttp.connect(&world).await;
    client.send(request("direct.example")).await;
    assert!(head(&mut client).await.starts_with("http/1.1 101 "));
    client.bytes(21).await;
    let mut other = world.documents.clone();
    other.label += 1;
    world.apply_at(&world.gateway, &other).await.unwrap();
    client.send("still here").await;
    crate::wait::until(|| origin.bytes().ends_with(b"still here").then_some(())).await;
    world.apply_at(&world.gateway, &other.without("public-direct")).await.unwrap();
    assert_eq!(client.rest().await, b"");
}
