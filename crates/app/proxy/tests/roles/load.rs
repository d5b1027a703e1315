//! Plans and certificates change under load, and no request is lost.

use crate::client::Client;
use crate::origin::{Origin, Reply};
use crate::way::around;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const CONNECTIONS: usize = 8;
const REQUESTS_EACH: usize = 250;
const CHANGES: usize = 50;
const RENEWALS: usize = 20;

#[tokio::test]
async fn no_request_of_2000_fails_during_50_changes_of_the_plan_and_20_renewals() {
    let origin = Origin::start(|request| Reply::ok(&request.line)).await;
    let world = around(&origin, |_| {}).await;
    let changed = Arc::new(AtomicBool::new(false));
    let clients: Vec<_> = (0..CONNECTIONS)
        .map(|number| tokio::spawn(ask(world.documents.places.edge_http, number, changed.clone())))
        .collect();
    for change in 1..=CHANGES {
        let mut documents = world.documents.clone();
        documents.label = change;
        world.apply(&documents).await;
        if change % 5 < 2 {
            world.renew(&world.far).await;
            world.renew(&world.gateway).await;
        }
    }
    assert_eq!((1..=CHANGES).filter(|change| change % 5 < 2).count(), RENEWALS);
    changed.store(true, Ordering::Relaxed);
    let mut sent = 0;
    for client in clients {
        sent += client.await.unwrap();
    }
    assert!(sent >= CONNECTIONS * REQUESTS_EACH, "{sent}");
    assert_eq!(origin.requests().len(), sent, "a request was lost or doubled");
}

/// Asks on one connection until there were enough requests and all changes are done: how many there were.
async fn ask(at: std::net::SocketAddr, client: usize, changed: Arc<AtomicBool>) -> usize {
    let mut connection = Client::plain(at).await;
    let mut number = 0;
    while number < REQUESTS_EACH || !changed.load(Ordering::Relaxed) {
        let path = format!("/{client}/{number}");
        let (method, answer) = if number % 2 == 0 {
            ("GET", connection.get("api.example", &path).await)
        } else {
            ("POST", connection.post("api.example", &path, "body").await)
        };
        let line = format!("{method} {path} HTTP/1.1");
        assert_eq!(answer.essence(), (200, line.as_str(), true), "request {number} of client {client}");
        number += 1;
    }
    number
}
