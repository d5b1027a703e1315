//! The downstream end of one exchange: where the request's body comes from, and where the answer goes.

use super::h2_body::{Received, Sender};
use super::h2_head;
use super::io::Io;
use super::message::{Answer, Step};
use h2::server::SendResponse;
use http::HeaderMap;
use selvedge_http::{BodyDecoder, BodyEncoder, Framing, HeadError, RequestHead, Version, write_response};
use selvedge_model::Fault;
use std::task::{Context, Poll, ready};

/// One exchange on a downstream connection.
pub(crate) enum Down<'a> {
    /// HTTP/1.x: the connection itself.
    H1(H1Down<'a>),
    /// A stream of an HTTP/2 connection.
    H2(H2Down),
}

/// One exchange on an HTTP/1.x connection.
pub(crate) struct H1Down<'a> {
    io: &'a mut Io,
    body: BodyDecoder,
    answer: BodyEncoder,
    version: Version,
    /// Whether the client may send another request after this one.
    keep_alive: bool,
    /// Whether the client waits for `100 Continue` before it sends its body (RFC 9110 §10.1.1).
    expects: bool,
    /// Whether the request was HEAD: its answer has no body, whatever its head says (RFC 9110 §9.3.2).
    is_head: bool,
    head_sent: bool,
    /// Whether nothing but the end of the connection tells where the answer ends.
    until_close: bool,
}

/// One HTTP/2 stream.
pub(crate) struct H2Down {
    body: Received,
    respond: SendResponse<bytes::Bytes>,
    answer: Option<Sender>,
    is_head: bool,
}

impl<'a> H1Down<'a> {
    /// For a request that may be followed by another (`keep_alive`). `Err`: its head could not be read, and nothing is known.
    pub(crate) fn new(io: &'a mut Io, head: Result<&RequestHead, &HeadError>, keep_alive: bool) -> Self {
        let (framing, version) = head.map_or((Framing::None, Version::Http11), |head| (head.framing, head.version));
        let body = BodyDecoder::new(framing);
        let asks = |head: &RequestHead| version == Version::Http11 && head.fields.all("expect").next().is_some();
        H1Down {
            io,
            expects: head.is_ok_and(asks) && !body.is_done(),
            is_head: head.is_ok_and(|head| head.method == "HEAD"),
            body,
            answer: BodyEncoder::new(Framing::None),
            version,
            keep_alive: keep_alive && head.is_ok_and(|head| head.keep_alive),
            head_sent: false,
            until_close: false,
        }
    }

    /// Whether the connection may carry another request.
    pub(crate) fn is_reusable(&self) -> bool {
        self.keep_alive && self.body.is_done() && !self.io.ended
    }

    /// Writes a head, with whether the connection stays open.
    fn start(&mut self, answer: &Answer<'_>) {
        let framing = match (answer.framing, self.version) {
            // Chunks came with HTTP/1.1 (RFC 9112 §6.1); before, a body without a length ends with the connection.
            (Framing::UntilClose | Framing::Chunked, Version::Http10) => Framing::UntilClose,
            (Framing::UntilClose, Version::Http11 | Version::Http2) => Framing::Chunked,
            // HTTP/2 says in its frames that there is no body; here nothing but a length does (RFC 9112 §6.3).
            (Framing::None, _) if !self.is_head && lacks_length(answer) => Framing::Length(0),
            (framing, _) => framing,
        };
        // A body that is still to come stands between this answer and the next request.
        self.keep_alive &= framing != Framing::UntilClose && self.body.is_done();
        self.answer = BodyEncoder::new(if self.is_head { Framing::None } else { framing });
        self.until_close = framing == Framing::UntilClose;
        self.head_sent = true;
        write_response(answer.status, answer.fields, framing, self.keep_alive, self.io.output.memory());
    }

    fn poll_body(&mut self, cx: &mut Context<'_>, sink: &mut dyn FnMut(&[u8])) -> Poll<Result<Step, Fault>> {
        loop {
            if self.body.is_done() {
                return Poll::Ready(Ok(Step::End(None)));
            }
            if self.expects {
                self.expects = false;
                self.io.output.memory().extend_from_slice(b"HTTP/1.1 100 Continue\r\n\r\n");
            }
            let bytes = self.io.input.bytes();
            let decoded = self.body.decode(bytes).map_err(|_| Fault::BadRequest)?;
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
            // The `100 Continue` must be on its way before we wait for what it asks for.
            if self.io.poll_flush(cx).map_err(|_| Fault::ClientGone)?.is_pending() {
                return Poll::Pending;
            }
            if ready!(self.io.poll_fill(cx)).map_err(|_| Fault::ClientGone)? == 0 {
                return Poll::Ready(Err(Fault::ClientGone));
            }
        }
    }
}

/// Whether an answer of this status may have a body, and does not tell how long it is (RFC 9110 §6.4.1).
fn lacks_length(answer: &Answer<'_>) -> bool {
    !matches!(answer.status, 204 | 304) && answer.fields.all("content-length").next().is_none()
}

impl H2Down {
    pub(crate) fn new(body: h2::RecvStream, respond: SendResponse<bytes::Bytes>, is_head: bool) -> H2Down {
        H2Down { body: Received::new(body), respond, answer: None, is_head }
    }
}

