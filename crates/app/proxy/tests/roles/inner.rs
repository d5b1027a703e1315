//! The inner hop believes an SVID, what that SVID may say, and nothing else.

use crate::client::Client;
use crate::origin::{Origin, Reply};
use crate::way::around;
use crate::world::{World, issue, minted, outside, token};
use selvedge_identity::{Authority, Svid};
use selvedge_model::{Host, Outcome};
use selvedge_net::{Alpn, MeshTls, client, now_s};
use std::time::Duration;
use tokio::net::TcpStream;

/// The field with which a gateway hands `orders` what it vouches for: somebody without a credential, at this host.
fn vouch(world: &World, gateway: &str, host: &str) -> String {
    format!("txn-token: {}\r\n", token(world, gateway, &outside(gateway, host), "orders"))
}

async fn peer(world: &World, path: &str) -> Client {
    Client::mesh(world, &world.mesh_tls(&[path]), path, "http.orders", Alpn::Http1).await.unwrap()
}

/// The status of `GET path` with these fields, as the peer of this SVID.
async fn ask(world: &World, as_path: &str, path: &str, fields: &str) -> u16 {
    let mut client = peer(world, as_path).await;
    client.send(format!("GET {path} HTTP/1.1\r\nHost: orders\r\n{fields}\r\n")).await;
    client.answer().await.expect("no answer").status
}

#[tokio::test]
async fn a_service_without_a_rule_is_403() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, |_| {}).await;
    for path in ["stranger", "orders", "shut", "direct"] {
        assert_eq!(ask(&world, path, "/", "").await, 403, "{path}");
    }
    let shut = Client::mesh(&world, &world.mesh_tls(&["caller"]), "caller", "http.shut", Alpn::Http1).await;
    assert_eq!(shut.unwrap().get("shut", "/").await.status, 403);
    assert_eq!(origin.bytes(), b"");
    assert_eq!(ask(&world, "caller", "/", "").await, 200);
}

#[tokio::test]
async fn a_service_vouches_for_nobody() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, |_| {}).await;
    let forged = token(&world, "caller", &outside("gateway/edge", "api.example"), "orders");
    assert_eq!(ask(&world, "caller", "/", &format!("txn-token: {forged}\r\n")).await, 400);
    assert_eq!(ask(&world, "caller", "/", &vouch(&world, "gateway/edge", "api.example")).await, 400);
    // What had this meaning once has none.
    let fields = "selvedge-outside: e30\r\n";
    assert_eq!(ask(&world, "stranger", "/", fields).await, 403);
    let mut client = peer(&world, "caller").await;
    client.send(format!("GET / HTTP/1.1\r\nHost: orders\r\n{fields}\r\n")).await;
    let answer = client.answer().await.unwrap();
    assert_eq!(answer.status, 200);
    let [record] = &world.records(answer.decision(), 1).await[..] else { panic!("not one record") };
    let Outcome::Allowed(rule) = &record.outcome else { panic!("{:?}", record.outcome) };
    assert_eq!((rule.to_string().as_str(), record.client.unwrap().to_string()), ("orders/caller", "127.0.0.1".into()));
    assert!(!String::from_utf8(origin.bytes()).unwrap().contains("selvedge-outside"));
}

#[tokio::test]
async fn a_gateway_that_does_not_say_whom_it_speaks_for_is_400() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, |_| {}).await;
    let good = vouch(&world, "gateway/edge", "api.example");
    let value = good.trim_start_matches("txn-token: ").trim_end();
    let bent = format!("{}A{}", &value[..value.len() / 2], &value[value.len() / 2 + 1..]);
    let elsewhere = Authority::create(&world.domain, now_s()).unwrap();
    let elsewhere = issue(&elsewhere, &world.id("gateway/edge"), 3600);
    let api = outside("gateway/edge", "api.example");
    for fields in [
        String::new(),
        "txn-token: \r\n".to_owned(),
        "txn-token: e30\r\n".to_owned(),
        "selvedge-outside: e30\r\n".to_owned(),
        format!("{good}{good}"),
        format!("txn-token: {value}, {value}\r\n"),
        format!("txn-token: {value}~\r\n"),
        format!("txn-token: {bent}\r\n"),
        format!("txn_token: {value}\r\n"),
        format!("{good}txn.token: {value}\r\n"),
        vouch(&world, "gateway/other", "api.example"),
        format!("txn-token: {}\r\n", token(&world, "gateway/edge", &outside("gateway/other", "api.example"), "orders")),
        format!("txn-token: {}\r\n", token(&world, "gateway/edge", &api, "shut")),
        format!("txn-token: {}\r\n", minted(&elsewhere, &world, &api, ("orders", now_s()))),
        format!("txn-token: {}\r\n", minted(&world.svid("gateway/edge", 3600), &world, &api, ("orders", now_s() - 70))),
    ] {
        assert_eq!(ask(&world, "gateway/edge", "/", &fields).await, 400, "{fields}");
    }
    assert_eq!(origin.bytes(), b"");
    assert_eq!(ask(&world, "gateway/edge", "/", &good).await, 200);
}

