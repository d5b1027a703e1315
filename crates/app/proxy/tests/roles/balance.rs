//! Several endpoints of one service: which is asked, which is left alone, and what is never sent twice.

use crate::client::Client;
use crate::documents::Documents;
use crate::origin::{Origin, Reply};
use crate::wait::until;
use crate::way::around;
use crate::world::World;

const HOST: &str = "direct.example";

/// A mesh in which `direct` has these endpoints.
async fn over(origins: &[&Origin], traffic: &'static str, change: impl FnOnce(&mut Documents)) -> World {
    let (first, rest) = origins.split_first().unwrap();
    around(first, |documents| {
        documents.traffic = traffic;
        documents.more = rest.iter().map(|origin| origin.address).collect();
        change(documents);
    })
    .await
}

async fn good() -> Origin {
    Origin::start(|request| Reply::ok(if request.line.starts_with("GET /healthz") { "well" } else { "good" })).await
}

async fn failing(status: u16) -> Origin {
    Origin::always(Reply::raw(format!("HTTP/1.1 {status} no\r\ncontent-length: 3\r\n\r\nbad"))).await
}

async fn edge(world: &World) -> Client {
    Client::plain(world.documents.places.edge_http).await
}

fn counts(origins: &[&Origin]) -> Vec<usize> {
    origins.iter().map(|origin| origin.requests().len()).collect()
}

#[tokio::test]
async fn in_turn_each_endpoint_gets_the_same() {
    let (a, b, c) = (good().await, good().await, good().await);
    let world = over(&[&a, &b, &c], "{ balance: roundRobin, slowStart: 1ms }", |_| {}).await;
    let mut client = edge(&world).await;
    for _ in 0..30 {
        assert_eq!(client.get(HOST, "/").await.essence(), (200, "good", true));
    }
    assert_eq!(counts(&[&a, &b, &c]), [10, 10, 10]);
}

#[tokio::test]
async fn with_one_of_three_endpoints_gone_no_request_fails_whatever_its_method() {
    let (a, b) = (good().await, good().await);
    for balance in ["{ balance: roundRobin }", "{ balance: leastLatency }", "{ balance: { hash: client } }"] {
        let world = over(&[&a, &b], balance, |documents| documents.more.push(documents.places.free)).await;
        let mut client = edge(&world).await;
        for _ in 0..20 {
            assert_eq!(client.get(HOST, "/").await.status, 200, "{balance}");
            assert_eq!(client.post(HOST, "/", "pay 100").await.status, 200, "{balance}");
        }
    }
    assert_eq!(counts(&[&a, &b]).iter().sum::<usize>(), 120);
}

#[tokio::test]
async fn an_answer_that_says_try_again_is_tried_elsewhere_within_the_budget_and_a_post_is_not() {
    let (bad, fine) = (failing(503).await, good().await);
    let world = over(&[&bad, &fine], "{ balance: roundRobin, outlier: { share: 0 } }", |_| {}).await;
    let mut client = edge(&world).await;
    let mut statuses = Vec::new();
    for _ in 0..100 {
        statuses.push(client.get(HOST, "/").await.status);
    }
    let sent: usize = counts(&[&bad, &fine]).iter().sum();
    assert!(sent <= 100 + 10 + 20, "{sent} for 100 requests");
    assert!(sent >= 120, "{sent}: nothing was tried again");
    // Every bad answer was either tried elsewhere or passed on as it was.
    let passed_on = statuses.iter().filter(|status| **status == 503).count();
    assert_eq!(bad.requests().len(), sent - 100 + passed_on, "{statuses:?}");
    let before: usize = counts(&[&bad, &fine]).iter().sum();
    for _ in 0..10 {
        let answer = client.post(HOST, "/", "pay 100").await;
        assert!(matches!(answer.essence(), (200, "good", true) | (503, "bad", true)), "{answer:?}");
    }
    assert_eq!(counts(&[&bad, &fine]).iter().sum::<usize>(), before + 10, "a POST was sent twice");
}

#[tokio::test]
async fn an_endpoint_that_resets_is_survived_by_a_get_and_gets_a_post_once() {
    let (bad, fine) = (Origin::always(Reply::raw("").reset()).await, good().await);
    let world = over(&[&bad, &fine], "{ balance: roundRobin, outlier: { share: 0 } }", |_| {}).await;
    let mut client = edge(&world).await;
    for _ in 0..10 {
        assert_eq!(client.get(HOST, "/").await.status, 200);
    }
    let before: usize = counts(&[&bad, &fine]).iter().sum();
    for _ in 0..10 {
        let mut client = edge(&world).await;
        let answer = client.post(HOST, "/", "pay 100").await;
        assert!(matches!(answer.status, 200 | 502), "{answer:?}");
    }
    assert_eq!(counts(&[&bad, &fine]).iter().sum::<usize>(), before + 10, "a POST was sent twice");
}

#[tokio::test]
async fn without_a_budget_nothing_is_sent_again() {
    let (bad, fine) = (failing(503).await, good().await);
    let traffic = "{ balance: roundRobin, retries: { budget: 0 }, outlier: { share: 0 } }";
    let world = over(&[&bad, &fine], traffic, |_| {}).await;
    let mut client = edge(&world).await;
    for _ in 0..10 {
        client.get(HOST, "/").await;
    }
    assert_eq!(counts(&[&bad, &fine]), [5, 5]);
}

