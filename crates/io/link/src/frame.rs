//! Frames: a length (u32, big endian) and that many bytes of JSON.

use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::ErrorKind;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;

/// Bytes read or written at once. Memory grows with what has arrived, not with what a length claims.
const STEP_BYTES: usize = 64 * 1024;

/// What frames and ends need to know of a message.
pub(crate) trait Message: Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The longest frame, in bytes.
    const BYTES_MAX: u32;
    /// What this side says to show that it is alive.
    fn beat() -> Self;
    /// Whether the reader of the end gets it.
    fn is_heard(&self) -> bool;
}

/// Why a connection carries no more frames.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The peer closed between two frames.
    #[error("the other side closed the connection")]
    Closed,
    /// The peer closed inside a frame.
    #[error("the connection was closed inside a frame")]
    Truncated,
    /// A frame longer than the peer may send.
    #[error("a frame of {bytes} bytes, where at most {bytes_max} are accepted")]
    TooLong {
        /// What the length says.
        bytes: u64,
        /// What is accepted.
        bytes_max: u32,
    },
    /// Not a message of this link. The peer's bytes are not shown.
    #[error("a frame that is not a message of this link (column {column})")]
    Garbage {
        /// Where in the frame.
        column: usize,
    },
    /// Nothing moved for too long.
    #[error("nothing was heard from the other side for {seconds} s")]
    Silent {
        /// How long.
        seconds: u64,
    },
    /// The socket failed.
    #[error("the connection failed: {0}")]
    Io(ErrorKind),
}

/// Reads one message. `idle` bounds each wait for bytes.
pub(crate) async fn read<M: Message>(from: &mut (impl AsyncRead + Unpin), idle: Duration) -> Result<M, FrameError> {
    let mut length = Vec::with_capacity(4);
    fill(from, &mut length, 4, idle).await.map_err(|error| match error {
        FrameError::Truncated if length.is_empty() => FrameError::Closed,
        other => other,
    })?;
    let bytes = length.iter().fold(0_u32, |sum, byte| (sum << 8) | u32::from(*byte));
    if bytes > M::BYTES_MAX {
        return Err(FrameError::TooLong { bytes: u64::from(bytes), bytes_max: M::BYTES_MAX });
    }
    let mut body = Vec::new();
    fill(from, &mut body, bytes as usize, idle).await?;
    serde_json::from_slice(&body).map_err(|error| FrameError::Garbage { column: error.column() })
}

/// Writes one message and flushes it. `idle` bounds each wait for the socket to take bytes.
pub(crate) async fn write<M: Message>(
    to: &mut (impl AsyncWrite + Unpin),
    message: &M,
    idle: Duration,
) -> Result<(), FrameError> {
    let frame = encode(message)?;
    for step in frame.chunks(STEP_BYTES) {
        within(idle, to.write_all(step)).await?;
    }
    within(idle, to.flush()).await
}

/// A whole frame; refuses what the other side would refuse.
pub(crate) fn encode<M: Message>(message: &M) -> Result<Vec<u8>, FrameError> {
    let mut frame = vec![0; 4];
    serde_json::to_writer(&mut frame, message).map_err(|error| FrameError::Garbage { column: error.column() })?;
    let bytes = (frame.len() - 4) as u64;
    let length = u32::try_from(bytes).ok().filter(|length| *length <= M::BYTES_MAX);
    let length = length.ok_or(FrameError::TooLong { bytes, bytes_max: M::BYTES_MAX })?;
    frame.iter_mut().zip(length.to_be_bytes()).for_each(|(slot, byte)| *slot = byte);
    Ok(frame)
}

/// Appends exactly `wanted` bytes to `to`.
async fn fill(
    from: &mut (impl AsyncRead + Unpin),
    to: &mut Vec<u8>,
    wanted: usize,
    idle: Duration,
) -> Result<(), FrameError> {
    while to.len() < wanted {
        let room = (wanted - to.len()).min(STEP_BYTES);
        to.reserve(room);
        let mut part = (&mut *from).take(room as u64);
        if within(idle, part.read_buf(to)).await? == 0 {
            return Err(FrameError::Truncated);
        }
    }
    Ok(())
}

async fn within<T>(idle: Duration, step: impl Future<Output = std::io::Result<T>>) -> Result<T, FrameError> {
    match timeout(idle, step).await {
        Ok(done) => done.map_err(|error| match error.kind() {
            // A TLS peer that goes away without close_notify.
            ErrorKind::UnexpectedEof => FrameError::Truncated,
            kind => FrameError::Io(kind),
        }),
        Err(_) => Err(FrameError::Silent { seconds: idle.as_secs() }),
    }
}
