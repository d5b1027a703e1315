//! HTTP/2 frames by hand (RFC 9113), for what a decent library refuses to send.

use crate::client::Client;

/// Types of frames.
pub(crate) const HEADERS: u8 = 1;
pub(crate) const RST_STREAM: u8 = 3;
pub(crate) const SETTINGS: u8 = 4;
pub(crate) const GOAWAY: u8 = 7;
/// Flags.
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A frame as received.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) kind: u8,
    pub(crate) stream: u32,
    pub(crate) payload: Vec<u8>,
}

/// What a client says first.
pub(crate) fn preface() -> Vec<u8> {
    [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), frame(SETTINGS, 0, 0, &[])].concat()
}

/// A request without a body.
pub(crate) fn request(stream: u32, fields: &[(&str, &str)]) -> Vec<u8> {
    // Literal fields without indexing and without Huffman coding (RFC 7541 §6.2.2).
    let literal = |(name, value): &(&str, &str)| {
        let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
        [vec![0], text(name), text(value)].concat()
    };
    let block: Vec<u8> = fields.iter().flat_map(literal).collect();
    frame(HEADERS, END_STREAM | END_HEADERS, stream, &block)
}

/// The end of a stream that nobody waits for any more.
pub(crate) fn cancel(stream: u32) -> Vec<u8> {
    frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes())
}

pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// The next frame; `None` at the end.
pub(crate) async fn read(client: &mut Client) -> Option<Frame> {
    let head = client.bytes(9).await;
    let [a, b, c, kind, _, s, t, u, v] = head[..] else { return None };
    let length = u32::from_be_bytes([0, a, b, c]) as usize;
    let payload = client.bytes(length).await;
    Some(Frame { kind, stream: u32::from_be_bytes([s & 0x7f, t, u, v]), payload })
}

/// The next frame of one of these kinds; others are passed over.
pub(crate) async fn next(client: &mut Client, kinds: &[u8]) -> Option<Frame> {
    loop {
        let frame = read(client).await?;
        if kinds.contains(&frame.kind) {
            return Some(frame);
        }
    }
}
