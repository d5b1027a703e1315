//! HTTP/2 from clients and to workloads, and both with HTTP/1.1 at the other end.

use crate::client::Client;
use crate::documents::Origins;
use crate::frames::{self, GOAWAY, HEADERS, RST_STREAM};
use crate::origin::{Origin, Reply, Request as Seen};
use crate::upstream::{Http2, send};
use crate::wait::soon;
use crate::way::Way;
use crate::world::World;
use bytes::Bytes;
use h2::client::SendRequest;
use http::{HeaderMap, Request};
use selvedge_net::Alpn;

/// A mesh with workloads of both kinds.
async fn start() -> (Origin, Http2, World) {
    let script = |seen: &Seen| match seen.line.split(' ').nth(1) {
        Some("/cut") => Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nhalf").close(),
        Some("/cut-chunks") => Reply::raw("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n").close(),
        Some("/empty") => Reply::raw("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"),
        _ => Reply::ok("good"),
    };
    let (origin, http2) = (Origin::start(script).await, Http2::start().await);
    let nobody = ([127, 0, 0, 1], 9).into();
    let world = World::start(Origins { http: origin.address, http2: http2.address, tcp: nobody }, |_| {}).await;
    (origin, http2, world)
}

/// What came of a request.
struct Got {
    status: u16,
    fields: HeaderMap,
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
}

async fn handshake(client: Client) -> SendRequest<Bytes> {
    let (sender, connection) = soon(h2::client::handshake(client.stream)).await.unwrap();
    tokio::spawn(connection);
    sender
}

/// A connection to the gateway, made for this host.
async fn edge(world: &World, host: &str) -> SendRequest<Bytes> {
    handshake(Client::tls(world, host, Alpn::H2).await.unwrap()).await
}

async fn exchange(sender: &SendRequest<Bytes>, request: Request<()>, body: &[u8]) -> Result<Got, h2::Error> {
    soon(async {
        let mut sender = sender.clone().ready().await?;
        let (answer, mut out) = sender.send_request(request, body.is_empty())?;
        let sending = async {
            if !body.is_empty() && send(&mut out, Bytes::copy_from_slice(body)).await.is_some() {
                drop(out.send_data(Bytes::new(), true));
            }
        };
        let receiving = async {
            let answer = answer.await?;
            let (status, fields) = (answer.status().as_u16(), answer.headers().clone());
            let (mut stream, mut body) = (answer.into_body(), Vec::new());
            while let Some(data) = stream.data().await {
                let data = data?;
                stream.flow_control().release_capacity(data.len())?;
                body.extend_from_slice(&data);
            }
            Ok(Got { status, fields, body, trailers: stream.trailers().await? })
        };
        tokio::join!(sending, receiving).1
    })
    .await
}

fn request(method: &str, host: &str, path: &str) -> Request<()> {
    Request::builder().method(method).uri(format!("https://{host}{path}")).body(()).unwrap()
}

async fn get(sender: &SendRequest<Bytes>, host: &str, path: &str) -> Result<Got, h2::Error> {
    exchange(sender, request("GET", host, path), b"").await
}

#[tokio::test]
async fn http_2_reaches_workloads_of_both_kinds_over_one_hop_and_over_two() {
    let (_origin, _http2, world) = start().await;
    for (host, body) in
        [("direct.example", "good"), ("api.example", "good"), ("direct2.example", ""), ("h2.example", "")]
    {
        let sender = edge(&world, host).await;
        let got = get(&sender, host, "/").await.unwrap();
        assert_eq!((got.status, std::str::from_utf8(&got.body).unwrap()), (200, body), "{host}");
        let id = got.fields.get("selvedge-decision").unwrap().to_str().unwrap();
        let hops = if host.starts_with("direct") { 1 } else { 2 };
        assert_eq!(world.records(id, hops).await.len(), hops, "{host}");
    }
}

#[tokio::test]
async fn a_large_body_comes_back_byte_for_byte_through_the_windows_of_every_hop() {
    let (_origin, http2, world) = start().await;
    let body: Vec<u8> = (0..300 * 1024_u32).map(|i| (i % 251) as u8).collect();
    for host in ["direct2.example", "h2.example"] {
        let sender = edge(&world, host).await;
        let got = exchange(&sender, request("POST", host, "/echo"), &body).await.unwrap();
        assert!(got.status == 200 && got.body == body, "{host}: {} of {}", got.body.len(), body.len());
        let trailers = got.trailers.unwrap();
        assert_eq!(trailers.get("grpc-status").unwrap(), "0", "{host}");
        assert!(!trailers.contains_key("selvedge-decision"), "{host}: an upstream spoke in our name");
    }
    assert!(http2.heads().iter().all(|head| head.headers.get("te").is_some_and(|te| te == "trailers")));
}

