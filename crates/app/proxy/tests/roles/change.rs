//! Changes of the plan reach connections that are open; one that cannot be enforced leaves everything as it was.

use crate::client::Client;
use crate::documents::Origins;
use crate::origin::{Origin, Reply};
use crate::upstream::{GREETING, Tcp};
use crate::way::{Way, around};
use crate::world::World;
use selvedge_model::{Outcome, Role};
use selvedge_proxy::ApplyError;
use std::net::TcpListener;

#[tokio::test]
async fn the_next_request_on_an_open_connection_is_decided_by_the_new_plan() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = around(&origin, |_| {}).await;
    for way in Way::ROLES {
        let (host, refused) = (way.host(), if way == Way::EdgeHttp { 404 } else { 403 });
        let mut client = way.connect(&world).await;
        assert_eq!(client.get(host, "/").await.status, 200, "{way:?}");
        world.apply(&world.documents.clone().without(way.rule())).await;
        let before = origin.requests().len();
        assert_eq!(client.get(host, "/").await.status, refused, "{way:?}");
        assert_eq!(client.post(host, "/", "").await.status, refused, "{way:?}");
        assert_eq!(origin.requests().len(), before, "{way:?}");
        world.apply(&world.documents).await;
        assert_eq!(client.get(host, "/").await.status, 200, "{way:?}");
    }
}

#[tokio::test]
async fn the_record_of_a_request_names_the_plan_that_decided_it() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = around(&origin, |_| {}).await;
    let mut client = Way::EdgeHttp.connect(&world).await;
    let mut hashes = Vec::new();
    for label in 1..4 {
        let mut documents = world.documents.clone();
        documents.label = label;
        world.apply(&documents).await;
        let answer = client.get("api.example", "/").await;
        let records = world.records(answer.decision(), 2).await;
        let hash = world.gateway.proxy.plan().hash().clone();
        assert!(records.iter().all(|record| record.plan == hash));
        hashes.push(hash);
    }
    hashes.dedup();
    assert_eq!(hashes.len(), 3);
}

async fn with_tcp() -> (Tcp, World) {
    let tcp = Tcp::start().await;
    let nobody = ([127, 0, 0, 1], 9).into();
    let world = World::start(Origins { http: nobody, http2: nobody, tcp: tcp.address }, |_| {}).await;
    (tcp, world)
}

#[tokio::test]
async fn a_tcp_tunnel_goes_on_through_changes_until_it_is_no_longer_allowed() {
    let (tcp, world) = with_tcp().await;
    let mut client = Client::plain(world.documents.places.out_tcp).await;
    assert_eq!(client.bytes(GREETING.len()).await, GREETING);
    // A change that does not concern it.
    let mut documents = world.documents.clone();
    documents.label = 1;
    world.apply(&documents).await;
    client.send("ping").await;
    assert_eq!(client.bytes(4).await, b"ping");
    // Refused at either hop alone; the tunnel that was there before is the first to go.
    let without = world.documents.clone().without("caller-tcp");
    for (count, process) in [&world.far, &world.near].into_iter().enumerate() {
        let mut client = Client::plain(world.documents.places.out_tcp).await;
        assert_eq!(client.bytes(GREETING.len()).await, GREETING);
        world.apply_at(process, &without).await.unwrap();
        assert_eq!(client.rest().await, b"");
        tcp.ended(count + 2).await;
        let denied = |record: &selvedge_model::Record| matches!(record.outcome, Outcome::Denied(_));
        assert_ne!(process.record(denied).await.role, Role::Gateway);
        world.apply(&world.documents).await;
    }
    assert_eq!(client.rest().await, b"");
}

