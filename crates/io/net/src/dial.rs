//! Connecting to a host and port.

use selvedge_config::checked::HostPort;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// Addresses of one name that are tried.
const ADDRESSES_MAX: usize = 8;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// Not connected in time.
    #[error("no connection to `{0}` in time")]
    Timeout(String),
    /// The name has no address.
    #[error("`{host}` has no address: {reason}")]
    Resolve {
        /// The name.
        host: String,
        /// What the resolver said.
        reason: String,
    },
    /// The last of the addresses refused, or could not be reached.
    #[error("no connection to `{address}`: {error}")]
    Connect {
        /// The address.
        address: SocketAddr,
        /// The system's error; told above, and so no `source` that a chain of errors would tell again.
        error: io::Error,
    },
}

/// Connects, with `TCP_NODELAY`. A name is resolved, and its addresses are tried in order; `timeout` is for all of it.
///
/// # Errors
/// [`DialError`]: nothing was sent.
pub async fn dial(addr: &HostPort, timeout: Duration) -> Result<TcpStream, DialError> {
    match tokio::time::timeout(timeout, connect(addr)).await {
        Ok(connected) => connected,
        Err(_) => Err(DialError::Timeout(format!("{}:{}", addr.host, addr.port))),
    }
}

async fn connect(addr: &HostPort) -> Result<TcpStream, DialError> {
    if let Some(ip) = addr.host.address() {
        return connect_to(SocketAddr::new(ip, addr.port)).await;
    }
    let unresolved = |reason: String| DialError::Resolve { host: addr.host.to_string(), reason };
    let found = tokio::net::lookup_host((addr.host.as_str(), addr.port)).await;
    let mut failure = unresolved("the resolver found none".to_owned());
    for address in found.map_err(|error| unresolved(error.to_string()))?.take(ADDRESSES_MAX) {
        match connect_to(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Connects to this one address, with `TCP_NODELAY`.
pub(crate) async fn connect_to(address: SocketAddr) -> Result<TcpStream, DialError> {
    let refused = |error| DialError::Connect { address, error };
    let stream = TcpStream::connect(address).await.map_err(refused)?;
    stream.set_nodelay(true).map_err(refused)?;
    Ok(stream)
}

#[cfg(test)]
mod tests;