impl Down<'_> {
    /// Reads some of the request's body into `sink`.
    pub(crate) fn poll_body(&mut self, cx: &mut Context<'_>, sink: &mut dyn FnMut(&[u8])) -> Poll<Result<Step, Fault>> {
        match self {
            Down::H1(h1) => h1.poll_body(cx, sink),
            Down::H2(h2) => h2.body.poll_body(cx, sink).map_err(|_| Fault::ClientGone),
        }
    }

    /// Whether no byte of a body is to come.
    pub(crate) fn is_bodiless(&self) -> bool {
        match self {
            Down::H1(h1) => h1.body.is_done(),
            Down::H2(h2) => h2.body.is_ended(),
        }
    }

    /// Whether a head was sent: then nothing but the rest of that answer may follow.
    pub(crate) fn is_answered(&self) -> bool {
        match self {
            Down::H1(h1) => h1.head_sent,
            Down::H2(h2) => h2.answer.is_some(),
        }
    }

    /// Takes no other request after this one, where an exchange has the connection for itself.
    pub(crate) fn last(&mut self) {
        match self {
            Down::H1(h1) => h1.keep_alive = false,
            Down::H2(_) => {}
        }
    }

    /// The connection itself, for a tunnel: nothing else comes after that. `None`: it carries other exchanges too.
    pub(crate) fn tunnel(&mut self) -> Option<&mut Io> {
        match self {
            Down::H1(h1) => {
                (h1.keep_alive, h1.head_sent) = (false, true);
                Some(h1.io)
            }
            Down::H2(_) => None,
        }
    }

    /// Sends the answer's head.
    pub(crate) fn start(&mut self, answer: &Answer<'_>) -> Result<(), Fault> {
        match self {
            Down::H1(h1) => h1.start(answer),
            Down::H2(h2) => {
                let head = h2_head::response(answer).ok_or(Fault::BadResponse)?;
                let ends = h2.is_head || matches!(answer.framing, Framing::None | Framing::Length(0));
                let sender = h2.respond.send_response(head, ends).map_err(|_| Fault::ClientGone)?;
                h2.answer = Some(Sender::new(sender, ends));
            }
        }
        Ok(())
    }

    /// Adds to the answer's body.
    pub(crate) fn push(&mut self, data: &[u8]) -> Result<(), Fault> {
        match self {
            Down::H1(h1) if h1.is_head => Ok(()),
            Down::H1(h1) => h1.answer.data(data, h1.io.output.memory()).map_err(|_| Fault::BadResponse),
            Down::H2(h2) => {
                h2.answer.as_mut().into_iter().for_each(|answer| answer.push(data));
                Ok(())
            }
        }
    }

    /// Ends the answer.
    pub(crate) fn finish(&mut self, trailers: Option<HeaderMap>) -> Result<(), Fault> {
        match self {
            Down::H1(h1) => h1.answer.end(h1.io.output.memory()).map_err(|_| Fault::BadResponse),
            Down::H2(h2) => {
                h2.answer.as_mut().into_iter().for_each(|answer| answer.finish(trailers.clone()));
                Ok(())
            }
        }
    }

    /// Bytes that wait to be sent.
    pub(crate) fn backlog(&self) -> usize {
        match self {
            Down::H1(h1) => h1.io.output.unsent().len(),
            Down::H2(h2) => h2.answer.as_ref().map_or(0, Sender::backlog),
        }
    }

    /// Sends what waits.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Fault>> {
        match self {
            Down::H1(h1) => h1.io.poll_flush(cx).map_err(|_| Fault::ClientGone),
            Down::H2(h2) => match &mut h2.answer {
                Some(answer) => answer.poll_flush(cx).map_err(|()| Fault::ClientGone),
                None => Poll::Ready(Ok(())),
            },
        }
    }

    /// Whether the client has gone away; wakes the task when it does.
    pub(crate) fn poll_gone(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            // A client that has ended its side may still read: only a reset tells, and writing will meet it.
            Down::H1(_) => Poll::Pending,
            Down::H2(h2) => match &mut h2.answer {
                Some(answer) => answer.poll_reset(cx),
                None => h2.respond.poll_reset(cx).map(drop),
            },
        }
    }

    /// Comes when the client has ended its stream, or gone; what it still sends on an answered stream is read past.
    pub(crate) fn poll_past(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        match self {
            Down::H2(h2) if h2.answer.is_some() => h2.body.poll_past(cx),
            // An HTTP/1.x connection has its own way.
            Down::H1(_) | Down::H2(_) => Poll::Ready(()),
        }
    }

    /// Ends an answer that cannot be completed: the client must not take what it has for the whole.
    pub(crate) fn abort(&mut self) {
        match self {
            Down::H1(h1) => {
                h1.keep_alive = false;
                // Where an orderly end would say that this was all, there must be none.
                if h1.until_close {
                    h1.io.reset();
                }
            }
            Down::H2(h2) => match &mut h2.answer {
                Some(answer) => answer.reset(h2::Reason::INTERNAL_ERROR),
                None => h2.respond.send_reset(h2::Reason::INTERNAL_ERROR),
            },
        }
    }
}
