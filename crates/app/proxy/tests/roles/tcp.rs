//! Opaque TCP: both ways, each direction ending by itself, and not a byte for those who may not.

use crate::client::Client;
use crate::documents::Origins;
use crate::upstream::{GREETING, Tcp};
use crate::world::World;
use selvedge_model::{DecisionId, DenialReason, Outcome, Record, Role};
use selvedge_net::{Alpn, now_ms, random_u128};

async fn start() -> (Tcp, World) {
    let tcp = Tcp::start().await;
    let nobody = ([127, 0, 0, 1], 9).into();
    let world = World::start(Origins { http: nobody, http2: nobody, tcp: tcp.address }, |_| {}).await;
    (tcp, world)
}

fn of(role: Role, service: &'static str) -> impl Fn(&Record) -> bool {
    move |record| record.role == role && record.service.as_ref().is_some_and(|name| name.as_str() == service)
}

#[tokio::test]
async fn bytes_go_both_ways_the_server_speaks_first_and_each_side_ends_by_itself() {
    let (tcp, world) = start().await;
    let mut client = Client::plain(world.documents.places.out_tcp).await;
    assert_eq!(client.bytes(GREETING.len()).await, GREETING, "before we have said a word");
    let block: Vec<u8> = (0..100_000_u32).map(|i| (i % 253) as u8).collect();
    client.send(&block).await;
    assert_eq!(client.bytes(block.len()).await, block);
    client.end().await;
    assert_eq!(client.rest().await, b"100000 bytes\r\n", "what the server says after our end");
    tcp.ended(1).await;
    let near = world.near.record(of(Role::MeshOutbound, "orders")).await;
    let hops = world.records(&near.id.to_string(), 2).await;
    assert_eq!(hops.iter().map(|hop| hop.role).collect::<Vec<_>>(), [Role::MeshOutbound, Role::MeshInbound]);
    for hop in hops {
        let Outcome::Allowed(rule) = &hop.outcome else { panic!("{:?}", hop.outcome) };
        assert_eq!(rule.to_string(), "orders/caller-tcp");
        let out = (GREETING.len() + 100_000 + "100000 bytes\r\n".len()) as u64;
        assert_eq!((hop.bytes_in, hop.bytes_out, hop.status), (100_000, out, 0));
    }
}

#[tokio::test]
async fn a_call_that_no_rule_allows_gets_not_a_byte() {
    let (tcp, world) = start().await;
    let mut client = Client::plain(world.documents.places.out_tcp_shut).await;
    client.send("hello").await;
    assert_eq!(client.rest().await, b"");
    let record = world.near.record(of(Role::MeshOutbound, "shut")).await;
    let Outcome::Denied(denial) = record.outcome else { panic!("{:?}", record.outcome) };
    assert_eq!((denial.reason, tcp.connections()), (DenialReason::NotPermitted, 0));
}

#[tokio::test]
async fn an_observed_service_takes_a_call_that_no_rule_allows() {
    let (tcp, world) = start().await;
    let mut observed = world.documents.clone().without("caller-tcp");
    observed.mode = "observe";
    world.apply(&observed).await;
    let mut client = Client::plain(world.documents.places.out_tcp).await;
    assert_eq!(client.bytes(GREETING.len()).await, GREETING);
    client.end().await;
    client.rest().await;
    tcp.ended(1).await;
    let near = world.near.record(of(Role::MeshOutbound, "orders")).await;
    let hops = world.records(&near.id.to_string(), 2).await;
    assert_eq!(hops.len(), 2);
    hops.iter().for_each(|hop| assert!(matches!(hop.outcome, Outcome::Observed(_)), "{:?}", hop.outcome));
}

