//! Frames of the link, read from either side: nothing panics, and reading comes to an end.

use selvedge_link::{ControlEnd, NodeEnd};
use std::sync::OnceLock;
use tokio::io::AsyncWriteExt;
use tokio::runtime::{Builder, Runtime};

/// Bytes that are in flight; more than any input has.
const PIPE_BYTES: usize = 128 * 1024;

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Runtime> = OnceLock::new();
    RUNTIME.get_or_init(|| Builder::new_current_thread().enable_time().build().expect("a runtime"))
}

/// The first byte says who reads.
pub(super) fn run(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    runtime().block_on(async {
        let (mut ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        ours.write_all(rest).await.expect("room in the pipe");
        ours.shutdown().await.expect("an end");
        if kind % 2 == 0 {
            let mut end = ControlEnd::remote(theirs, None);
            while end.recv().await.is_some() {}
            assert!(end.reason().is_some(), "a link that ended says why");
        } else {
            let mut end = NodeEnd::remote(theirs);
            while end.recv().await.is_some() {}
            assert!(end.reason().is_some(), "a link that ended says why");
        }
    });
}

pub(super) fn inputs() -> Vec<Vec<u8>> {
    let frame = |kind: u8, json: &str| [&[kind], &(json.len() as u32).to_be_bytes()[..], json.as_bytes()].concat();
    vec![
        frame(0, r#""ping""#),
        frame(0, r#"{"issue":{"ticket":1,"want":"myself","csr":"AAAA"}}"#),
        frame(0, r#"{"receipt":{"revision":1,"plan":"00","refused":null,"certificates":[]}}"#),
        frame(1, r#""pong""#),
        frame(1, r#"{"refused":{"ticket":null,"reason":"no"}}"#),
        frame(1, r#"{"bundle":{"payload":"{}","signature":{"signature":"AAAA","chain":[]}}}"#),
        b"\0\xff\xff\xff\xff".to_vec(),
        b"\x01\x00\x00\x00\x02{}".to_vec(),
    ]
}
