//! One call, on the server's side.

use super::{CONTENT_TYPE, Code, Incoming, Status, frame, timeout};
use crate::limits::{MESSAGE_TIMEOUT, REQUEST_BYTES_MAX, SEND_TIMEOUT};
use bytes::Bytes;
use h2::server::SendResponse;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use prost::Message;
use std::future::poll_fn;
use std::time::Duration;

/// A call that is being answered.
pub(crate) struct Call {
    path: String,
    fields: HeaderMap,
    incoming: Incoming,
    answer: Answer,
}

/// Where the answer is.
enum Answer {
    /// Nothing was sent yet.
    Unsent(SendResponse<Bytes>),
    /// The head was sent.
    Begun(SendStream<Bytes>),
    /// It was ended.
    Ended,
}

impl Call {
    /// Begins a call. `None`: it is no gRPC, and was answered so.
    pub(crate) fn begin(request: Request<RecvStream>, mut respond: SendResponse<Bytes>) -> Option<Call> {
        let (head, body) = request.into_parts();
        let content_type = head.headers.get("content-type").and_then(|value| value.to_str().ok()).unwrap_or_default();
        let refusal = match () {
            () if head.method != Method::POST => Some(StatusCode::METHOD_NOT_ALLOWED),
            () if !content_type.starts_with(CONTENT_TYPE) => Some(StatusCode::UNSUPPORTED_MEDIA_TYPE),
            () => None,
        };
        if let Some(status) = refusal {
            let mut response = Response::new(());
            *response.status_mut() = status;
            let _ = respond.send_response(response, true);
            return None;
        }
        Some(Call {
            path: head.uri.path().to_owned(),
            fields: head.headers,
            incoming: Incoming::new(body, REQUEST_BYTES_MAX),
            answer: Answer::Unsent(respond),
        })
    }

    /// `/package.Service/Method`.
    pub(crate) fn path(&self) -> &str {
        &self.path
    }

    /// A field of the request.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        self.fields.get(name)?.to_str().ok()
    }

    /// The caller's deadline, from now.
    pub(crate) fn timeout(&self) -> Option<Duration> {
        self.field("grpc-timeout").and_then(timeout)
    }

    /// The one message of a request, within its time.
    pub(crate) async fn request<M: Message + Default>(&mut self) -> Result<M, Status> {
        let read = tokio::time::timeout(MESSAGE_TIMEOUT, self.incoming.next()).await;
        let late = |_| Status::new(Code::DeadlineExceeded, "the request did not come in time");
        read.map_err(late)??.ok_or_else(|| Status::new(Code::InvalidArgument, "the request has no message"))
    }

    /// The next of several messages; `None` after the last.
    pub(crate) async fn next<M: Message + Default>(&mut self) -> Result<Option<M>, Status> {
        self.incoming.next().await
    }

    /// Sends a message, as fast as the caller takes it.
    pub(crate) async fn send(&mut self, message: &impl Message) -> Result<(), Status> {
        let gone = |error: h2::Error| Status::new(Code::Cancelled, error.to_string());
        if let Answer::Unsent(respond) = &mut self.answer {
            self.answer = Answer::Begun(respond.send_response(head(HeaderMap::new()), false).map_err(gone)?);
        }
        let Answer::Begun(stream) = &mut self.answer else {
            return Err(Status::new(Code::Internal, "the call has ended"));
        };
        let slow = |_| Status::new(Code::Cancelled, "the caller does not take what is sent to it");
        let sent = async {
            let mut left = frame(message);
            while !left.is_empty() {
                stream.reserve_capacity(left.len());
                let room = poll_fn(|context| stream.poll_capacity(context)).await;
                let room = room.ok_or_else(|| Status::new(Code::Cancelled, "the caller has gone"))?.map_err(gone)?;
                let next = left.split_to(room.min(left.len()));
                stream.send_data(next, false).map_err(gone)?;
            }
            Ok(())
        };
        tokio::time::timeout(SEND_TIMEOUT, sent).await.map_err(slow)?
    }

    /// Comes when the caller gives up.
    pub(crate) async fn cancelled(&mut self) -> Status {
        let answer = &mut self.answer;
        let reset = poll_fn(|context| match answer {
            Answer::Unsent(respond) => respond.poll_reset(context),
            Answer::Begun(stream) => stream.poll_reset(context),
            Answer::Ended => std::task::Poll::Ready(Ok(Reason::CANCEL)),
        });
        let _ = reset.await;
        Status::new(Code::Cancelled, "the caller gave up")
    }

    /// Ends the call.
    pub(crate) fn end(mut self, status: &Status) {
        let sent = match std::mem::replace(&mut self.answer, Answer::Ended) {
            Answer::Unsent(mut respond) => respond.send_response(head(status.trailers()), true).map(drop),
            Answer::Begun(mut stream) => stream.send_trailers(status.trailers()),
            Answer::Ended => Ok(()),
        };
        // Who has gone needs no answer.
        drop(sent);
    }
}

fn head(fields: HeaderMap) -> Response<()> {
    let mut response = Response::new(());
    *response.headers_mut() = fields;
    response.headers_mut().insert("content-type", http::HeaderValue::from_static(CONTENT_TYPE));
    response
}
