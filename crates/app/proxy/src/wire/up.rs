//! The upstream end of one exchange: where the request goes, and where the answer comes from.

use super::h2_body::{Received, Sender};
use super::h2_head;
use super::io::Io;
use super::message::Step;
use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use http::HeaderMap;
use selvedge_http::{
    BodyDecoder, BodyEncoder, Canonical, Framing, HeadLimits, ResponseHead, Scheme, parse_response, write_request,
};
use selvedge_model::Fault;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

/// Interim answers before the final one: more are no protocol but an attack.
const INTERIM_MAX: u8 = 8;

/// One exchange on an upstream connection.
pub(crate) enum Up {
    /// HTTP/1.1: the connection itself.
    H1(H1Up),
    /// A stream of an HTTP/2 connection.
    H2(H2Up),
}

/// One exchange on an HTTP/1.1 connection.
pub(crate) struct H1Up {
    io: Io,
    request: BodyEncoder,
    answer: BodyDecoder,
    request_ended: bool,
    keep_alive: bool,
    interim: u8,
    /// Whether a byte of an answer has come.
    answered: bool,
}

/// One HTTP/2 stream.
pub(crate) struct H2Up {
    request: Sender,
    response: Option<ResponseFuture>,
    answer: Option<Received>,
}

impl Up {
    /// Starts an exchange on an HTTP/1.1 connection; nothing is sent before a flush.
    pub(crate) fn h1(mut io: Io, request: &Canonical, added: &[(&str, &[u8])]) -> Up {
        write_request(request, added, io.output.memory());
        Up::H1(H1Up {
            io,
            request: BodyEncoder::new(request.framing),
            answer: BodyDecoder::new(Framing::None),
            request_ended: false,
            keep_alive: false,
            interim: 0,
            answered: false,
        })
    }

    /// Starts a stream on an HTTP/2 connection.
    pub(crate) fn h2(
        connection: &mut SendRequest<Bytes>,
        request: &Canonical,
        added: &[(&str, &[u8])],
        scheme: Scheme,
    ) -> Result<Up, Fault> {
        let head = h2_head::request_upstream(request, added, scheme, true).ok_or(Fault::BadRequest)?;
        let ends = matches!(request.framing, Framing::None | Framing::Length(0));
        let (response, stream) = connection.send_request(head, ends).map_err(|_| Fault::UpstreamClosed)?;
        Ok(Up::H2(H2Up { request: Sender::new(stream, ends), response: Some(response), answer: None }))
    }

    /// Adds to the request's body.
    pub(crate) fn push(&mut self, data: &[u8]) -> Result<(), Fault> {
        match self {
            Up::H1(h1) => h1.request.data(data, h1.io.output.memory()).map_err(|_| Fault::BadRequest),
            Up::H2(h2) => {
                h2.request.push(data);
                Ok(())
            }
        }
    }

    /// Ends the request.
    pub(crate) fn finish(&mut self, trailers: Option<HeaderMap>) -> Result<(), Fault> {
        match self {
            Up::H1(h1) => {
                h1.request_ended = true;
                h1.request.end(h1.io.output.memory()).map_err(|_| Fault::BadRequest)
            }
            Up::H2(h2) => {
                h2.request.finish(trailers.map(h2_head::end_to_end));
                Ok(())
            }
        }
    }

    /// Bytes that wait to be sent.
    pub(crate) fn backlog(&self) -> usize {
        match self {
            Up::H1(h1) => h1.io.output.unsent().len(),
            Up::H2(h2) => h2.request.backlog(),
        }
    }

