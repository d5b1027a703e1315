//! One connection with what has arrived on it and what is to be sent.

use super::buffer::{Input, Output};
use selvedge_net::Stream;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection and its buffers.
#[derive(Debug)]
pub(crate) struct Io {
    stream: Stream,
    pub(crate) input: Input,
    pub(crate) output: Output,
    /// Whether the peer has ended its side.
    pub(crate) ended: bool,
    /// Whether it is to end without order.
    pub(crate) broken: bool,
    /// Whether TLS may hold back bytes that were given to it.
    held: bool,
}

impl Io {
    pub(crate) fn new(stream: Stream) -> Io {
        Io { stream, input: Input::default(), output: Output::default(), ended: false, broken: false, held: false }
    }

    /// Reads more. `Ok(0)`: the peer has ended its side. While it waits, an empty connection holds no buffer.
    pub(crate) fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let mut space = ReadBuf::new(self.input.space());
        let polled = Pin::new(&mut self.stream).poll_read(cx, &mut space);
        let count = space.filled().len();
        match polled {
            Poll::Ready(Ok(())) => {
                self.input.filled(count);
                self.ended |= count == 0;
                if count == 0 {
                    self.input.rest();
                }
                Poll::Ready(Ok(count))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                self.input.rest();
                Poll::Pending
            }
        }
    }

    /// Sends what is to be sent.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.output.unsent().is_empty() {
            let count = ready!(Pin::new(&mut self.stream).poll_write(cx, self.output.unsent()))?;
            if count == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            self.output.advance(count);
            self.held = self.stream.is_tls();
        }
        // Records that did not fit into the socket.
        if self.held {
            ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
            self.held = false;
        }
        Poll::Ready(Ok(()))
    }

    /// Ends our side.
    pub(crate) fn poll_shutdown(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_flush(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    /// From now on the connection ends with a reset when it is dropped: the peer must not take it for an orderly end.
    pub(crate) fn reset(&mut self) {
        // When it fails the connection has ended already.
        let _ = self.stream.tcp().set_zero_linger();
        self.broken = true;
    }

    /// Whether an idle connection may still be used: nothing has arrived on it, and it has not ended.
    pub(crate) fn is_quiet(&mut self) -> bool {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        self.input.bytes().is_empty() && !self.ended && self.poll_fill(&mut cx).is_pending()
    }
}
