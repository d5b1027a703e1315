//! Ports that the kernel chose, held until the demo ends, so that nobody else is given them before their owner listens.
//!
//! A socket that is bound and never listens takes no connection. With `SO_REUSEADDR` and `SO_REUSEPORT` the process that
//! we start, which has the same user, may bind beside it.

use anyhow::{Context, Result};
use std::net::{Ipv4Addr, SocketAddr};
use tokio::net::TcpSocket;

/// Where the edge listens if nobody else does.
const EDGE_PORT: u16 = 8443;

/// A port on loopback that is ours.
#[derive(Debug)]
pub(crate) struct Port {
    address: SocketAddr,
    /// Holds the port.
    _socket: TcpSocket,
}

impl Port {
    /// Any free port.
    ///
    /// # Errors
    /// When there is none.
    pub(crate) fn any() -> Result<Port> {
        Port::reserve(0).context("the kernel has no free port on 127.0.0.1")
    }

    /// The usual port of the edge, or any when it is taken.
    ///
    /// # Errors
    /// When there is no free port at all.
    pub(crate) fn edge() -> Result<Port> {
        let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, EDGE_PORT));
        // A listener without `SO_REUSEPORT` finds out whether anybody listens there; it closes at once.
        let free = std::net::TcpListener::bind(usual).map(drop).is_ok();
        if free { Port::reserve(EDGE_PORT).or_else(|_| Port::any()) } else { Port::any() }
    }

    /// Where it is.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    fn reserve(port: u16) -> Result<Port> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.set_reuseport(true)?;
        socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
        Ok(Port { address: socket.local_addr()?, _socket: socket })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::net::{TcpListener, TcpStream};

    #[tokio::test]
    async fn whoever_is_meant_to_listen_may_and_gets_every_connection() {
        let port = Port::any().unwrap();
        let plain = TcpListener::bind(port.address()).await.unwrap();
        for _ in 0..20 {
            let (connected, accepted) = tokio::join!(TcpStream::connect(port.address()), plain.accept());
            assert!(connected.is_ok() && accepted.is_ok());
        }
        drop(plain);
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        socket.set_reuseport(true).unwrap();
        socket.bind(port.address()).unwrap();
        let shared = socket.listen(16).unwrap();
        let (connected, accepted) = tokio::join!(TcpStream::connect(port.address()), shared.accept());
        assert!(connected.is_ok() && accepted.is_ok());
    }

    #[test]
    fn a_held_port_is_given_to_nobody_else() {
        let held: Vec<Port> = (0..50).map(|_| Port::any().unwrap()).collect();
        let mut numbers: Vec<u16> = held.iter().map(|port| port.address().port()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 50);
    }
}
