//! Reads a client's side of HTTP/2 with each `:authority` replaced by one that h2 accepts.
//!
//! gRPC's C core (Python, C++, Ruby, PHP) names a unix socket's path there, percent-encoded. RFC 3986 §3.2.2 allows that,
//! and h2 resets such a stream, so none of those libraries could call us. Nothing here depends on the value. Frames and
//! fields are walked, not decoded (RFC 9113 §4, RFC 7541 §6): what is not understood is passed on as it came, for h2 to
//! judge. A shorter value never makes h2's table of fields evict what the client's has.

use bytes::BytesMut;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// Bytes of the connection preface, of a frame's head, and of the largest frame that h2 takes by default.
const PREFACE_BYTES: usize = 24;
const HEAD_BYTES: usize = 9;
const FRAME_BYTES_MAX: usize = 16 * 1024;
/// The type of HEADERS, and its flags.
const HEADERS: u8 = 1;
const END_HEADERS: u8 = 0x4;
const PADDED: u8 = 0x8;
const PRIORITY: u8 = 0x20;
/// `:authority` by its index in the static table, and written out as gRPC's C core does, after the length.
const AUTHORITY: usize = 1;
const NAME: &[u8] = b"\x0a:authority";
/// What stands for every value of it.
const VALUE: &[u8] = &[1, b'w'];
/// Bytes that are read at a time.
const READ_BYTES: usize = 4 * 1024;

/// A stream whose reading side is rewritten.
pub(crate) struct Rewritten<S> {
    stream: S,
    rewriter: Rewriter,
    ready: BytesMut,
}

/// The state between pieces of the stream.
#[derive(Debug)]
pub(crate) struct Rewriter {
    /// Bytes that are passed on as they come.
    pass: usize,
    held: BytesMut,
}

impl Rewriter {
    pub(crate) fn new() -> Rewriter {
        Rewriter { pass: PREFACE_BYTES, held: BytesMut::new() }
    }

    /// Takes what came, and adds what is to be read to `out`. At most one frame is held back.
    pub(crate) fn feed(&mut self, bytes: &[u8], out: &mut BytesMut) {
        self.held.extend_from_slice(bytes);
        loop {
            let pass = self.pass.min(self.held.len());
            out.extend_from_slice(&self.held.split_to(pass));
            self.pass -= pass;
            let Some(&[a, b, c, kind, flags, ..]) = self.held.first_chunk::<HEAD_BYTES>() else { return };
            if self.pass > 0 {
                return;
            }
            let length = usize::from(a) << 16 | usize::from(b) << 8 | usize::from(c);
            if kind != HEADERS || flags & END_HEADERS == 0 || length > FRAME_BYTES_MAX {
                self.pass = HEAD_BYTES + length;
                continue;
            }
            if self.held.len() < HEAD_BYTES + length {
                return;
            }
            let frame = self.held.split_to(HEAD_BYTES + length);
            match rewritten(&frame, flags) {
                Some(frame) => out.extend_from_slice(&frame),
                None => out.extend_from_slice(&frame),
            }
        }
    }
}

/// A HEADERS frame with another authority. `None`: it has none, or is not understood.
fn rewritten(frame: &[u8], flags: u8) -> Option<Vec<u8>> {
    let (head, payload) = frame.split_at_checked(HEAD_BYTES)?;
    let padding = if flags & PADDED != 0 { usize::from(*payload.first()?) } else { 0 };
    let before = usize::from(flags & PADDED != 0) + if flags & PRIORITY != 0 { 5 } else { 0 };
    let block = payload.get(before..payload.len().checked_sub(padding)?)?;
    let (from, to) = authority(block)?;
    // An empty one is shorter than ours.
    if to - from < VALUE.len() {
        return None;
    }
    let length = payload.len() - (to - from) + VALUE.len();
    let [_, a, b, c] = u32::try_from(length).ok()?.to_be_bytes();
    let mut out = Vec::with_capacity(HEAD_BYTES + length);
    out.extend_from_slice(&[a, b, c]);
    out.extend_from_slice(head.get(3..)?);
    out.extend_from_slice(payload.get(..before + from)?);
    out.extend_from_slice(VALUE);
    out.extend_from_slice(payload.get(before + to..)?);
    Some(out)
}

/// Where the value of `:authority` stands in a block of fields, its length included.
fn authority(block: &[u8]) -> Option<(usize, usize)> {
    let mut at = 0;
    while let Some(first) = block.get(at) {
        let (prefix, is_literal) = match first {
            0x80.. => (7, false),
            0x40.. => (6, true),
            0x20.. => (5, false),
            _ => (4, true),
        };
        let (index, mut next) = integer(block, at, prefix)?;
        if is_literal {
            let name_at = next;
            if index == 0 {
                next = string(block, next)?;
            }
            let end = string(block, next)?;
            if index == AUTHORITY || block.get(name_at..next) == Some(NAME) {
                return Some((next, end));
            }
            next = end;
        }
        at = next;
    }
    None
}

/// An integer with a prefix of so many bits, and what follows it (RFC 7541 §5.1).
fn integer(block: &[u8], at: usize, bits: u32) -> Option<(usize, usize)> {
    let mask = (1_usize << bits) - 1;
    let mut value = usize::from(*block.get(at)?) & mask;
    if value < mask {
        return Some((value, at + 1));
    }
    // No frame is so long that it would need more.
    for (index, shift) in [0_u32, 7, 14].into_iter().enumerate() {
        let byte = usize::from(*block.get(at + 1 + index)?);
        value += (byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some((value, at + 2 + index));
        }
    }
    None
}

/// The end of a string that begins here.
fn string(block: &[u8], at: usize) -> Option<usize> {
    let (length, next) = integer(block, at, 7)?;
    let end = next.checked_add(length)?;
    (end <= block.len()).then_some(end)
}

impl<S> Rewritten<S> {
    pub(crate) fn new(stream: S) -> Rewritten<S> {
        Rewritten { stream, rewriter: Rewriter::new(), ready: BytesMut::new() }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Rewritten<S> {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        while this.ready.is_empty() {
            let mut bytes = [0; READ_BYTES];
            let mut read = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut this.stream).poll_read(cx, &mut read))?;
            if read.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            this.rewriter.feed(read.filled(), &mut this.ready);
        }
        let count = this.ready.len().min(buffer.remaining());
        buffer.put_slice(&this.ready.split_to(count));
        if this.ready.is_empty() {
            // An idle connection holds no buffer.
            this.ready = BytesMut::new();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Rewritten<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(cx, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests;
