//! Listening sockets: one for each worker on the same address, spread by the kernel.

use socket2::{Domain, Protocol, Socket, Type};
use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Mutex;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};

/// Connections that the kernel keeps until they are accepted.
const BACKLOG: i32 = 4096;
/// How long to wait when the process has no file descriptor or memory left, before the next try.
const EXHAUSTED_PAUSE: Duration = Duration::from_millis(50);
/// Connections that are turned away at once when there is no descriptor left.
const TURNED_AWAY_MAX: usize = 64;

/// A listening TCP socket with `SO_REUSEPORT`.
#[derive(Debug)]
pub struct Listener {
    socket: TcpListener,
    /// Guards a descriptor that is kept for the moment when there is no other: with it, callers are turned away, where
    /// they would hang in the queue.
    spare: Mutex<Option<File>>,
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
        Listener::of(TcpListener::from_std(socket.into())?)
    }

    /// A socket that listens already: handed over by the process before this one, or by systemd.
    ///
    /// # Errors
    /// The system's, such as a descriptor that is no such socket.
    pub fn held(socket: OwnedFd) -> io::Result<Listener> {
        let socket = std::net::TcpListener::from(socket);
        socket.set_nonblocking(true)?;
        Listener::of(TcpListener::from_std(socket)?)
    }

    /// The same socket once more, for the process after this one.
    ///
    /// # Errors
    /// When there is no descriptor left.
    pub fn share(&self) -> io::Result<OwnedFd> {
        self.socket.as_fd().try_clone_to_owned()
    }

    fn of(socket: TcpListener) -> io::Result<Listener> {
        Ok(Listener { socket, spare: Mutex::new(spare()) })
    }

    /// The next connection, with `TCP_NODELAY`. A connection that died in the queue is passed over. A process without
    /// descriptors or memory turns away those who wait, waits 50 ms and goes on.
    ///
    /// # Errors
    /// The listening socket itself is broken.
    pub async fn accept(&self) -> io::Result<(TcpStream, SocketAddr)> {
        loop {
            match self.socket.accept().await {
                Ok((stream, from)) if stream.set_nodelay(true).is_ok() => return Ok((stream, from)),
                Ok(_) => {}
                Err(error) if is_exhausted(&error) => {
                    self.turn_away();
                    tokio::time::sleep(EXHAUSTED_PAUSE).await;
                }
                Err(error) if is_of_the_connection(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Closes connections that wait, by means of the spare descriptor.
    fn turn_away(&self) {
        let Ok(mut held) = self.spare.try_lock() else { return };
        let mut cx = Context::from_waker(Waker::noop());
        for _ in 0..TURNED_AWAY_MAX {
            // Each takes the descriptor that the one before has given back.
            drop(held.take());
            let Poll::Ready(Ok((stream, _))) = self.socket.poll_accept(&mut cx) else { break };
            drop(stream);
        }
        *held = spare();
    }

    /// The address that was bound, with the port that the kernel gave.
    ///
    /// # Errors
    /// The system's.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.socket.local_addr()
    }
}

fn spare() -> Option<File> {
    File::open("/dev/null").ok()
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
