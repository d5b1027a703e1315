//! One JSON line in, one JSON line out: what is spoken on unix sockets.

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

/// Reads one line of at most `bytes_max` bytes.
pub(crate) async fn read<T: DeserializeOwned>(from: &mut OwnedReadHalf, bytes_max: u64) -> Result<T, String> {
    let mut line = Vec::new();
    let read = BufReader::new(from.take(bytes_max)).read_until(b'\n', &mut line).await;
    read.map_err(|error| error.kind().to_string())?;
    if line.pop() != Some(b'\n') {
        return Err("the line did not end".to_owned());
    }
    serde_json::from_slice(&line).map_err(|error| format!("not a message of this socket: {error}"))
}

/// Writes one line, and ends the direction.
pub(crate) async fn write<T: Serialize>(to: &mut OwnedWriteHalf, message: &T) -> Result<(), String> {
    let mut line = serde_json::to_vec(message).map_err(|_| "a message that is no JSON".to_owned())?;
    line.push(b'\n');
    to.write_all(&line).await.map_err(|error| error.kind().to_string())?;
    to.shutdown().await.map_err(|error| error.kind().to_string())
}