#[tokio::test]
async fn a_call_that_the_other_hop_denies_gets_not_a_byte_and_both_have_records() {
    let (tcp, world) = start().await;
    // The node of the services knows already what the caller's does not.
    world.apply_at(&world.far, &world.documents.clone().without("caller-tcp")).await.unwrap();
    let mut client = Client::plain(world.documents.places.out_tcp).await;
    client.send("hello").await;
    assert_eq!(client.rest().await, b"");
    let near = world.near.record(of(Role::MeshOutbound, "orders")).await;
    let hops = world.records(&near.id.to_string(), 2).await;
    assert_eq!(hops.len(), 2);
    for hop in hops {
        let Outcome::Denied(denial) = &hop.outcome else { panic!("{:?}", hop.outcome) };
        assert_eq!(denial.reason, DenialReason::NotPermitted, "{:?}", hop.role);
    }
    assert_eq!((tcp.connections(), tcp.heard.lock().unwrap().len()), (0, 0));
}

#[tokio::test]
async fn a_peer_without_a_rule_is_told_no_and_nothing_else() {
    let (tcp, world) = start().await;
    let tls = world.mesh_tls(&["stranger", "gateway/edge", "node/far", "caller"]);
    for (path, first) in [("stranger", 1_u8), ("gateway/edge", 1), ("node/far", 2)] {
        let mut client = Client::mesh(&world, &tls, path, "tcp.orders", Alpn::MeshTcp).await.unwrap();
        let id = DecisionId::new(now_ms(), random_u128());
        client.send(id.bytes()).await;
        client.send("hello").await;
        assert_eq!(client.rest().await, [first], "{path}");
        let [record] = &world.records(&id.to_string(), 1).await[..] else { panic!("not one record") };
        assert!(!matches!(record.outcome, Outcome::Allowed(_)), "{path}");
        assert_eq!(record.peer, Some(world.id(path)));
    }
    assert_eq!(tcp.connections(), 0);
    let mut client = Client::mesh(&world, &tls, "caller", "tcp.orders", Alpn::MeshTcp).await.unwrap();
    client.send(DecisionId::new(now_ms(), random_u128()).bytes()).await;
    assert_eq!(client.bytes(1 + GREETING.len()).await, [&[0], GREETING].concat());
}

#[tokio::test]
async fn a_peer_that_ends_before_its_id_is_whole_reaches_nobody() {
    let (tcp, world) = start().await;
    let tls = world.mesh_tls(&["caller"]);
    let mut client = Client::mesh(&world, &tls, "caller", "tcp.orders", Alpn::MeshTcp).await.unwrap();
    client.send("too short").await;
    client.end().await;
    assert_eq!(client.rest().await, b"");
    let record = world.far.record(|record| record.role == Role::MeshInbound).await;
    assert!(matches!(record.outcome, Outcome::Faulted { .. }), "{:?}", record.outcome);
    assert_eq!(tcp.connections(), 0);
}

#[tokio::test]
async fn a_process_that_is_not_the_workload_gets_not_a_byte() {
    let tcp = Tcp::start().await;
    let nobody = ([127, 0, 0, 1], 9).into();
    let origins = Origins { http: nobody, http2: nobody, tcp: tcp.address };
    let world = World::start(origins, |documents| documents.uid += 1).await;
    let mut client = Client::plain(world.documents.places.out_tcp).await;
    client.send("hello").await;
    assert_eq!(client.rest().await, b"");
    let record = world.near.record(|record| record.role == Role::MeshOutbound).await;
    let Outcome::Denied(denial) = record.outcome else { panic!("{:?}", record.outcome) };
    assert_eq!((denial.reason, tcp.connections()), (DenialReason::Unattested, 0));
}

#[tokio::test]
async fn a_workload_that_is_not_there_ends_the_call() {
    let (_tcp, world) = start().await;
    let mut documents = world.documents.clone();
    documents.origins.tcp = documents.places.free;
    world.apply(&documents).await;
    let mut client = Client::plain(world.documents.places.out_tcp).await;
    assert_eq!(client.rest().await, b"");
    let near = world.near.record(of(Role::MeshOutbound, "orders")).await;
    assert_eq!(world.records(&near.id.to_string(), 2).await.len(), 2);
}
