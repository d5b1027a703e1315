//! Floods of HTTP/2 frames, each sent by hand: the connection ends, and others go on.

use crate::client::Client;
use crate::documents::Origins;
use crate::frames::{self, GOAWAY, RST_STREAM, SETTINGS, frame};
use crate::origin::{Origin, Reply};
use crate::wait::soon;
use crate::world::World;
use selvedge_net::Alpn;

const PING: u8 = 6;
const WINDOW_UPDATE: u8 = 8;
const CONTINUATION: u8 = 9;
const GET: [(&str, &str); 4] =
    [(":method", "GET"), (":scheme", "https"), (":authority", "api.example"), (":path", "/")];

async fn start() -> (Origin, World) {
    let origin = Origin::always(Reply::ok("good")).await;
    let nobody = ([127, 0, 0, 1], 9).into();
    let world = World::start(Origins { http: origin.address, http2: nobody, tcp: nobody }, |_| {}).await;
    (origin, world)
}

async fn open(world: &World) -> Client {
    let mut client = Client::tls(world, "api.example", Alpn::H2).await.unwrap();
    client.send(frames::preface()).await;
    client
}

/// A body that has begun: a POST whose end does not come.
fn begun(stream: u32) -> Vec<u8> {
    let fields = [(":method", "POST"), (":scheme", "https"), (":authority", "api.example"), (":path", "/")];
    let mut request = frames::request(stream, &fields);
    // Without END_STREAM.
    request[4] = 4;
    request
}

#[tokio::test]
async fn each_flood_ends_its_connection_and_no_other() {
    let (_origin, world) = start().await;
    let floods: Vec<(&str, Vec<u8>, Vec<u8>)> = vec![
        ("settings", vec![], frame(SETTINGS, 0, 0, &[]).repeat(2_000)),
        ("settings that change the window", vec![], frame(SETTINGS, 0, 0, &[0, 4, 0, 0, 1, 0]).repeat(2_000)),
        ("pings", vec![], frame(PING, 0, 0, &[7; 8]).repeat(20_000)),
        ("empty data", begun(1), frame(0, 0, 1, &[]).repeat(2_000)),
        ("priorities", vec![], frame(2, 0, 1, &[0, 0, 0, 0, 1]).repeat(2_000)),
        ("windows opened byte by byte", begun(1), frame(WINDOW_UPDATE, 0, 1, &[0, 0, 0, 1]).repeat(40_000)),
        ("a head that never ends", frame(1, 0, 1, &[]), frame(CONTINUATION, 0, 1, &[]).repeat(2_000)),
        ("a head that grows without end", frame(1, 0, 1, &[]), frame(CONTINUATION, 0, 1, &[0; 4_000]).repeat(200)),
        ("a window that overflows", vec![], frame(WINDOW_UPDATE, 0, 0, &[0x7f, 0xff, 0xff, 0xff]).repeat(2)),
    ];
    let mut decent = open(&world).await;
    for (what, first, flood) in floods {
        let mut client = open(&world).await;
        client.send(first).await;
        client.send(flood).await;
        // It ends, with or without a word: a connection that goes on would keep this waiting.
        soon(client.rest()).await;
        decent.send(frames::request(decent_stream(), &GET)).await;
        let frame = frames::next(&mut decent, &[1, RST_STREAM, GOAWAY]).await.unwrap();
        assert_eq!(frame.kind, 1, "{what}: another connection is disturbed: {frame:?}");
    }
}

/// The next stream of the decent connection: odd, and greater than all before.
fn decent_stream() -> u32 {
    use std::sync::atomic::{AtomicU32, Ordering};
    static NEXT: AtomicU32 = AtomicU32::new(1);
    NEXT.fetch_add(2, Ordering::Relaxed)
}

#[tokio::test]
async fn a_small_head_that_expands_to_a_large_one_is_refused() {
    let (origin, world) = start().await;
    let mut client = open(&world).await;
    // One field of 4 KiB into the dynamic table (RFC 7541 §6.2.1), and then a byte for each repetition of it.
    let value = "a".repeat(3_900);
    let mut block = vec![0x40, 1, b'x', 0x7f];
    // 3900 = 127 + 3773, in seven-bit groups (RFC 7541 §5.1).
    block.extend([(3_773 & 0x7f) as u8 | 0x80, (3_773 >> 7) as u8]);
    block.extend(value.bytes());
    block.extend([0xbe; 4_000]);
    client.send(frame(1, 5, 1, &block)).await;
    let answer = frames::next(&mut client, &[1, RST_STREAM, GOAWAY]).await;
    // 0x88 is the indexed field of status 200.
    assert!(answer.is_none_or(|frame| frame.kind != 1 || !frame.payload.starts_with(&[0x88])));
    assert_eq!(origin.bytes(), b"");
}

#[tokio::test]
async fn resets_of_streams_that_were_begun_end_the_connection() {
    let (origin, world) = start().await;
    let mut client = open(&world).await;
    for stream in (1..4_001).step_by(2) {
        client.send([begun(stream), frames::cancel(stream)].concat()).await;
    }
    soon(client.rest()).await;
    assert!(origin.requests().len() < 700, "{} reached the workload", origin.requests().len());
}

#[tokio::test]
async fn a_refusal_of_a_grpc_call_has_its_status_in_trailers() {
    let (_origin, world) = start().await;
    let mut client = open(&world).await;
    let call = [
        (":method", "POST"),
        (":scheme", "https"),
        (":authority", "narrow.example"),
        (":path", "/shop.Orders/List"),
        ("content-type", "application/grpc"),
        ("te", "trailers"),
    ];
    let mut client_narrow = Client::tls(&world, "narrow.example", Alpn::H2).await.unwrap();
    client_narrow.send([frames::preface(), frames::request(1, &call)].concat()).await;
    let frame = frames::next(&mut client_narrow, &[1, RST_STREAM, GOAWAY]).await.unwrap();
    // Status 200, and the end of the stream with the head: trailers alone.
    assert!(frame.kind == 1 && frame.payload.starts_with(&[0x88]), "{frame:?}");
    client.send(frames::request(1, &GET)).await;
    let frame = frames::next(&mut client, &[1, RST_STREAM, GOAWAY]).await.unwrap();
    assert!(frame.payload.starts_with(&[0x88]), "{frame:?}");
}
