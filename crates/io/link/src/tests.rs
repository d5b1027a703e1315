//! What a peer may send, and what ends the link.

use crate::frame::{self, FrameError};
use crate::*;
use proptest::prelude::*;
use selvedge_identity::{Authority, TrustBundle};
use selvedge_model::{Host, Name, SpiffeId, TrustDomain};
use std::collections::BTreeMap;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const NOW: u64 = 1_800_000_000;
const IDLE: Duration = Duration::from_millis(200);

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn id() -> SpiffeId {
    SpiffeId::parse("spiffe://acme.example/node/n1").unwrap()
}

fn info() -> NodeInfo {
    NodeInfo {
        kind: NodeKind::Node,
        name: name("n1"),
        services: vec![name("orders")],
        advertise: text::parse_host_port("10.0.0.5:15443").ok(),
        version: "0.1.0".into(),
    }
}

fn from_node() -> Vec<FromNode> {
    let issue = |want| FromNode::Issue { ticket: 7, want, csr: vec![0, 255] };
    vec![
        FromNode::Join { secret: JoinSecret([7; 32].into()), csr: vec![1, 2, 3] },
        FromNode::Hello { node: info(), enforced: Some("h".into()) },
        FromNode::Hello { node: NodeInfo { kind: NodeKind::Gateway, advertise: None, ..info() }, enforced: None },
        issue(Want::Myself),
        issue(Want::Service(name("orders"))),
        issue(Want::Server(vec![Host::parse("api.acme.example").unwrap(), Host::parse("[::1]").unwrap()])),
        FromNode::Receipt {
            revision: 3,
            plan: None,
            refused: Some("no".into()),
            certificates: vec![CertificateInfo { id: "x".into(), serial: "0a".into(), not_after: 9, root: "r".into() }],
            trust: 4,
            clock: 5,
        },
        FromNode::IssueJwt { ticket: 3, service: name("orders"), audiences: vec!["ledger".into()] },
        FromNode::Ping,
    ]
}

fn trust() -> TrustBundle {
    TrustBundle::of(TrustDomain::parse("acme.example").unwrap(), vec![vec![1, 2]])
}

async fn read_from_node(bytes: &[u8]) -> Result<FromNode, FrameError> {
    frame::read(&mut std::io::Cursor::new(bytes.to_vec()), IDLE).await
}

fn framed(body: &[u8]) -> Vec<u8> {
    [&u32::try_from(body.len()).unwrap().to_be_bytes()[..], body].concat()
}

#[tokio::test]
async fn every_message_survives_the_wire() {
    for message in from_node() {
        assert_eq!(read_from_node(&frame::encode(&message).unwrap()).await, Ok(message));
    }
    for message in [
        ToNode::Joined { chain: vec![vec![1], vec![2, 3]], bundle: trust(), services: Vec::new() },
        ToNode::Trust(trust()),
        ToNode::Issued { ticket: 1, chain: vec![] },
        ToNode::Renew { root: "r".into() },
        ToNode::Jwt { ticket: 2, token: "a.b.c".into() },
        ToNode::Refused { ticket: None, reason: "no".into() },
        ToNode::Pong,
    ] {
        let bytes = frame::encode(&message).unwrap();
        assert_eq!(frame::read(&mut bytes.as_slice(), IDLE).await, Ok(message));
    }
}

#[tokio::test]
async fn a_frame_over_the_limit_is_refused_by_its_length_alone() {
    let bytes_max = 64 * 1024;
    let claimed = (bytes_max + 1_u32).to_be_bytes();
    assert_eq!(read_from_node(&claimed).await, Err(FrameError::TooLong { bytes: u64::from(bytes_max) + 1, bytes_max }));
    assert!(matches!(read_from_node(&[255; 4]).await, Err(FrameError::TooLong { .. })));
}

#[tokio::test]
async fn we_never_send_what_the_other_side_would_refuse() {
    let (node, _control) = tokio::io::duplex(1024);
    let mut end = NodeEnd::remote(node);
    let csr = vec![0; 64 * 1024];
    end.send(FromNode::Issue { ticket: 1, want: Want::Myself, csr }).await.unwrap();
    assert_eq!(end.recv().await, None);
    assert!(matches!(end.reason(), Some(FrameError::TooLong { .. })));
}

#[tokio::test]
async fn what_is_no_message_is_garbage_and_is_not_repeated() {
    for body in [
        &b"{"[..],
        b"\xff\xfe",
        b"\"pong\"",
        b"{\"join\":{}}",
        b"{\"join\":{\"secret\":\"AAAA\",\"csr\":\"\"}}",
        b"{\"hello\":{\"node\":{\"kind\":\"control\"}}}",
        b"{\"issue\":{\"ticket\":-1,\"want\":\"myself\",\"csr\":\"\"}}",
        b"{\"issue\":{\"ticket\":1,\"want\":{\"service\":\"Not A Name\"},\"csr\":\"\"}}",
        b"\"ping\" \"ping\"",
        b"",
    ] {
        let error = read_from_node(&framed(body)).await.unwrap_err();
        assert!(matches!(error, FrameError::Garbage { .. }), "{error:?}");
        assert!(!error.to_string().contains("Not A Name"));
    }
}

