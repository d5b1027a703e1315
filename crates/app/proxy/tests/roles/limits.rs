//! What a client may send and how long it may take; and HTTP/1.x as it must be spoken with it.

use crate::client::{Answer, Client};
use crate::origin::{Origin, Reply};
use crate::wait::until;
use crate::way::{Way, around};
use crate::world::World;
use std::time::{Duration, Instant};

/// Far more than any timeout of these tests, and far less than a default.
const NOT_LONG: Duration = Duration::from_secs(6);

async fn edge(limits: &'static str) -> (Origin, World) {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = around(&origin, |documents| documents.limits = limits).await;
    (origin, world)
}

/// A chunked body of so many bytes.
fn chunked(bytes: usize) -> String {
    let chunk = format!("64\r\n{}\r\n", "a".repeat(100)).repeat(bytes / 100);
    let rest = bytes % 100;
    let last = if rest > 0 { format!("{rest:x}\r\n{}\r\n", "a".repeat(rest)) } else { String::new() };
    format!("{chunk}{last}0\r\n\r\n")
}

async fn ask(client: &mut Client, request: &str) -> Answer {
    client.send(request).await;
    client.answer().await.expect("no answer")
}

#[tokio::test]
async fn a_body_over_its_limit_is_413_and_reaches_nobody_whole() {
    let (origin, world) = edge("{ bodyBytes: 1000 }").await;
    let head = "POST / HTTP/1.1\r\nHost: direct.example\r\n";
    for (request, status) in [
        (format!("{head}Content-Length: 1000\r\n\r\n{}", "a".repeat(1000)), 200),
        (format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", chunked(1000)), 200),
        (format!("{head}Content-Length: 1001\r\n\r\n{}", "a".repeat(1001)), 413),
        (format!("{head}Content-Length: 1000000000000\r\n\r\na"), 413),
        (format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", chunked(1001)), 413),
        (format!("{head}Transfer-Encoding: chunked\r\n\r\n{}", chunked(300_000)), 413),
    ] {
        let mut client = Way::EdgeHttp.connect(&world).await;
        let answer = ask(&mut client, &request).await;
        assert_eq!(answer.status, status, "{}", &request[..100]);
        assert_eq!(answer.closes(), status == 413);
    }
    assert!(origin.requests().iter().all(|request| request.body.len() == 1000));
    assert_eq!(origin.requests().len(), 2);
}

#[tokio::test]
async fn the_default_body_limit_holds_in_every_role() {
    let (origin, world) = edge("{}").await;
    for way in Way::ROLES {
        let mut client = way.connect(&world).await;
        let head = format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 10485761\r\n\r\n", way.host());
        let answer = ask(&mut client, &head).await;
        assert_eq!((answer.status, answer.closes()), (413, true), "{way:?}");
    }
    assert_eq!(origin.bytes(), b"");
}

#[tokio::test]
async fn a_head_that_is_slow_ends_its_connection_however_it_drips() {
    let (origin, world) = edge("{ headTimeout: 500ms }").await;
    let started = Instant::now();
    let mut silent = Way::EdgeHttp.connect(&world).await;
    silent.send("GET / HTTP/1.1\r\n").await;
    assert!(silent.answer().await.is_none_or(|answer| answer.status == 408));
    let mut dripping = Way::EdgeHttp.connect(&world).await;
    dripping.send("GET / HTTP/1.1\r\nHost: direct.example\r\nA: ").await;
    let drips = async {
        loop {
            dripping.send("a").await;
            if tokio::time::timeout(Duration::from_millis(20), dripping.answer()).await.is_ok() {
                break;
            }
        }
    };
    tokio::time::timeout(NOT_LONG, drips).await.expect("each byte bought more time");
    assert!(started.elapsed() < 2 * NOT_LONG);
    assert_eq!(origin.bytes(), b"");
}

#[tokio::test]
async fn a_body_that_stops_is_408() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = around(&origin, |documents| documents.traffic = "{ timeouts: { request: 400ms, idle: 400ms } }").await;
    for way in Way::ROLES {
        for body in ["", "some"] {
            let mut client = way.connect(&world).await;
            let head = format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 10\r\n\r\n{body}", way.host());
            let answer = ask(&mut client, &head).await;
            assert_eq!((answer.status, answer.closes()), (408, true), "{way:?} {body:?}");
        }
    }
    assert_eq!(origin.requests().len(), 0);
}

#[tokio::test]
async fn a_body_that_drips_is_408_after_its_grace() {
    let (origin, world) = edge("{}").await;
    tokio::join!(drip(&world, ""), drip(&world, "a"));
    assert_eq!(origin.requests().len(), 0);
}

/// Sends a body by these pieces, far below the 1 KiB a second that is asked for after ten seconds (THREATS).
async fn drip(world: &World, piece: &str) {
    let mut client = Way::EdgeHttp.connect(world).await;
    client.send(format!("POST / HTTP/1.1\r\nHost: direct.example\r\nContent-Length: 100000\r\n\r\n{piece}")).await;
    let drips = async {
        loop {
            if let Ok(answer) = tokio::time::timeout(Duration::from_millis(200), client.answer()).await {
                return answer;
            }
            client.send(piece).await;
        }
    };
    let answer = tokio::time::timeout(Duration::from_secs(15), drips).await.expect("each byte bought more time");
    assert_eq!(answer.map(|answer| answer.status), Some(408), "{piece:?}");
}

#[tokio::test]
async fn an_idle_connection_is_closed() {
    let (_origin, world) = edge("{ idleTimeout: 500ms }").await;
    for used in [false, true] {
        let mut client = Way::EdgeHttp.connect(&world).await;
        if used {
            assert_eq!(client.get("direct.example", "/").await.status, 200);
        }
        let rest = tokio::time::timeout(NOT_LONG, client.rest()).await.expect("it stays open");
        assert_eq!(rest, b"");
    }
}

#[tokio::test]
async fn a_handshake_that_does_not_come_ends_its_connection() {
    let (_origin, world) = edge("{ handshakeTimeout: 500ms }").await;
    let mut client = Client::plain(world.documents.places.edge_https).await;
    client.send("\x16\x03\x01").await;
    tokio::time::timeout(NOT_LONG, client.rest()).await.expect("it stays open");
}

#[tokio::test]
async fn connections_over_the_limit_are_closed_and_those_below_go_on() {
    let (_origin, world) = edge("{ connections: 3 }").await;
    let mut open = Vec::new();
    for _ in 0..3 {
        let mut client = Way::EdgeHttp.connect(&world).await;
        assert_eq!(client.get("direct.example", "/").await.status, 200);
        open.push(client);
    }
    let mut over = Way::EdgeHttp.connect(&world).await;
    assert_eq!(over.rest().await, b"");
    for client in &mut open {
        assert_eq!(client.get("direct.example", "/").await.status, 200);
    }
    // One that ends makes room.
    drop(open.pop());
    let end = Instant::now() + NOT_LONG;
    loop {
        let mut client = Way::EdgeHttp.connect(&world).await;
        client.send("GET / HTTP/1.1\r\nHost: direct.example\r\n\r\n").await;
        if client.answer().await.is_some_and(|answer| answer.status == 200) {
            break;
        }
        assert!(Instant::now() < end, "the room is never given back");
    }
}

#[tokio::test]
async fn three_requests_in_one_write_are_answered_in_their_order() {
    let origin = Origin::start(|request| Reply::ok(&request.line)).await;
    let world = around(&origin, |_| {}).await;
    for way in Way::ROLES {
        let host = way.host();
        let mut client = way.connect(&world).await;
        client
            .send(format!(
                "GET /1 HTTP/1.1\r\nHost: {host}\r\n\r\nPOST /2 HTTP/1.1\r\nHost: {host}\r\nContent-Length: 3\r\n\r\n\
                 GETGET /3 HTTP/1.1\r\nHost: {host}\r\n\r\n"
            ))
            .await;
        for line in ["GET /1 HTTP/1.1", "POST /2 HTTP/1.1", "GET /3 HTTP/1.1"] {
            assert_eq!(client.answer().await.unwrap().essence(), (200, line, true), "{way:?}");
        }
    }
}

#[tokio::test]
async fn what_follows_a_refused_body_is_not_a_request() {
    let (origin, world) = edge("{}").await;
    for way in Way::ROLES {
        let mut client = way.connect(&world).await;
        let smuggled = format!("GET /smuggled HTTP/1.1\r\nHost: {}\r\n\r\n", way.host());
        let head = format!("POST / HTTP/1.1\r\nHost: nowhere\r\nContent-Length: {}\r\n\r\n", smuggled.len());
        let answer = ask(&mut client, &(head + &smuggled)).await;
        assert!(matches!(answer.status, 200 | 404), "{way:?}: {answer:?}");
        // Inside the mesh the host tells nothing, and the body is read; elsewhere the refusal ends the connection.
        assert_eq!(answer.closes(), answer.status == 404, "{way:?}");
        client.end().await;
        assert_eq!(client.rest().await, b"", "{way:?}");
    }
    assert!(origin.requests().iter().all(|request| !request.line.contains("smuggled")));
}

#[tokio::test]
async fn a_client_that_expects_100_gets_it_before_its_body_and_only_when_the_body_is_wanted() {
    let (origin, world) = edge("{ bodyBytes: 1000 }").await;
    for way in Way::ROLES {
        let host = way.host();
        let mut client = way.connect(&world).await;
        client
            .send(format!("POST / HTTP/1.1\r\nHost: {host}\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n"))
            .await;
        assert_eq!(client.bytes(25).await, b"HTTP/1.1 100 Continue\r\n\r\n", "{way:?}");
        client.send("body").await;
        let answer = client.answer().await.unwrap();
        assert_eq!((answer.essence(), answer.closes()), ((200, "good", true), false), "{way:?}");
    }
    let mut client = Way::EdgeHttp.connect(&world).await;
    let answer = ask(
        &mut client,
        "POST / HTTP/1.1\r\nHost: direct.example\r\nExpect: 100-continue\r\nContent-Length: 1001\r\n\r\n",
    )
    .await;
    assert_eq!((answer.status, answer.interim, client.rest().await), (413, vec![], vec![]));
    let mut client = Way::EdgeHttp.connect(&world).await;
    let answer =
        ask(&mut client, "POST / HTTP/1.1\r\nHost: nowhere\r\nExpect: 100-continue\r\nContent-Length: 4\r\n\r\n").await;
    assert_eq!((answer.status, answer.interim, client.rest().await), (404, vec![], vec![]));
    assert_eq!(origin.requests().len(), 3);
}

#[tokio::test]
async fn an_http_1_0_client_gets_no_chunks_and_one_answer() {
    for answer in [
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\ngood",
    ] {
        let reply = Reply::raw(answer);
        let origin = Origin::always(if answer.contains("close") { reply.close() } else { reply }).await;
        let world = around(&origin, |_| {}).await;
        for way in Way::ROLES {
            let mut client = way.connect(&world).await;
            let request = format!("GET / HTTP/1.0\r\nHost: {}\r\nConnection: keep-alive\r\n\r\n", way.host());
            let got = ask(&mut client, &(request.clone() + &request)).await;
            assert_eq!((got.essence(), got.closes()), ((200, "good", true), true), "{way:?} {answer:?}");
            assert_eq!(got.field("transfer-encoding"), None, "{way:?} {answer:?}");
            assert_eq!(client.rest().await, b"", "{way:?} {answer:?}");
        }
    }
}

#[tokio::test]
async fn an_answer_to_head_has_a_head_alone_whether_it_is_given_or_refused() {
    let origin = Origin::start(|request| {
        let body = if request.line.starts_with("HEAD") { "" } else { "good" };
        Reply::raw(format!("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n{body}"))
    })
    .await;
    let world = around(&origin, |_| {}).await;
    for way in Way::ROLES {
        let mut client = way.connect(&world).await;
        let host = way.host();
        client.send(format!("HEAD / HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        let answer = client.answer_to("HEAD").await.unwrap();
        assert_eq!((answer.status, answer.field("content-length")), (200, Some("4")), "{way:?}");
        // A refusal of which the client reads no body: one that was sent would be its next answer.
        client.send("HEAD /%2f HTTP/1.1\r\nHost: nowhere\r\n\r\n").await;
        let answer = client.answer_to("HEAD").await.unwrap();
        assert!(matches!(answer.status, 400 | 404), "{way:?}: {answer:?}");
        assert_eq!(client.get(host, "/").await.essence(), (200, "good", true), "{way:?}");
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_connection_with_it() {
    let (origin, world) = edge("{}").await;
    for way in Way::ROLES {
        let before = origin.connections();
        let mut client = way.connect(&world).await;
        client.send(format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 10\r\n\r\nhalf", way.host())).await;
        until(|| (origin.connections() > before).then_some(())).await;
        drop(client);
        // A connection on which half a request was sent is of no more use.
        origin.ended(before).await;
    }
    assert_eq!(origin.requests().len(), 0);
}
