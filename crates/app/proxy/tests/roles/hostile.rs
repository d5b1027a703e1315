//! Upstreams that break the protocol, on purpose or not: their client gets an error and never a part of it for the whole.

use crate::client::Client;
use crate::origin::{Origin, Reply, Request};
use crate::way::{Way, around};
use crate::world::World;

/// Answers that have no single reading. Each is followed by words that nobody may see.
const MALFORMED: &[&str] = &[
    "poison\r\n\r\n",
    "\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/2.0 200 OK\r\ncontent-length: 6\r\n\r\npoison",
    "http/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/1.1  200 OK\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/1.1 20 OK\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/1.1 2000 OK\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/1.1 600 OK\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/1.1 099 OK\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/1.1 +20 OK\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/1.1 200OK\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/1.1 200 OK\ncontent-length: 6\n\npoison",
    "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\npoison",
    "HTTP/1.1 200 OK\r\ncontent-length: 6\r\na: b\rc\r\n\r\npoison",
    "HTTP/1.1 200 OK\r\na: b\r\n c\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/1.1 200 OK\r\n folded: a\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/1.1 200 OK\r\nno colon\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/1.1 200 OK\r\ncontent-length : 6\r\n\r\npoison",
    "HTTP/1.1 200 OK\r\na: \0\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/1.1 200 OK\r\ncontent-length: 6\r\ncontent-length: 7\r\n\r\npoison",
    "HTTP/1.1 200 OK\r\ncontent-length: 6\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/1.1 200 OK\r\ncontent-length: 6, 6\r\n\r\npoison",
    "HTTP/1.1 200 OK\r\ncontent-length: +6\r\n\r\npoison",
    "HTTP/1.1 200 OK\r\ncontent-length: 0x6\r\n\r\npoison",
    "HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\npoison",
    "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\npoison",
    "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\npoison",
    "HTTP/1.1 200 OK\r\ncontent-length: 6\r\ntransfer-encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: xchunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: identity\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n6\r\npoison\r\n0\r\n\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: poison\r\n\r\npoison",
    "HTTP/1.1 101 Switching Protocols\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
    "HTTP/1.1 103 Early Hints\r\npoison\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison",
    "",
    "HTTP/1.1 200 OK\r\ncontent-length: 6",
];

/// Bodies that do not come to their end, or not to one that can be believed.
const CUT: &[&str] = &[
    "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n",
    "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n8\r\nhalf",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\n\r",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\nhalf\n0\n\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4;a=b\r\nhalf\r\n0\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n0\r\nbad trailer\r\n\r\n",
    "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\nffffffffffffffff1\r\n",
];

/// The number at the end of a path.
fn number(request: &Request) -> Option<usize> {
    request.line.split(' ').nth(1)?.rsplit_once('/')?.1.parse().ok()
}

/// A workload that gives the answer of the number in the path, and a good one otherwise; and a mesh around it.
async fn scripted(answers: &'static [&'static str]) -> (Origin, World) {
    let reply = |answer: &&str| Reply::raw(*answer).close();
    let script = move |request: &Request| number(request).map_or(Reply::ok("good"), |number| reply(&answers[number]));
    let origin = Origin::start(script).await;
    let world = around(&origin, |_| {}).await;
    (origin, world)
}

#[tokio::test]
async fn a_malformed_answer_is_502_and_reaches_neither_the_client_nor_the_next_request() {
    let (_origin, world) = scripted(MALFORMED).await;
    for way in Way::ROLES {
        let mut client = way.connect(&world).await;
        for (index, malformed) in MALFORMED.iter().enumerate() {
            let answer = client.get(way.host(), &format!("/{index}")).await;
            assert_eq!(answer.status, 502, "{way:?}: {malformed:?}");
            assert!(!String::from_utf8_lossy(&answer.body).contains("poison"), "{way:?}: {malformed:?}");
            let next = client.get(way.host(), "/good").await;
            assert_eq!(next.essence(), (200, "good", true), "{way:?}: after {malformed:?}");
        }
    }
}

