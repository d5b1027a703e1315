use super::*;
use crate::grpc::{CONTENT_TYPE, Code, Incoming, Status, frame};
use crate::message::spiffe::*;
use crate::{FetchError, WorkloadClient};
use http::Request;
use prost::Message;
use std::time::Duration;
use tokio::net::UnixStream;

/// One call with these fields; the messages and the status.
pub(super) async fn call<M: Message + Default>(
    world: &World,
    method: &str,
    fields: &[(&str, &str)],
    message: &impl Message,
) -> (Vec<M>, Status) {
    let (send, connection) = h2::client::handshake(UnixStream::connect(&world.path).await.unwrap()).await.unwrap();
    let driven = tokio::spawn(connection);
    let mut request = Request::post(format!("http://localhost{method}")).header("content-type", CONTENT_TYPE);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let (answer, mut body) = send.ready().await.unwrap().send_request(request.body(()).unwrap(), false).unwrap();
    body.send_data(frame(message), true).unwrap();
    let (head, body) = answer.await.unwrap().into_parts();
    if head.headers.contains_key("grpc-status") {
        driven.abort();
        return (Vec::new(), Status::read(&head.headers));
    }
    let mut incoming = Incoming::new(body, 1 << 20);
    let mut messages = Vec::new();
    while let Some(message) = incoming.next().await.unwrap() {
        messages.push(message);
    }
    let status = Status::read(&incoming.trailers().await.unwrap());
    driven.abort();
    (messages, status)
}

const TRUE: (&str, &str) = ("workload.spiffe.io", "true");

async fn code(world: &World, method: &str, fields: &[(&str, &str)]) -> Code {
    call::<Empty>(world, &format!("/SpiffeWorkloadAPI/{method}"), fields, &Empty {}).await.1.code
}

#[tokio::test]
async fn a_workload_gets_what_it_is_and_each_rotation() {
    let world = World::of(&["orders", "web"]);
    let mut client = WorkloadClient::connect(&world.path).await.unwrap();
    let first = client.next().await.unwrap();
    let ids: Vec<&str> = first.svids.iter().map(|svid| svid.id.as_str()).collect();
    assert_eq!(ids, ["spiffe://acme.example/orders", "spiffe://acme.example/web"]);
    let trust = &first.bundles[0];
    let chain: Vec<&[u8]> = first.svids[0].chain.iter().map(Vec::as_slice).collect();
    assert!(trust.verify(&chain, now_s()).is_ok());
    world.show(vec![world.offer("orders", own())]);
    let second = client.next().await.unwrap();
    assert_eq!(second.svids.len(), 1);
    assert_ne!(second.svids[0].serial, first.svids[0].serial);
}

#[tokio::test]
async fn another_workloads_rotation_is_not_pushed() {
    let world = World::start();
    let (mine, theirs) = (world.offer("orders", own()), world.offer("web", other()));
    world.show(vec![mine.clone(), theirs]);
    let mut client = WorkloadClient::connect(&world.path).await.unwrap();
    let first = client.next().await.unwrap();
    world.show(vec![mine, world.offer("web", other())]);
    world.show(vec![world.offer("orders", own())]);
    let second = client.next().await.unwrap();
    assert_ne!(second.svids[0].serial, first.svids[0].serial, "the next that comes is its own");
}

#[tokio::test]
async fn what_is_no_workload_gets_nothing_and_is_told_little() {
    let world = World::start();
    world.show(vec![world.offer("orders", other())]);
    let refused = match WorkloadClient::connect(&world.path).await {
        Err(FetchError::Refused(status)) => status,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused, Status::new(Code::PermissionDenied, "no identity issued"));
    let line = world.log.lock().unwrap().join("\n");
    assert!(line.contains("no identity issued, because `orders` came closest"), "{line}");
    assert!(line.contains(std::env::current_exe().unwrap().to_str().unwrap()), "{line}");
    assert_eq!(code(&world, "FetchX509SVID", &[TRUE]).await, Code::PermissionDenied);
    assert_eq!(world.log.lock().unwrap().len(), 1, "the same is told once");
    assert_eq!(world.api.refusals().list()[0].count, 2);
}

#[tokio::test]
async fn who_is_no_workload_any_more_loses_its_stream() {
    let world = World::of(&["orders"]);
    let mut client = WorkloadClient::connect(&world.path).await.unwrap();
    client.next().await.unwrap();
    world.show(vec![world.offer("orders", other())]);
    let ended = client.next().await.unwrap_err();
    assert!(matches!(&ended, FetchError::Refused(status) if status.code == Code::PermissionDenied), "{ended}");
}

#[tokio::test]
async fn before_the_node_knows_it_says_so() {
    let world = World::start();
    assert_eq!(code(&world, "FetchX509SVID", &[TRUE]).await, Code::Unavailable);
}

#[tokio::test]
async fn a_call_without_the_metadata_is_refused() {
    let world = World::of(&["orders"]);
    for method in ["FetchX509SVID", "FetchX509Bundles", "FetchJWTSVID", "FetchJWTBundles", "ValidateJWTSVID"] {
        assert_eq!(code(&world, method, &[]).await, Code::InvalidArgument, "{method}");
        assert_eq!(code(&world, method, &[("workload.spiffe.io", "yes")]).await, Code::InvalidArgument, "{method}");
    }
    assert_eq!(code(&world, "FetchAnything", &[TRUE]).await, Code::Unimplemented);
}

