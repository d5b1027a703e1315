//! The messages of one direction of a stream.

use super::{Code, Status, take};
use bytes::BytesMut;
use h2::RecvStream;
use http::HeaderMap;
use prost::Message;

/// Messages that come.
#[derive(Debug)]
pub(crate) struct Incoming {
    body: RecvStream,
    buffer: BytesMut,
    bytes_max: usize,
}

impl Incoming {
    pub(crate) fn new(body: RecvStream, bytes_max: usize) -> Incoming {
        Incoming { body, buffer: BytesMut::new(), bytes_max }
    }

    /// The next message; `None` after the last. A future that is dropped loses nothing.
    pub(crate) async fn next<M: Message + Default>(&mut self) -> Result<Option<M>, Status> {
        loop {
            if let Some(bytes) = take(&mut self.buffer, self.bytes_max)? {
                let unreadable = |_| Status::new(Code::InvalidArgument, "a message cannot be read");
                return M::decode(bytes).map(Some).map_err(unreadable);
            }
            match self.body.data().await {
                Some(Ok(data)) => {
                    // What was taken may be sent again; a message has a limit, so the buffer has one.
                    let _ = self.body.flow_control().release_capacity(data.len());
                    self.buffer.extend_from_slice(&data);
                }
                Some(Err(error)) => return Err(Status::new(Code::Cancelled, error.to_string())),
                None if self.buffer.is_empty() => return Ok(None),
                None => return Err(Status::new(Code::InvalidArgument, "a message was cut off")),
            }
        }
    }

    /// The trailers, after the last message.
    pub(crate) async fn trailers(&mut self) -> Option<HeaderMap> {
        self.body.trailers().await.ok().flatten()
    }
}
