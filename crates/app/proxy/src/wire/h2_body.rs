//! Bodies of HTTP/2 streams, with the flow control of both directions kept.

use super::message::Step;
use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::HeaderMap;
use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

/// A body that arrives.
pub(crate) struct Received {
    stream: RecvStream,
}

/// A body that is sent.
pub(crate) struct Sender {
    stream: SendStream<Bytes>,
    waiting: VecDeque<Bytes>,
    backlog: usize,
    /// Set when no more data will be pushed: the trailers, if there are any.
    end: Option<Option<HeaderMap>>,
    ended: bool,
}

impl Received {
    pub(crate) fn new(stream: RecvStream) -> Received {
        Received { stream }
    }

    pub(crate) fn is_ended(&self) -> bool {
        self.stream.is_end_stream()
    }

    /// Reads a piece of the body into `sink`, and opens the window again by what was taken.
    pub(crate) fn poll_body(
        &mut self,
        cx: &mut Context<'_>,
        sink: &mut dyn FnMut(&[u8]),
    ) -> Poll<Result<Step, h2::Error>> {
        match ready!(self.stream.poll_data(cx)) {
            Some(Ok(data)) => {
                sink(&data);
                self.stream.flow_control().release_capacity(data.len())?;
                Poll::Ready(Ok(Step::Data(data.len())))
            }
            Some(Err(error)) => Poll::Ready(Err(error)),
            None => {
                let trailers = ready!(self.stream.poll_trailers(cx))?;
                Poll::Ready(Ok(Step::End(trailers)))
            }
        }
    }

    /// Reads past the rest, and opens no window for more: the peer can send what its window has, and no more.
    pub(crate) fn poll_past(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while let Some(Ok(_)) = ready!(self.stream.poll_data(cx)) {}
        Poll::Ready(())
    }
}

impl Sender {
    /// `ended`: the head has ended the stream already.
    pub(crate) fn new(stream: SendStream<Bytes>, ended: bool) -> Sender {
        Sender { stream, waiting: VecDeque::new(), backlog: 0, end: None, ended }
    }

    pub(crate) fn push(&mut self, data: &[u8]) {
        if !data.is_empty() && !self.ended {
            self.backlog += data.len();
            self.waiting.push_back(Bytes::copy_from_slice(data));
        }
    }

    pub(crate) fn finish(&mut self, trailers: Option<HeaderMap>) {
        self.end.get_or_insert(trailers);
    }

    pub(crate) fn backlog(&self) -> usize {
        self.backlog
    }

    /// Sends what waits, as far as the peer's window goes. `Err`: the stream is gone.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), ()>> {
        while let Some(front) = self.waiting.front_mut() {
            if self.stream.capacity() == 0 {
                self.stream.reserve_capacity(front.len());
                match ready!(self.stream.poll_capacity(cx)) {
                    Some(Ok(_)) => continue,
                    Some(Err(_)) | None => return Poll::Ready(Err(())),
                }
            }
            let part = front.split_to(self.stream.capacity().min(front.len()));
            if front.is_empty() {
                self.waiting.pop_front();
            }
            self.backlog -= part.len();
            let last = self.waiting.is_empty() && matches!(self.end, Some(None));
            self.stream.send_data(part, last).map_err(|_| ())?;
            self.ended |= last;
        }
        if let (Some(trailers), false) = (&mut self.end, self.ended) {
            self.ended = true;
            let sent = match trailers.take() {
                Some(trailers) => self.stream.send_trailers(trailers),
                None => self.stream.send_data(Bytes::new(), true),
            };
            sent.map_err(|_| ())?;
        }
        Poll::Ready(Ok(()))
    }

    pub(crate) fn poll_reset(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.stream.poll_reset(cx).map(drop)
    }

    pub(crate) fn reset(&mut self, reason: Reason) {
        self.stream.send_reset(reason);
    }
}
