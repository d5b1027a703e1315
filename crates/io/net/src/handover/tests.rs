//! Sockets arrive as what they were, and nothing else is taken for them.

use super::{give, take};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;

#[test]
fn a_connection_that_waits_is_accepted_by_the_successor() {
    let (mut old, mut new) = UnixStream::pair().unwrap();
    let listeners: Vec<TcpListener> = (0..70).map(|_| TcpListener::bind("127.0.0.1:0").unwrap()).collect();
    let addresses: Vec<_> = listeners.iter().map(|listener| listener.local_addr().unwrap()).collect();
    let mut waiting = TcpStream::connect(addresses[69]).unwrap();
    waiting.write_all(b"hello").unwrap();
    let held: Vec<_> = addresses.iter().copied().zip(listeners.into_iter().map(Into::into)).collect();
    let giving = std::thread::spawn(move || give(&mut old, &held));
    let taken = take(&mut new).unwrap();
    giving.join().unwrap().unwrap();
    assert_eq!(taken.iter().map(|(address, _)| *address).collect::<Vec<_>>(), addresses);
    let last = TcpListener::from(taken.into_iter().next_back().unwrap().1);
    let mut bytes = [0; 5];
    last.accept().unwrap().0.read_exact(&mut bytes).unwrap();
    assert_eq!(&bytes, b"hello");
}

#[test]
fn what_is_no_list_is_refused() {
    for bytes in [&b""[..], b"\0\0", b"\0\0\0\x04abc\n", b"\xff\xff\xff\xff", b"\0\0\0\x0c127.0.0.1:1\n\0\0\0\0"] {
        let (mut old, mut new) = UnixStream::pair().unwrap();
        old.write_all(bytes).unwrap();
        drop(old);
        assert!(take(&mut new).is_err(), "{bytes:?}");
    }
}
