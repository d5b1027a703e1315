//! Hot restarts under load: the successor takes the listening sockets, and no request is lost or doubled.

use crate::client::Client;
use crate::origin::{Origin, Reply};
use crate::wait::until;
use crate::way::around;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const CONNECTIONS: usize = 8;
const RESTARTS: usize = 20;
/// A connection is closed by its client after so many requests: connections are made all the time.
const REQUESTS_OF_A_CONNECTION: usize = 50;

#[tokio::test]
async fn no_request_fails_during_20_hot_restarts() {
    let origin = Origin::start(|request| Reply::ok(&request.line)).await;
    let mut world = around(&origin, |_| {}).await;
    let done = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> =
        (0..CONNECTIONS).map(|n| tokio::spawn(ask(world.documents.places.edge_http, n, done.clone()))).collect();
    for _ in 0..RESTARTS {
        let before = origin.requests().len();
        let old = world.succeed().await;
        old.proxy.retire();
        until(|| (origin.requests().len() > before + 20).then_some(())).await;
        // Every connection is told to go with its next answer, so that the old process ends by itself.
        until(|| old.proxy.is_drained().then_some(())).await;
    }
    done.store(true, Ordering::Relaxed);
    let (mut sent, mut told) = (0, 0);
    for client in clients {
        let (requests, closes) = client.await.unwrap();
        (sent, told) = (sent + requests, told + closes);
    }
    assert_eq!(origin.requests().len(), sent, "a request was lost or doubled");
    assert!(told >= RESTARTS, "{told} connections were told to go");
    println!("{sent} requests over {RESTARTS} hot restarts, 0 failed; {told} connections were told to go");
}

/// Asks until all restarts are done: how many requests there were, and how many connections we were told to leave.
async fn ask(at: std::net::SocketAddr, client: usize, done: Arc<AtomicBool>) -> (usize, usize) {
    let (mut number, mut told) = (0, 0);
    while !done.load(Ordering::Relaxed) {
        let mut connection = Client::plain(at).await;
        for _ in 0..REQUESTS_OF_A_CONNECTION {
            let path = format!("/{client}/{number}");
            let (method, answer) = if number % 2 == 0 {
                ("GET", connection.get("direct.example", &path).await)
            } else {
                ("POST", connection.post("direct.example", &path, "body").await)
            };
            let line = format!("{method} {path} HTTP/1.1");
            assert_eq!(answer.essence(), (200, line.as_str(), true), "request {number} of client {client}");
            number += 1;
            if answer.closes() {
                told += 1;
                break;
            }
        }
    }
    (number, told)
}

#[tokio::test]
async fn a_process_that_leaves_takes_nobody_with_it_and_one_without_a_successor_is_gone() {
    let origin = Origin::always(Reply::ok("good")).await;
    let mut world = around(&origin, |_| {}).await;
    let at = world.documents.places.edge_http;
    // One that waits, and one whose answer is under way.
    let mut waits = Client::plain(at).await;
    assert_eq!(waits.get("direct.example", "/").await.status, 200);
    let mut slow = Client::plain(at).await;
    slow.send("POST / HTTP/1.1\r\nHost: direct.example\r\nContent-Length: 4\r\n\r\nbo").await;
    let old = world.succeed().await;
    old.proxy.retire();
    let mut fresh = Client::plain(at).await;
    assert_eq!(fresh.get("direct.example", "/").await.status, 200);
    slow.send("dy").await;
    assert_eq!(slow.answer().await.unwrap().status, 200);
    for client in [&mut slow, &mut waits] {
        let answer = client.get("direct.example", "/").await;
        assert_eq!((answer.status, answer.closes()), (200, true), "the answer says that the connection ends");
    }
    until(|| old.proxy.is_drained().then_some(())).await;
    assert!(!fresh.get("direct.example", "/").await.closes());
    world.gateway.proxy.drain();
    until(|| world.gateway.proxy.is_drained().then_some(())).await;
    assert!(tokio::net::TcpStream::connect(at).await.is_err());
}