#[tokio::test]
async fn a_gateway_vouches_for_its_own_exposures_alone() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, |_| {}).await;
    for (gateway, host, path) in [
        ("gateway/edge", "nowhere.example", "/"),
        ("gateway/edge", "direct.example", "/"),
        ("gateway/edge", "h2.example", "/"),
        ("gateway/edge", "narrow.example", "/closed"),
        ("gateway/other", "api.example", "/"),
        ("gateway/other", "narrow.example", "/open"),
    ] {
        let status = ask(&world, gateway, path, &vouch(&world, gateway, host)).await;
        assert_eq!(status, 404, "{gateway} {host}{path}");
    }
    assert_eq!(origin.bytes(), b"");
    assert_eq!(ask(&world, "gateway/edge", "/open", &vouch(&world, "gateway/edge", "narrow.example")).await, 200);
}

#[tokio::test]
async fn nodes_and_control_planes_call_no_services() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, |_| {}).await;
    let outside = vouch(&world, "gateway/edge", "api.example");
    for path in ["node/far", "control/main"] {
        assert_eq!(ask(&world, path, "/", &outside).await, 400, "{path}");
    }
    assert_eq!(origin.bytes(), b"");
}

#[tokio::test]
async fn plaintext_to_the_mesh_port_gets_no_answer() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, |_| {}).await;
    let mut client = Client::plain(world.documents.places.mesh).await;
    client.send("GET / HTTP/1.1\r\nHost: orders\r\n\r\n").await;
    let got = client.rest().await;
    assert!(!got.starts_with(b"HTTP") && got.len() < 16, "more than a TLS alert: {}", got.escape_ascii());
    assert_eq!(origin.bytes(), b"");
}

#[tokio::test]
async fn tls_without_an_svid_is_refused() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, |_| {}).await;
    let tcp = TcpStream::connect(world.documents.places.mesh).await.unwrap();
    let roots = world.authority.bundle().roots;
    let connected =
        client::connect(tcp, "http.orders.acme.example", &roots, Some(Alpn::Http1), Duration::from_secs(10));
    // In TLS 1.3 a client is done before the server has seen its certificate: the refusal comes after.
    if let Ok((stream, _)) = connected.await {
        let mut client = Client::new(stream);
        client.send("GET / HTTP/1.1\r\nHost: orders\r\n\r\n").await;
        assert_eq!(client.rest().await, b"");
    }
    assert_eq!(origin.bytes(), b"");
}

#[tokio::test]
async fn who_shows_no_svid_of_ours_gets_no_answer() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, |_| {}).await;
    let foreign = Authority::create(&world.domain, now_s()).unwrap();
    let edge = world.server(&[Host::parse("caller.acme.example").unwrap()]);
    // An edge certificate in the place of an SVID: as good as a thief of one could do.
    let edge = Svid {
        id: world.id("caller"),
        chain: edge.chain,
        key: edge.key,
        not_before: edge.not_before,
        not_after: edge.not_after,
        serial: edge.serial,
    };
    for (whose, svid) in [("foreign", issue(&foreign, &world.id("caller"), 3600)), ("edge", edge)] {
        let tls = MeshTls::new(world.authority.bundle(), &[svid]).unwrap();
        if let Ok(mut client) = Client::mesh(&world, &tls, "caller", "http.orders", Alpn::Http1).await {
            client.send("GET / HTTP/1.1\r\nHost: orders\r\n\r\n").await;
            assert_eq!(client.rest().await, b"", "{whose}");
        }
    }
    assert_eq!(origin.bytes(), b"");
}

#[tokio::test]
async fn a_server_name_that_is_not_served_here_is_refused() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, |_| {}).await;
    let tls = world.mesh_tls(&["caller"]);
    for to in ["http.caller", "nothing.orders", "http.nobody", "h2.orders.more"] {
        assert!(Client::mesh(&world, &tls, "caller", to, Alpn::Http1).await.is_err(), "{to}");
    }
}

#[tokio::test]
async fn a_port_speaks_its_own_protocol_and_no_other() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, |_| {}).await;
    let tls = world.mesh_tls(&["caller"]);
    for (to, alpn) in [("http.orders", Alpn::MeshTcp), ("tcp.orders", Alpn::Http1), ("tcp.orders", Alpn::H2)] {
        if let Ok(mut client) = Client::mesh(&world, &tls, "caller", to, alpn).await {
            client.send("GET / HTTP/1.1\r\nHost: orders\r\n\r\n").await;
            assert_eq!(client.rest().await, b"", "{to} {alpn:?}");
        }
    }
    assert_eq!(origin.bytes(), b"");
}

#[tokio::test]
async fn an_svid_that_ends_on_an_open_connection_is_refused_at_the_next_request() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, |_| {}).await;
    let svid = world.svid("caller", 2);
    let ends = svid.not_after;
    let tls = MeshTls::new(world.authority.bundle(), &[svid]).unwrap();
    let mut client = Client::mesh(&world, &tls, "caller", "http.orders", Alpn::Http1).await.unwrap();
    // The clock is the real one: ask until it is over.
    let refused = loop {
        let before = now_s();
        let answer = client.get("orders", "/").await;
        if answer.status != 200 {
            break answer;
        }
        assert!(before < ends, "a request was let in after the end of the certificate");
        tokio::time::sleep(Duration::from_millis(50)).await;
    };
    assert_eq!(refused.status, 503);
    assert!(now_s() >= ends, "refused too early");
    assert!(!origin.requests().is_empty(), "it was never let in");
}
