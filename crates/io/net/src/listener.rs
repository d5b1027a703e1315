//! Listening sockets: one for each worker on the same address, spread by the kernel.

use socket2::{Domain, Protocol, Socket, Type};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 4096;
/// How long to wait when the process has no file descriptor or memory left, before the next try.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);

/// A listening TCP socket with `SO_REUSEPORT`.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
}

impl Listener {
    /// Binds and listens, inside the runtime that accepts. Several listeners of one user may bind the same address, and
    /// the kernel spreads connections over them.
    ///
    /// # Errors
    /// The system's, such as an address that is in use or not ours.
    pub fn bind(addr: SocketAddr) -> io::Result<Listener> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        socket.set_reuse_port(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&addr.into())?;
        socket.listen(BACKLOG)?;
        Ok(Listener { socket: TcpListener::from_std(socket.into())? })
    }

    /// The next connection, with `TCP_NODELAY`. A connection that died in the queue is passed over, and a process
    /// without descriptors or memory waits 50 ms and goes on.
    ///
    /// # Errors
    /// The listening socket itself is broken.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            match self.socket.accept().await {
                Ok((stream, from)) if stream.set_nodelay(true).is_ok() => return Ok((stream, from)),
                Ok(_) => {}
                Err(error) if is_exhausted(&error) => tokio::time::sleep(EXHAUSTED_PAUSE).await,
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// The address that was bound, with the port that the kernel gave.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

/// accept(2): ENFILE, EMFILE, ENOBUFS and ENOMEM pass.
fn is_exhausted(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(23 | 24 | 105 | 12))
}

/// accept(2): Linux hands errors of the new connection to the caller; "treat them like EAGAIN". In order: ECONNABORTED,
/// EINTR, EPERM (a firewall rule), EPROTO, ENOPROTOOPT, ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENONET.
fn is_of_the_connection(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(103 | 4 | 1 | 71 | 92 | 100 | 101 | 112 | 113 | 64))
}

#[cfg(test)]
mod tests;
