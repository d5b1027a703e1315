//! An HTTP/1.1 origin for measuring proxies: one thread, one read and one write for a request.
//!
//! It answers every request head with the same body and reads no request bodies: only `GET` is sent to it.

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Registry, Token};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::net::SocketAddr;

/// What ends a request head (RFC 9112 §2.1).
const HEAD_END: [u8; 4] = *b"\r\n\r\n";
/// Readiness events taken in one turn.
const EVENTS_MAX: usize = 512;
/// Bytes read at once: more than the load side ever sends on one connection before it reads.
const READ_BYTES_MAX: usize = 64 * 1024;
/// The listener's own token; connections count up from the next.
const LISTENER: Token = Token(0);

/// Counts request heads in a stream that arrives in pieces.
#[derive(Debug, Default, Clone, Copy)]
pub struct Heads {
    /// How many bytes of [`HEAD_END`] have been seen in a row.
    matched: usize,
}

/// An origin, bound and not yet serving.
#[derive(Debug)]
pub struct Origin {
    poll: Poll,
    listener: TcpListener,
    answer: Vec<u8>,
    connections: HashMap<Token, (TcpStream, Heads)>,
    next: usize,
}

impl Heads {
    /// How many heads end within `bytes`.
    pub fn count(&mut self, bytes: &[u8]) -> usize {
        let mut ended = 0;
        for byte in bytes {
            let expected = HEAD_END.get(self.matched);
            self.matched = match (expected == Some(byte), *byte) {
                (true, _) => self.matched + 1,
                (false, b'\r') => 1,
                (false, _) => 0,
            };
            if self.matched == HEAD_END.len() {
                (ended, self.matched) = (ended + 1, 0);
            }
        }
        ended
    }
}

impl Origin {
    /// Binds `address`; every answer will have a body of `body_bytes`.
    ///
    /// # Errors
    /// When the address cannot be bound.
    pub fn bind(address: SocketAddr, body_bytes: usize) -> io::Result<Origin> {
        let (poll, mut listener) = (Poll::new()?, TcpListener::bind(address)?);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {body_bytes}\r\n\r\n"
        );
        let mut answer = head.into_bytes();
        answer.resize(answer.len() + body_bytes, b'x');
        Ok(Origin { poll, listener, answer, connections: HashMap::new(), next: LISTENER.0 + 1 })
    }

    /// The address that was bound.
    ///
    /// # Errors
    /// When the socket is gone.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves until the process ends.
    ///
    /// # Errors
    /// When polling fails; a broken connection ends alone.
    pub fn serve(mut self) -> io::Result<()> {
        let (mut events, mut buffer) = (Events::with_capacity(EVENTS_MAX), vec![0; READ_BYTES_MAX]);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() != io::ErrorKind::Interrupted => return Err(error),
                Ok(()) | Err(_) => {}
            }
            for event in &events {
                if event.token() == LISTENER {
                    self.accept_all();
                } else if let Some((stream, heads)) = self.connections.get_mut(&event.token())
                    && answer_all(stream, heads, &self.answer, &mut buffer).is_err()
                {
                    self.connections.remove(&event.token());
                }
            }
        }
    }

    /// Accepts what waits. An error ends the turn: the listener is polled again with the next connection.
    fn accept_all(&mut self) {
        while let Ok((stream, _)) = self.listener.accept() {
            let token = Token(self.next);
            self.next += 1;
            if let Ok(stream) = register(self.poll.registry(), stream, token) {
                self.connections.insert(token, (stream, Heads::default()));
            }
        }
    }
}

fn register(registry: &Registry, mut stream: TcpStream, token: Token) -> io::Result<TcpStream> {
    stream.set_nodelay(true)?;
    registry.register(&mut stream, token, Interest::READABLE)?;
    Ok(stream)
}

/// Answers every head that has arrived. Any error, the end of the stream among them, means: close.
fn answer_all(stream: &mut TcpStream, heads: &mut Heads, answer: &[u8], buffer: &mut [u8]) -> io::Result<()> {
    loop {
        let got = match stream.read(buffer) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(got) => got,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error),
        };
        for _ in 0..heads.count(buffer.get(..got).unwrap_or_default()) {
            // A client that does not read its answers is closed: the load side always does.
            stream.write_all(answer)?;
        }
        // A short read has emptied the socket (epoll(7), edge-triggered): no second read to learn it.
        if got < buffer.len() {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests;