#[tokio::test]
async fn an_http_1_1_client_reaches_an_http_2_workload() {
    let (_origin, http2, world) = start().await;
    for host in ["direct2.example", "h2.example"] {
        let mut client = Client::plain(world.documents.places.edge_http).await;
        let answer = client.post(host, "/echo", "body").await;
        assert_eq!(answer.essence(), (200, "body", true), "{host}");
        assert_eq!(client.get(host, "/empty").await.essence(), (200, "", true), "{host}");
        client.send(format!("HEAD /empty HTTP/1.1\r\nHost: {host}\r\n\r\n")).await;
        assert_eq!(client.answer_to("HEAD").await.unwrap().status, 200, "{host}");
        client
            .send(format!(
                "POST /echo HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbody\r\n0\r\n\r\n"
            ))
            .await;
        assert_eq!(client.answer().await.unwrap().essence(), (200, "body", true), "{host}");
    }
    assert!(http2.heads().iter().all(|head| !head.headers.contains_key("transfer-encoding")));
}

#[tokio::test]
async fn a_body_cut_short_is_an_error_of_its_stream_and_no_end() {
    let (_origin, _http2, world) = start().await;
    for (host, path) in [
        ("direct.example", "/cut"),
        ("direct.example", "/cut-chunks"),
        ("api.example", "/cut"),
        ("api.example", "/cut-chunks"),
        ("direct2.example", "/cut"),
        ("h2.example", "/cut"),
    ] {
        let sender = edge(&world, host).await;
        if let Ok(got) = get(&sender, host, path).await {
            assert_eq!(got.status, 502, "{host}{path}: {:?} passed for the whole", got.body.escape_ascii().to_string());
        }
        assert_eq!(get(&sender, host, "/empty").await.unwrap().status, 200, "{host}: the connection goes on");
        let mut client = Client::plain(world.documents.places.edge_http).await;
        let answer = client.get(host, path).await;
        assert!(!answer.whole || answer.status == 502, "{host}{path}: {answer:?}");
    }
}

#[tokio::test]
async fn head_has_no_body_whether_it_is_given_or_refused() {
    let (_origin, _http2, world) = start().await;
    let sender = edge(&world, "narrow.example").await;
    let got = exchange(&sender, request("HEAD", "narrow.example", "/closed"), b"").await.unwrap();
    assert_eq!((got.status, got.body.len()), (404, 0));
    let sender = edge(&world, "direct2.example").await;
    let got = exchange(&sender, request("HEAD", "direct2.example", "/empty"), b"").await.unwrap();
    assert_eq!((got.status, got.body.len()), (200, 0));
}

#[tokio::test]
async fn a_host_that_the_connection_was_not_made_for_is_421() {
    let (origin, http2, world) = start().await;
    let sender = edge(&world, "api.example").await;
    for host in ["direct.example", "h2.example", "nowhere.example"] {
        assert_eq!(get(&sender, host, "/").await.unwrap().status, 421, "{host}");
    }
    assert_eq!((origin.bytes(), http2.heads().len()), (vec![], 0));
    assert_eq!(get(&sender, "api.example", "/").await.unwrap().status, 200);
}

#[tokio::test]
async fn a_connection_for_a_host_that_is_not_served_is_not_made() {
    let (_origin, _http2, world) = start().await;
    for host in ["nowhere.example", "example", "x.api.example", "127.0.0.1"] {
        assert!(Client::tls(&world, host, Alpn::H2).await.is_err(), "{host}");
    }
    assert!(Client::tls(&world, "api.example", Alpn::MeshTcp).await.is_err(), "a protocol of the mesh, from outside");
}

