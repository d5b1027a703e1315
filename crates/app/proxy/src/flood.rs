//! An HTTP/2 connection whose frames are counted as they arrive, and which ends when there are too many of a kind.

use selvedge_http::Frames;
use selvedge_net::Stream;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// A connection with its count.
#[derive(Debug)]
pub(crate) struct Counted {
    stream: Stream,
    frames: Frames,
    began: tokio::time::Instant,
}

impl Counted {
    /// A connection that a client made.
    pub(crate) fn of_client(stream: Stream) -> Counted {
        Counted { stream, frames: Frames::of_client(0), began: tokio::time::Instant::now() }
    }

    /// A connection to a server.
    pub(crate) fn of_server(stream: Stream) -> Counted {
        Counted { stream, frames: Frames::of_server(0), began: tokio::time::Instant::now() }
    }
}

impl AsyncRead for Counted {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, space: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = space.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, space))?;
        let now_ms = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let fresh = space.filled().get(before..).unwrap_or_default();
        let counted = self.frames.follow(fresh, now_ms);
        Poll::Ready(counted.map_err(|flood| io::Error::new(io::ErrorKind::InvalidData, flood)))
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