#[tokio::test]
async fn a_deadline_ends_a_stream() {
    let world = World::of(&["orders"]);
    let fields = [TRUE, ("grpc-timeout", "50m")];
    let (messages, status) =
        call::<X509SvidResponse>(&world, "/SpiffeWorkloadAPI/FetchX509SVID", &fields, &Empty {}).await;
    assert_eq!((messages.len(), status.code), (1, Code::DeadlineExceeded));
}

#[tokio::test]
async fn a_token_is_minted_for_what_the_workload_is_alone() {
    let world = World::of(&["orders"]);
    let mint = async |audience: &[&str], id: &str| {
        let request =
            JwtSvidRequest { audience: audience.iter().map(ToString::to_string).collect(), spiffe_id: id.to_owned() };
        call::<JwtSvidResponse>(&world, "/SpiffeWorkloadAPI/FetchJWTSVID", &[TRUE], &request).await
    };
    let (answers, status) = mint(&["a", "b"], "").await;
    assert_eq!(status.code, Code::Ok);
    assert_eq!(answers[0].svids[0].token, "spiffe://acme.example/orders for a,b");
    assert_eq!(mint(&["a"], "spiffe://acme.example/orders").await.1.code, Code::Ok);
    assert_eq!(mint(&["a"], "spiffe://acme.example/web").await.1.code, Code::PermissionDenied);
    assert_eq!(mint(&["a"], "spiffe://acme.example//web").await.1.code, Code::InvalidArgument);
    assert_eq!(mint(&[], "").await.1.code, Code::InvalidArgument);
    assert_eq!(mint(&[""], "").await.1.code, Code::InvalidArgument);
    assert_eq!(mint(&["a"; 17], "").await.1.code, Code::InvalidArgument);
    // Each fits, and as JSON they are six times as long: no frame of the link would hold them.
    let escaped = "\u{1}".repeat(1000);
    assert_eq!(mint(&[&escaped], "").await.1.code, Code::Ok);
    assert_eq!(mint(&[escaped.as_str(); 2], "").await.1.code, Code::InvalidArgument);
}

#[tokio::test]
async fn a_good_token_gives_its_claims_and_a_bad_one_none() {
    let world = World::of(&["orders"]);
    let validate = async |audience: &str| {
        let token = "spiffe://acme.example/orders for a".to_owned();
        let request = ValidateJwtSvidRequest { audience: audience.to_owned(), token };
        call::<ValidateJwtSvidResponse>(&world, "/SpiffeWorkloadAPI/ValidateJWTSVID", &[TRUE], &request).await
    };
    let (answers, status) = validate("a").await;
    assert_eq!((answers[0].spiffe_id.as_str(), status.code), ("spiffe://acme.example/orders", Code::Ok));
    let claims = answers[0].claims.clone().unwrap();
    assert_eq!(claims.fields["n"].kind, Some(Kind::Number(1.5)));
    assert_eq!(validate("b").await.1.code, Code::InvalidArgument);
    assert_eq!(validate("").await.1.code, Code::InvalidArgument);
}

#[tokio::test]
async fn what_is_no_grpc_is_answered_as_http() {
    let world = World::of(&["orders"]);
    let (send, connection) = h2::client::handshake(UnixStream::connect(&world.path).await.unwrap()).await.unwrap();
    let driven = tokio::spawn(connection);
    let request = Request::get("http://localhost/SpiffeWorkloadAPI/FetchX509SVID").body(()).unwrap();
    let (answer, _) = send.ready().await.unwrap().send_request(request, true).unwrap();
    assert_eq!(answer.await.unwrap().status(), http::StatusCode::METHOD_NOT_ALLOWED);
    driven.abort();
}

#[tokio::test]
async fn a_user_with_too_many_connections_gets_no_more() {
    let world = World::of(&["orders"]);
    let mut held = Vec::new();
    for _ in 0..crate::limits::CONNECTIONS_PER_UID_MAX {
        let connect = h2::client::handshake(UnixStream::connect(&world.path).await.unwrap());
        let (send, mut connection) = connect.await.unwrap();
        // The server's settings: it counts the connection.
        let mut ping = connection.ping_pong().unwrap();
        let driven = tokio::spawn(connection);
        ping.ping(h2::Ping::opaque()).await.unwrap();
        held.push((send, driven));
    }
    let over = WorkloadClient::connect(&world.path).await;
    assert!(over.is_err(), "it was served");
    let (send, driven) = held.pop().unwrap();
    drop(send);
    let _ = tokio::time::timeout(Duration::from_secs(10), driven).await.unwrap();
    let mut again = WorkloadClient::connect(&world.path).await;
    // The server sees the end of the one that went a moment later.
    for _ in 0..1000 {
        if again.is_ok() {
            break;
        }
        tokio::task::yield_now().await;
        again = WorkloadClient::connect(&world.path).await;
    }
    assert!(again.is_ok());
}