#[tokio::test]
async fn an_end_inside_a_frame_is_not_an_end_between_frames() {
    let whole = frame::encode(&FromNode::Ping).unwrap();
    assert_eq!(read_from_node(&[]).await, Err(FrameError::Closed));
    for cut in 1..whole.len() {
        assert_eq!(read_from_node(&whole[..cut]).await, Err(FrameError::Truncated), "cut at {cut}");
    }
}

#[tokio::test]
async fn a_peer_that_says_nothing_is_taken_for_dead() {
    let (mut silent, mut ours) = tokio::io::duplex(64);
    silent.write_all(&[0, 0]).await.unwrap();
    let read: Result<FromNode, _> = frame::read(&mut ours, Duration::from_millis(20)).await;
    assert!(matches!(read, Err(FrameError::Silent { .. })));
}

#[tokio::test]
async fn both_ends_speak_over_a_stream_and_the_last_word_arrives() {
    let (node, control) = tokio::io::duplex(64);
    let (mut node, mut control) = (NodeEnd::remote(node), ControlEnd::remote(control, Some(id())));
    node.send(FromNode::Hello { node: info(), enforced: None }).await.unwrap();
    assert!(matches!(control.recv().await, Some(FromNode::Hello { .. })));
    control.send(ToNode::Refused { ticket: None, reason: "not you".into() }).await.unwrap();
    drop(control);
    assert!(matches!(node.recv().await, Some(ToNode::Refused { .. })));
    assert_eq!(node.recv().await, None);
}

#[tokio::test]
async fn a_local_link_is_the_same_without_a_socket() {
    let (mut node, mut control) = local(id());
    assert_eq!(control.peer, Some(id()));
    node.send(FromNode::Ping).await.unwrap();
    assert_eq!(control.recv().await, Some(FromNode::Ping));
    control.send(ToNode::Trust(trust())).await.unwrap();
    assert_eq!(node.recv().await, Some(ToNode::Trust(trust())));
    drop(control);
    assert_eq!((node.recv().await, node.send(FromNode::Ping).await), (None, Err(Closed)));
}

#[tokio::test]
async fn garbage_ends_the_link_and_the_reason_is_known() {
    let (mut peer, ours) = tokio::io::duplex(64);
    let mut control = ControlEnd::remote(ours, None);
    peer.write_all(&framed(b"hello")).await.unwrap();
    assert_eq!(control.recv().await, None);
    assert!(matches!(control.reason(), Some(FrameError::Garbage { .. })));
    assert_eq!(peer.read(&mut [0; 8]).await.unwrap(), 0);
}

#[test]
fn a_secret_is_not_printed() {
    let shown = format!("{:?}", from_node());
    assert!(shown.contains("[secret]") && !shown.contains("7, 7"), "{shown}");
}

fn signed(authority: &Authority, domain: &str) -> SignedBundle {
    let bundle = Bundle {
        trust_domain: TrustDomain::parse(domain).unwrap(),
        revision: 5,
        documents: vec![("a.yaml".into(), "kind: Mesh\n".into())],
        registered: BTreeMap::from([(name("orders"), vec![text::parse_host_port("[::1]:9").unwrap()])]),
        revoked: Default::default(),
        federated: Vec::new(),
    };
    let payload = serde_json::to_string(&bundle).unwrap();
    let signature = authority.sign(payload.as_bytes()).unwrap();
    SignedBundle { payload: payload.into(), signature }
}

#[test]
fn a_bundle_opens_only_as_it_was_signed() {
    let domain = TrustDomain::parse("acme.example").unwrap();
    let authority = Authority::create(&domain, NOW).unwrap();
    let good = signed(&authority, "acme.example");
    let opened = good.open(&authority.bundle(), NOW).unwrap();
    assert_eq!((opened.revision, opened.endpoints().len(), opened.files().len()), (5, 1, 1));

    let changed = SignedBundle { payload: good.payload.replace("Mesh", "Mash").into(), ..good.clone() };
    assert!(matches!(changed.open(&authority.bundle(), NOW), Err(OpenError::Signature(_))));
    let stranger = Authority::create(&domain, NOW).unwrap();
    assert!(matches!(good.open(&stranger.bundle(), NOW), Err(OpenError::Signature(_))));
    let foreign = signed(&authority, "other.example");
    assert!(matches!(foreign.open(&authority.bundle(), NOW), Err(OpenError::TrustDomain(_))));
}

proptest! {
    #[test]
    fn any_bytes_give_a_message_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let read = runtime.block_on(read_from_node(&bytes));
        let framed = runtime.block_on(read_from_node(&framed(&bytes)));
        prop_assert!(read.is_err() && framed.is_err());
    }

    #[test]
    fn a_changed_byte_never_changes_the_length_of_what_is_read(at in 4_usize..60, byte: u8) {
        let mut bytes = frame::encode(&FromNode::Hello { node: info(), enforced: None }).unwrap();
        bytes[at] = byte;
        bytes.extend(frame::encode(&FromNode::Ping).unwrap());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let mut reader = std::io::Cursor::new(bytes);
        let _: Result<FromNode, _> = runtime.block_on(frame::read(&mut reader, IDLE));
        prop_assert_eq!(runtime.block_on(frame::read::<FromNode>(&mut reader, IDLE)), Ok(FromNode::Ping));
    }
}