#[tokio::test]
async fn an_endpoint_that_fails_five_times_is_left_alone() {
    let (bad, fine) = (failing(502).await, good().await);
    let world = over(&[&bad, &fine], "{ balance: roundRobin }", |_| {}).await;
    let mut client = edge(&world).await;
    for _ in 0..40 {
        client.post(HOST, "/", "x").await;
    }
    assert_eq!(counts(&[&bad, &fine]), [5, 35]);
}

#[tokio::test]
async fn one_endpoint_alone_is_asked_however_it_fails() {
    let bad = failing(502).await;
    let world = over(&[&bad], "{}", |_| {}).await;
    let mut client = edge(&world).await;
    for _ in 0..12 {
        assert_eq!(client.get(HOST, "/").await.essence(), (502, "bad", true));
    }
    assert_eq!(bad.requests().len(), 12);
}

#[tokio::test]
async fn a_key_goes_to_one_endpoint() {
    let (a, b, c) = (good().await, good().await, good().await);
    for (traffic, field) in [
        ("{ balance: { hash: { header: X-Cart } } }", "X-Cart: {}"),
        ("{ balance: { hash: { cookie: cart } } }", "Cookie: a=b; cart={}"),
    ] {
        let world = over(&[&a, &b, &c], traffic, |_| {}).await;
        let mut client = edge(&world).await;
        let mut used = [0; 3];
        for key in 0..12 {
            let before = counts(&[&a, &b, &c]);
            for _ in 0..4 {
                let field = field.replace("{}", &format!("cart-{key}"));
                client.send(format!("GET / HTTP/1.1\r\nHost: {HOST}\r\n{field}\r\n\r\n")).await;
                assert_eq!(client.answer().await.unwrap().status, 200);
            }
            let after = counts(&[&a, &b, &c]);
            let got: Vec<usize> = after.iter().zip(&before).map(|(after, before)| after - before).collect();
            assert_eq!(got.iter().max(), Some(&4), "{traffic}: {got:?}");
            used[got.iter().position(|count| *count == 4).unwrap()] += 1;
        }
        assert!(used.iter().filter(|count| **count > 0).count() > 1, "{traffic}: all keys at one endpoint: {used:?}");
    }
}

#[tokio::test]
async fn what_is_over_the_circuit_is_503_with_a_time_to_come_back() {
    let slow = Origin::start(|request| if request.line.contains("/hang") { Reply::hang() } else { Reply::ok("good") });
    let slow = slow.await;
    let world = over(&[&slow], "{ circuit: { requests: 2 } }", |_| {}).await;
    let (mut first, mut second) = (edge(&world).await, edge(&world).await);
    for client in [&mut first, &mut second] {
        client.send(format!("GET /hang HTTP/1.1\r\nHost: {HOST}\r\n\r\n")).await;
    }
    until(|| (slow.requests().len() == 2).then_some(())).await;
    let mut third = edge(&world).await;
    let answer = third.get(HOST, "/").await;
    assert_eq!((answer.status, answer.field("retry-after")), (503, Some("1")));
    drop(first);
    let mut seen = Vec::new();
    // Its place is free when the connection is seen to end.
    until(|| (slow.connections() > 0).then_some(())).await;
    for _ in 0..200 {
        let status = third.get(HOST, "/").await.status;
        seen.push(status);
        if status == 200 {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    // A client of HTTP/1.1 that goes away is noticed when something is written to it, or when the upstream ends.
    assert!(seen.iter().all(|status| *status == 503));
}

#[tokio::test]
async fn an_endpoint_whose_checks_fail_is_not_asked_and_comes_back_when_they_pass() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    let sick = Arc::new(AtomicBool::new(true));
    let state = sick.clone();
    let weak = Origin::start(move |request| {
        let checked = request.line.starts_with("GET /healthz");
        if checked && state.load(Ordering::Relaxed) {
            Reply::raw("HTTP/1.1 500 no\r\ncontent-length: 0\r\n\r\n")
        } else {
            Reply::ok("weak")
        }
    })
    .await;
    let strong = good().await;
    let traffic = "{ balance: roundRobin, health: { path: /healthz, interval: 100ms, healthy: 1, unhealthy: 1 } }";
    let world = over(&[&weak, &strong], traffic, |_| {}).await;
    let mut client = edge(&world).await;
    client.get(HOST, "/").await;
    let checks = |origin: &Origin| origin.requests().iter().filter(|r| r.line.contains("/healthz")).count();
    let seen = checks(&weak);
    until(|| (checks(&weak) >= seen + 2).then_some(())).await;
    for _ in 0..10 {
        assert_eq!(client.get(HOST, "/").await.essence(), (200, "good", true));
    }
    sick.store(false, Ordering::Relaxed);
    let seen = checks(&weak);
    until(|| (checks(&weak) >= seen + 2).then_some(())).await;
    let mut bodies = Vec::new();
    for _ in 0..200 {
        bodies.push(client.get(HOST, "/").await.body);
    }
    assert!(bodies.iter().any(|body| body == b"weak"), "it never comes back");
    let asked = |origin: &Origin| origin.requests().iter().filter(|r| r.line.contains("/healthz")).count();
    assert!(asked(&strong) > 0);
}
