//! From outside through the edge and one mesh hop to the workload: one id, one rule, and nothing that was forged.

use crate::client::Client;
use crate::origin::{Origin, Reply};
use crate::way::{Way, around};
use selvedge_model::{DenialReason, Missing, Outcome, Record, Role};
use selvedge_net::Alpn;

fn rule(record: &Record) -> String {
    match &record.outcome {
        Outcome::Allowed(rule) => rule.to_string(),
        other => panic!("not allowed: {other:?}"),
    }
}

#[tokio::test]
async fn both_hops_of_a_request_have_the_id_that_the_client_got_and_the_same_rule() {
    let origin = Origin::always(Reply::ok("orders")).await;
    let world = around(&origin, |_| {}).await;
    let mut client = Client::tls(&world, "api.example", Alpn::Http1).await.unwrap();
    let answer = client.get("api.example", "/a//./c?d=e").await;
    assert_eq!(answer.essence(), (200, "orders", true));
    let records = world.records(answer.decision(), 2).await;
    assert_eq!(records.iter().map(|r| r.role).collect::<Vec<_>>(), [Role::Gateway, Role::MeshInbound]);
    for record in &records {
        assert_eq!(rule(record), "orders/public");
        assert_eq!((record.status, record.path.as_deref()), (200, Some("/a/c")));
        assert_eq!(record.client.unwrap().to_string(), "127.0.0.1");
        assert_eq!(record.service.as_ref().map(ToString::to_string).as_deref(), Some("orders"));
        assert_eq!((record.bytes_in, record.bytes_out), (0, 6));
    }
    assert_eq!(records[0].local, Some(world.id("gateway/edge")));
    assert_eq!(records[1].peer, Some(world.id("gateway/edge")));
    assert_eq!(records[0].trace, records[1].trace);
    assert_eq!(records[1].tls.as_ref().map(|tls| &*tls.version), Some("1.3"));
    let [seen] = &origin.requests()[..] else { panic!("not one request") };
    assert_eq!(seen.line, "GET /a/c?d=e HTTP/1.1");
    assert_eq!(seen.field("selvedge-decision"), Some(answer.decision()));
    assert_eq!(seen.field("selvedge-outside"), None);
}