#[tokio::test]
async fn a_plan_with_an_address_that_cannot_be_bound_is_refused_and_the_old_one_stays() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = around(&origin, |_| {}).await;
    // Addresses are bound in their order: the good one first, so that there is something to undo.
    let mut held = [0, 0].map(|port| TcpListener::bind((world.documents.places.free.ip(), port)).unwrap());
    held.sort_by_key(|listener| listener.local_addr().unwrap());
    let [good, taken] = held;
    let free = good.local_addr().unwrap();
    drop(good);
    let mut open = Way::EdgeHttp.connect(&world).await;
    assert_eq!(open.get("direct.example", "/").await.status, 200);
    let before = world.gateway.proxy.plan().hash().clone();
    // One new address is good, the other is taken; and a rule goes.
    let mut documents = world.documents.clone().without("public-direct");
    documents.places.edge_http = free;
    documents.places.edge_https = taken.local_addr().unwrap();
    let refused = world.apply_at(&world.gateway, &documents).await;
    assert!(matches!(refused, Err(ApplyError::Bind { address, .. }) if address == documents.places.edge_https));
    assert_eq!(*world.gateway.proxy.plan().hash(), before);
    assert_eq!(open.get("direct.example", "/").await.status, 200);
    assert_eq!(Way::EdgeHttp.connect(&world).await.get("direct.example", "/").await.status, 200);
    assert_eq!(Way::EdgeHttps.connect(&world).await.get("direct.example", "/").await.status, 200);
    // The good one is not listened on either: somebody else may have it.
    crate::wait::until(|| TcpListener::bind(free).ok()).await;
    drop(taken);
    world.apply_at(&world.gateway, &documents).await.unwrap();
    assert_eq!(open.get("direct.example", "/").await.status, 404);
}

#[tokio::test]
async fn a_plan_in_which_two_claim_one_address_is_refused() {
    let origin = Origin::always(Reply::ok("good")).await;
    let mut world = around(&origin, |_| {}).await;
    let at = world.documents.places.out_http;
    // The documents alone are good: the node's own address is none of their business.
    world.near.settings.mesh_listen = Some(at);
    let refused = world.apply_at(&world.near, &world.documents).await;
    assert!(matches!(refused, Err(ApplyError::Claimed(address)) if address == at), "{refused:?}");
    assert_eq!(Way::Outbound.connect(&world).await.get("direct", "/").await.status, 200);
}

#[tokio::test]
async fn an_address_that_is_no_longer_named_is_left_and_its_open_connections_go_on() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = around(&origin, |_| {}).await;
    let mut open = Way::EdgeHttp.connect(&world).await;
    assert_eq!(open.get("direct.example", "/").await.status, 200);
    let mut documents = world.documents.clone();
    documents.places.edge_http = documents.places.free;
    world.apply(&documents).await;
    assert_eq!(open.get("direct.example", "/").await.status, 200);
    assert_eq!(Client::plain(documents.places.free).await.get("direct.example", "/").await.status, 200);
    // Nobody listens there any more.
    crate::wait::until(|| TcpListener::bind(world.documents.places.edge_http).ok()).await;
}

#[tokio::test]
async fn a_workload_that_is_no_longer_the_one_described_is_refused_on_its_open_connection() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = around(&origin, |_| {}).await;
    let mut client = Way::Outbound.connect(&world).await;
    assert_eq!(client.get("direct", "/").await.status, 200);
    let mut documents = world.documents.clone();
    documents.uid += 1;
    world.apply(&documents).await;
    let refused = client.get("direct", "/").await;
    assert_eq!((refused.status, refused.closes()), (403, true));
    // Once it is described again, it is who it was: on a connection of its own.
    world.apply(&world.documents).await;
    assert_eq!(Way::Outbound.connect(&world).await.get("direct", "/").await.status, 200);
}

#[tokio::test]
async fn a_tunnel_of_a_workload_that_is_no_longer_the_one_described_is_closed() {
    let (tcp, world) = with_tcp().await;
    let mut client = Client::plain(world.documents.places.out_tcp).await;
    assert_eq!(client.bytes(GREETING.len()).await, GREETING);
    let mut documents = world.documents.clone();
    documents.uid += 1;
    world.apply_at(&world.near, &documents).await.unwrap();
    assert_eq!(client.rest().await, b"");
    tcp.ended(1).await;
}