    /// Sends what waits.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        match self {
            Up::H1(h1) => h1.io.poll_flush(cx).map_err(|_| Fault::UpstreamClosed),
            Up::H2(h2) => h2.request.poll_flush(cx).map_err(|()| Fault::UpstreamClosed),
        }
    }

    /// Waits for the answer's head, past interim ones.
    pub(crate) fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        method: &str,
        limits: &HeadLimits,
    ) -> Poll<Result<ResponseHead, Fault>> {
        let mut head = match self {
            Up::H1(h1) => ready!(h1.poll_head(cx, method, limits))?,
            Up::H2(h2) => ready!(h2.poll_head(cx, method, limits))?,
        };
        head.strip();
        Poll::Ready(Ok(head))
    }

    /// Reads some of the answer's body into `sink`.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>, sink: &mut dyn FnMut(&[u8])) -> Poll<Result<Step, Fault>> {
        match self {
            Up::H1(h1) => h1.poll_body(cx, sink),
            Up::H2(h2) => match &mut h2.answer {
                Some(answer) => {
                    answer.poll_body(cx, sink).map_err(|_| Fault::UpstreamClosed).map_ok(|step| match step {
                        Step::End(trailers) => Step::End(trailers.map(h2_head::end_to_end)),
                        Step::Data(count) => Step::Data(count),
                    })
                }
                None => Poll::Ready(Err(Fault::UpstreamClosed)),
            },
        }
    }

    /// Whether an answer has begun: then the request must not be sent a second time.
    pub(crate) fn has_answered(&self) -> bool {
        match self {
            Up::H1(h1) => h1.answered,
            Up::H2(h2) => h2.answer.is_some(),
        }
    }

    /// The connection, if it may carry another exchange: both bodies ended, and nothing came after them.
    pub(crate) fn into_reusable(self) -> Option<Io> {
        match self {
            Up::H1(h1) => {
                let clean = h1.keep_alive && h1.request_ended && h1.answer.is_done() && h1.io.input.bytes().is_empty();
                (clean && !h1.io.ended && h1.io.output.unsent().is_empty()).then_some(h1.io)
            }
            Up::H2(_) => None,
        }
    }
}

impl H1Up {
    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        method: &str,
        limits: &HeadLimits,
    ) -> Poll<Result<ResponseHead, Fault>> {
        loop {
            let parsed = parse_response(self.io.input.bytes(), method, limits).map_err(|_| Fault::BadResponse)?;
            if let Some((head, taken)) = parsed {
                self.io.input.consume(taken);
                match head.status {
                    // We never ask to switch protocols.
                    101 => return Poll::Ready(Err(Fault::BadResponse)),
                    100..=199 if self.interim < INTERIM_MAX => {
                        self.interim += 1;
                        continue;
                    }
                    100..=199 => return Poll::Ready(Err(Fault::BadResponse)),
                    _ => {}
                }
                self.keep_alive = head.keep_alive;
                self.answer = BodyDecoder::new(head.framing);
                return Poll::Ready(Ok(head));
            }
            if ready!(self.io.poll_fill(cx)).map_err(|_| Fault::UpstreamClosed)? == 0 {
                return Poll::Ready(Err(Fault::UpstreamClosed));
            }
            self.answered = true;
        }
    }

    fn poll_body(&mut self, cx: &mut Context<'_>, sink: &mut dyn FnMut(&[u8])) -> Poll<Result<Step, Fault>> {
        loop {
            if self.answer.is_done() {
                return Poll::Ready(Ok(Step::End(None)));
            }
            let bytes = self.io.input.bytes();
            let decoded = self.answer.decode(bytes).map_err(|_| Fault::BadResponse)?;
            let data = bytes.get(decoded.data.clone()).unwrap_or_default();
            let count = data.len();
            if count > 0 {
                sink(data);
            }
            self.io.input.consume(decoded.consumed);
            if count > 0 {
                return Poll::Ready(Ok(Step::Data(count)));
            }
            if decoded.consumed > 0 {
                continue;
            }
            match ready!(self.io.poll_fill(cx)) {
                Ok(0) if self.answer.may_end() => return Poll::Ready(Ok(Step::End(None))),
                Ok(0) | Err(_) => return Poll::Ready(Err(Fault::UpstreamClosed)),
                Ok(_) => {}
            }
        }
    }
}

impl H2Up {
    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        method: &str,
        limits: &HeadLimits,
    ) -> Poll<Result<ResponseHead, Fault>> {
        let Some(response) = &mut self.response else { return Poll::Ready(Err(Fault::UpstreamClosed)) };
        let (parts, body) = ready!(Pin::new(response).poll(cx)).map_err(|_| Fault::UpstreamClosed)?.into_parts();
        self.response = None;
        let head = h2_head::response_upstream(&parts, method, body.is_end_stream(), limits);
        self.answer = Some(Received::new(body));
        Poll::Ready(head.map_err(|_| Fault::BadResponse))
    }
}