#[tokio::test]
async fn heads_that_http_2_does_not_know_are_refused_and_reach_nobody() {
    let (origin, http2, world) = start().await;
    let good = [(":method", "GET"), (":scheme", "https"), (":authority", "api.example"), (":path", "/")];
    for bad in [
        ("connection", "close"),
        ("connection", "authorization"),
        ("keep-alive", "1"),
        ("proxy-connection", "close"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("http2-settings", "x"),
        ("te", "gzip"),
        ("host", "direct.example"),
        ("host", ""),
        ("content-length", "5"),
        ("content-length", "+0"),
        ("Upper", "case"),
        ("bad name", "x"),
        ("selvedge_outside", "forged"),
        ("a", "b\r\nselvedge-outside: forged"),
        ("a", "b\0"),
        (":path", "/twice"),
        (":unknown", "x"),
        (":status", "200"),
        ("content-type\r\nx", "y"),
    ] {
        let mut client = Client::tls(&world, "api.example", Alpn::H2).await.unwrap();
        let fields = [good.as_slice(), &[bad]].concat();
        client.send([frames::preface(), frames::request(1, &fields)].concat()).await;
        let frame = frames::next(&mut client, &[HEADERS, RST_STREAM, GOAWAY]).await.expect("no word");
        // An answer is a refusal: its status is a literal in the first bytes, since 400 and 421 are in no static table
        // but 400 (index 12) alone.
        let refused = frame.kind != HEADERS || !frame.payload.starts_with(&[0x88]);
        assert!(refused, "{bad:?}: {frame:?}");
        assert_eq!((origin.bytes(), http2.heads().len()), (vec![], 0), "{bad:?}");
    }
    let mut client = Client::tls(&world, "api.example", Alpn::H2).await.unwrap();
    client.send([frames::preface(), frames::request(1, &good)].concat()).await;
    let frame = frames::next(&mut client, &[HEADERS, RST_STREAM, GOAWAY]).await.unwrap();
    assert!(frame.kind == HEADERS && frame.payload.starts_with(&[0x88]), "{frame:?}");
}

#[tokio::test]
async fn a_flood_of_resets_ends_the_connection_and_costs_the_workload_little() {
    let (origin, _http2, world) = start().await;
    let fields = [(":method", "GET"), (":scheme", "https"), (":authority", "api.example"), (":path", "/")];
    let mut client = Client::tls(&world, "api.example", Alpn::H2).await.unwrap();
    let mut flood = frames::preface();
    for stream in (1..2000).step_by(2) {
        flood.extend(frames::request(stream, &fields));
        flood.extend(frames::cancel(stream));
    }
    client.send(flood).await;
    let goaway = frames::next(&mut client, &[GOAWAY]).await.expect("it goes on");
    let code = goaway.payload.get(4..8).unwrap();
    assert_eq!((goaway.stream, code), (0, &11_u32.to_be_bytes()[..]), "ENHANCE_YOUR_CALM");
    client.rest().await;
    assert!(origin.requests().len() < 150, "{} reached the workload", origin.requests().len());
    let sender = edge(&world, "api.example").await;
    assert_eq!(get(&sender, "api.example", "/").await.unwrap().status, 200);
}

#[tokio::test]
async fn more_streams_than_the_limit_are_refused_one_by_one() {
    let (_origin, _http2, world) = start().await;
    let fields = [(":method", "GET"), (":scheme", "https"), (":authority", "direct2.example"), (":path", "/hang")];
    let mut client = Client::tls(&world, "direct2.example", Alpn::H2).await.unwrap();
    client.send(frames::preface()).await;
    for stream in (1..=201).step_by(2) {
        client.send(frames::request(stream, &fields)).await;
    }
    let refused = frames::next(&mut client, &[RST_STREAM, GOAWAY]).await.unwrap();
    assert_eq!((refused.kind, refused.stream, &refused.payload[..]), (RST_STREAM, 201, &7_u32.to_be_bytes()[..]));
}

#[tokio::test]
async fn a_refused_stream_is_opened_again_for_a_get_and_never_for_a_post() {
    let (_origin, http2, world) = start().await;
    let sender = edge(&world, "direct2.example").await;
    for (method, body, times) in [("GET", "", 2), ("POST", "", 1), ("POST", "pay 100", 1)] {
        let before = http2.heads().len();
        let got = exchange(&sender, request(method, "direct2.example", "/refuse"), body.as_bytes()).await.unwrap();
        assert_eq!((got.status, http2.heads().len() - before), (502, times), "{method} {body:?}");
    }
}

#[tokio::test]
async fn a_workload_that_drops_its_connection_is_reached_again_on_a_new_one() {
    let (_origin, http2, world) = start().await;
    for host in ["direct2.example", "h2.example"] {
        let sender = edge(&world, host).await;
        for round in 0..3 {
            // The one thing that is always in doubt is a request on its way while the connection drops.
            let mut failed = 0;
            loop {
                let before = http2.heads().len();
                let got = exchange(&sender, request("POST", host, "/echo"), b"pay 100").await.unwrap();
                assert!(http2.heads().len() - before <= 1, "{host}: a POST was sent twice");
                if got.status == 200 {
                    assert_eq!(got.body, b"pay 100");
                    break;
                }
                failed += 1;
                assert!(failed < 3, "{host}, round {round}: it never comes back: {}", got.status);
            }
            http2.kill();
        }
    }
}

#[tokio::test]
async fn http_2_inside_the_mesh_is_decided_stream_by_stream() {
    let (_origin, http2, world) = start().await;
    let tls = world.mesh_tls(&["caller", "stranger"]);
    for (path, status) in [("caller", 200), ("stranger", 403)] {
        let client = Client::mesh(&world, &tls, path, "h2.orders", Alpn::H2).await.unwrap();
        let sender = handshake(client).await;
        assert_eq!(get(&sender, "orders", "/empty").await.unwrap().status, status, "{path}");
    }
    assert_eq!(http2.heads().len(), 1);
}

#[tokio::test]
async fn a_workload_that_speaks_http_2_calls_out_in_http_2() {
    let (origin, http2, world) = start().await;
    let client = Client::plain(world.documents.places.out_http).await;
    let sender = handshake(client).await;
    let plain = |host: &str, path: &str| Request::builder().uri(format!("http://{host}{path}")).body(()).unwrap();
    assert_eq!(exchange(&sender, plain("h2.orders", "/empty"), b"").await.unwrap().status, 200);
    assert_eq!(exchange(&sender, plain("orders", "/"), b"").await.unwrap().body, b"good");
    assert_eq!(exchange(&sender, plain("shut", "/"), b"").await.unwrap().status, 403);
    assert_eq!((origin.requests().len(), http2.heads().len()), (1, 1));
    // Side by side with HTTP/1.1.
    assert_eq!(Way::Outbound.connect(&world).await.get("orders", "/").await.status, 200);
}