#[tokio::test]
async fn what_nobody_exposes_is_404_and_reaches_nobody() {
    let origin = Origin::always(Reply::ok("orders")).await;
    let world = around(&origin, |_| {}).await;
    let mut client = Client::plain(world.documents.places.edge_http).await;
    for (host, request, status) in [
        ("nowhere.example", "GET /", 404),
        ("narrow.example", "GET /closed", 404),
        ("narrow.example", "GET /open/more", 404),
        ("narrow.example", "POST /open", 404),
        ("narrow.example", "get /open", 404),
        ("orders", "GET /", 404),
        ("http.orders.acme.example", "GET /", 404),
        ("api.example.", "GET /", 400),
    ] {
        client.send(format!("{request} HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        let answer = client.answer().await.expect("no answer");
        assert_eq!(answer.status, status, "{request} at {host}");
        let [record] = &world.records(answer.decision(), 1).await[..] else { panic!("not one record") };
        assert_eq!(record.status, status);
        if answer.closes() {
            client = Client::plain(world.documents.places.edge_http).await;
        }
    }
    assert_eq!(origin.bytes(), b"");
    assert_eq!(client.get("narrow.example", "/open").await.status, 200);
}

#[tokio::test]
async fn a_refusal_tells_the_client_nothing_and_the_operator_the_nearest_miss() {
    let origin = Origin::always(Reply::ok("orders")).await;
    let world = around(&origin, |_| {}).await;
    let mut client = Way::Outbound.connect(&world).await;
    let answer = client.get("shut", "/").await;
    assert_eq!(answer.status, 403);
    let body = String::from_utf8(answer.body.clone()).unwrap();
    assert!(body.contains(answer.decision()) && !body.contains("shut") && !body.contains("rule"), "{body}");
    let answer = client.get("tcp.orders", "/").await;
    assert_eq!(answer.status, 404, "a TCP port takes no requests");
    let mut inside =
        Client::mesh(&world, &world.mesh_tls(&["stranger"]), "stranger", "http.orders", Alpn::Http1).await.unwrap();
    let answer = inside.get("orders", "/").await;
    let [record] = &world.records(answer.decision(), 1).await[..] else { panic!("not one record") };
    let Outcome::Denied(denial) = &record.outcome else { panic!("{:?}", record.outcome) };
    let nearest = denial.nearest.as_ref().unwrap();
    assert_eq!((denial.reason, &nearest.missing), (DenialReason::NotPermitted, &Missing::Caller));
    assert_eq!(origin.bytes(), b"");
}

#[tokio::test]
async fn identity_from_outside_is_stripped_before_either_hop_reads_it() {
    let origin = Origin::always(Reply::ok("orders")).await;
    let world = around(&origin, |_| {}).await;
    let mut client = Client::tls(&world, "api.example", Alpn::Http1).await.unwrap();
    let forged = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    client
        .send(format!(
            "GET / HTTP/1.1\r\nHost: api.example\r\nSelvedge-Decision: {forged}\r\nSelvedge-Outside: forged\r\n\
             Selvedge-User: forged\r\nX-Selvedge-Peer: forged\r\nTxn-Token: forged\r\nX-Client-Cert: forged\r\n\r\n"
        ))
        .await;
    let answer = client.answer().await.unwrap();
    assert_eq!(answer.status, 200);
    assert_ne!(answer.decision(), forged);
    let seen = String::from_utf8(origin.bytes()).unwrap();
    assert!(!seen.contains("forged") && !seen.contains(forged), "{seen}");
}

#[tokio::test]
async fn an_upstream_cannot_speak_in_our_name() {
    let answer = "HTTP/1.1 200 OK\r\nselvedge-decision: 01ARZ3NDEKTSV4RRFFQ69G5FAV\r\nselvedge-outside: forged\r\n\
                  connection: x-private\r\nx-private: 1\r\ncontent-length: 0\r\n\r\n";
    let origin = Origin::always(Reply::raw(answer)).await;
    let world = around(&origin, |_| {}).await;
    for way in Way::ROLES {
        let answer = way.connect(&world).await.get(way.host(), "/").await;
        let ours = answer.fields.iter().filter(|(name, _)| name.starts_with("selvedge-")).count();
        assert_eq!((answer.status, ours, answer.field("x-private")), (200, 1, None), "{way:?}");
        assert_ne!(answer.decision(), "01ARZ3NDEKTSV4RRFFQ69G5FAV", "{way:?}");
    }
}

#[tokio::test]
async fn where_a_request_came_from_is_believed_from_trusted_proxies_alone() {
    let origin = Origin::always(Reply::ok("")).await;
    for (trusted, forwarded, client) in [
        ("[192.0.2.0/24]", "127.0.0.1", "127.0.0.1"),
        ("[127.0.0.0/8]", "203.0.113.9, 198.51.100.7, 127.0.0.1", "198.51.100.7"),
        ("[127.0.0.0/8, 198.51.100.0/24]", "203.0.113.9, 198.51.100.7, 127.0.0.1", "203.0.113.9"),
    ] {
        let world = around(&origin, |documents| documents.trusted = trusted).await;
        let mut outside = Client::plain(world.documents.places.edge_http).await;
        outside
            .send("GET / HTTP/1.1\r\nHost: api.example\r\nX-Forwarded-For: 203.0.113.9\r\nX-Forwarded-For: 198.51.100.7\r\n\r\n")
            .await;
        let answer = outside.answer().await.unwrap();
        assert_eq!(answer.status, 200);
        let seen = origin.requests().pop().unwrap();
        assert_eq!(seen.field("x-forwarded-for"), Some(forwarded), "{trusted}");
        for record in world.records(answer.decision(), 2).await {
            assert_eq!(record.client.unwrap().to_string(), client, "{trusted}, {:?}", record.role);
        }
    }
}

#[tokio::test]
async fn a_workload_cannot_say_where_it_calls_from() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, |_| {}).await;
    let mut client = Way::Outbound.connect(&world).await;
    client
        .send("GET / HTTP/1.1\r\nHost: orders\r\nX-Forwarded-For: 203.0.113.9\r\nForwarded: for=203.0.113.9\r\n\r\n")
        .await;
    let answer = client.answer().await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(!String::from_utf8(origin.bytes()).unwrap().contains("203.0.113.9"));
    let records = world.records(answer.decision(), 2).await;
    assert_eq!(records.iter().map(|r| r.role).collect::<Vec<_>>(), [Role::MeshOutbound, Role::MeshInbound]);
    assert_eq!(records.iter().map(rule).collect::<Vec<_>>(), ["orders/caller", "orders/caller"]);
    assert_eq!(records[1].peer, Some(world.id("caller")));
}

#[tokio::test]
async fn a_process_that_is_not_the_workload_calls_nobody() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, |documents| documents.uid += 1).await;
    for host in ["orders", "direct", "shut", "nowhere"] {
        let answer = Way::Outbound.connect(&world).await.get(host, "/").await;
        let expected = if host == "nowhere" { 404 } else { 403 };
        assert_eq!(answer.status, expected, "{host}");
    }
    assert_eq!(origin.bytes(), b"");
}