#[tokio::test]
async fn a_body_that_is_cut_short_is_never_taken_for_whole() {
    let (_origin, world) = scripted(CUT).await;
    for way in Way::ROLES {
        for version in ["1.1", "1.0"] {
            for (index, cut) in CUT.iter().enumerate() {
                let mut client = way.connect(&world).await;
                let host = way.host();
                client.send(format!("GET /{index} HTTP/{version}\r\nHost: {host}\r\n\r\n")).await;
                // Either the head was not sent yet and it is an error, or the client sees that something is missing.
                match client.answer().await {
                    Some(answer) => {
                        assert!(!answer.whole || answer.status == 502, "{way:?} {version} {cut:?}: {answer:?}")
                    }
                    None => assert_eq!(client.rest().await, b"", "{way:?} {version} {cut:?}"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_reset_in_a_body_that_only_the_end_tells_is_no_end() {
    let origin = Origin::always(Reply::raw("HTTP/1.1 200 OK\r\n\r\nhalf").reset()).await;
    let world = around(&origin, |_| {}).await;
    for way in Way::ROLES {
        for version in ["1.1", "1.0"] {
            let mut client = way.connect(&world).await;
            client.send(format!("GET / HTTP/{version}\r\nHost: {}\r\n\r\n", way.host())).await;
            if let Some(answer) = client.answer().await {
                assert!(!answer.whole || answer.status == 502, "{way:?} {version}: {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_connection_with_bytes_after_its_answer_is_not_used_again() {
    let next = "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\npoison";
    let answers: Vec<String> = [
        "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\n\r\n",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 304 Not Modified\r\ncontent-length: 6\r\n\r\n",
    ]
    .map(|answer| format!("{answer}{next}"))
    .to_vec();
    let count = answers.len();
    let script = move |request: &Request| match number(request) {
        Some(number) => Reply::raw(answers[number].clone()),
        None => Reply::ok("good"),
    };
    let origin = Origin::start(script).await;
    let world = around(&origin, |_| {}).await;
    for way in Way::ROLES {
        let mut client = way.connect(&world).await;
        for index in 0..count {
            let before = origin.connections();
            let answer = client.get(way.host(), &format!("/{index}")).await;
            assert!([200, 204, 304].contains(&answer.status), "{way:?} {index}: {answer:?}");
            assert_eq!(client.get(way.host(), "/").await.essence(), (200, "good", true), "{way:?} {index}");
            assert!(origin.connections() > before, "{way:?} {index}: the connection was used again");
        }
        // The body of an answer to HEAD is what a confused server sends: it belongs to nobody.
        let head = format!("HEAD /0 HTTP/1.1\r\nHost: {}\r\n\r\n", way.host());
        client.send(head).await;
        assert_eq!(client.answer_to("HEAD").await.unwrap().status, 200);
        assert_eq!(client.get(way.host(), "/").await.essence(), (200, "good", true), "{way:?} after HEAD");
    }
}

#[tokio::test]
async fn interim_answers_are_passed_over_and_not_for_ever() {
    let script = |request: &Request| {
        let interim = "HTTP/1.1 103 Early Hints\r\nlink: poison\r\n\r\n".repeat(number(request).unwrap());
        Reply::raw(interim + "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\ngood").close()
    };
    let origin = Origin::start(script).await;
    let world = around(&origin, |_| {}).await;
    for way in Way::ROLES {
        let mut client = way.connect(&world).await;
        for (count, status) in [(1, 200), (8, 200), (9, 502), (20_000, 502)] {
            let answer = client.get(way.host(), &format!("/{count}")).await;
            assert_eq!(answer.status, status, "{way:?} {count}");
        }
    }
}

#[tokio::test]
async fn a_head_over_its_limit_is_502() {
    let script = |request: &Request| {
        let fields = match number(request).unwrap() {
            0 => format!("a: {}\r\n", "a".repeat(40_000)),
            1 => format!("a: {}\r\n", "a".repeat(30_000)).repeat(2),
            2 => "a: b\r\n".repeat(101),
            3 => return Reply::raw(format!("HTTP/1.1 200 {}", "a".repeat(200_000))),
            4 => return Reply::raw(format!("HTTP/1.1 200 OK\r\na: {}", "a".repeat(200_000))),
            5 => return Reply::raw(format!("HTTP/1.1 200 OK\r\n{}", "a: b\r\n".repeat(50_000))),
            _ => format!("a: {}\r\n", "a".repeat(30_000)),
        };
        Reply::raw(format!("HTTP/1.1 200 OK\r\n{fields}content-length: 4\r\n\r\ngood"))
    };
    let origin = Origin::start(script).await;
    let world = around(&origin, |_| {}).await;
    for way in Way::ROLES {
        let mut client = way.connect(&world).await;
        for index in 0..6 {
            assert_eq!(client.get(way.host(), &format!("/{index}")).await.status, 502, "{way:?} {index}");
        }
        assert_eq!(client.get(way.host(), "/6").await.essence(), (200, "good", true), "{way:?}");
    }
}

#[tokio::test]
async fn an_answer_before_the_request_was_sent_whole_counts_and_ends_both_connections() {
    let script = |request: &Request| match request.line.starts_with("POST") {
        true => Reply::raw("HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\n\r\nbig").early(),
        false => Reply::ok("good"),
    };
    let origin = Origin::start(script).await;
    let world = around(&origin, |_| {}).await;
    for way in Way::ROLES {
        let before = origin.connections();
        let mut client = way.connect(&world).await;
        let head = format!("POST / HTTP/1.1\r\nHost: {}\r\nContent-Length: 100000\r\n\r\n", way.host());
        client.send(head + "some of it").await;
        let answer = client.answer().await.unwrap();
        assert_eq!(answer.essence(), (413, "big", true), "{way:?}");
        assert!(answer.closes(), "{way:?}: what is left of the body would be the next request");
        // What is left of the body is never a request.
        client.send("GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n").await;
        assert_eq!(client.rest().await, b"", "{way:?}");
        let mut client: Client = way.connect(&world).await;
        assert_eq!(client.get(way.host(), "/").await.essence(), (200, "good", true), "{way:?}");
        assert_eq!(origin.connections(), before + 2, "{way:?}: the half-used connection was used again");
    }
    assert!(origin.requests().iter().all(|request| !request.line.contains("smuggled")));
}

#[tokio::test]
async fn an_answer_that_comes_byte_by_byte_is_an_answer() {
    let answer = "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\ngood\r\n0\r\nt: x\r\n\r\n";
    let origin = Origin::always(Reply::raw(answer).trickle()).await;
    let world = around(&origin, |_| {}).await;
    for way in Way::ROLES {
        let mut client = way.connect(&world).await;
        for _ in 0..2 {
            assert_eq!(client.get(way.host(), "/").await.essence(), (200, "good", true), "{way:?}");
        }
    }
}

#[tokio::test]
async fn an_upstream_that_never_answers_is_504_after_the_services_timeout() {
    let origin = Origin::always(Reply::hang()).await;
    let world = around(&origin, |documents| documents.traffic = "{ timeouts: { request: 300ms } }").await;
    for way in Way::ROLES {
        let mut client = way.connect(&world).await;
        assert_eq!(client.get(way.host(), "/").await.status, 504, "{way:?}");
        assert_eq!(client.post(way.host(), "/", "body").await.status, 504, "{way:?}");
    }
    let asked = origin.requests().len();
    assert_eq!(asked, 2 * Way::ROLES.len(), "a request was sent again");
}

#[tokio::test]
async fn an_upstream_that_stops_in_its_body_is_given_up_after_the_services_timeout() {
    let script = |_: &Request| Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").stop();
    let origin = Origin::start(script).await;
    let world = around(&origin, |documents| documents.traffic = "{ timeouts: { idle: 300ms } }").await;
    for way in Way::ROLES {
        let answer = way.connect(&world).await.get(way.host(), "/").await;
        assert_eq!(answer.essence(), (200, "half", false), "{way:?}");
    }
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_502() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, |documents| documents.origins.http = documents.places.free).await;
    for way in Way::ROLES {
        let mut client = way.connect(&world).await;
        assert_eq!(client.get(way.host(), "/").await.status, 502, "{way:?}");
        assert_eq!(client.post(way.host(), "/", "body").await.status, 502, "{way:?}");
    }
}
