use super::{Heads, Origin};
use std::io::{Read, Write};
use std::net::TcpStream;

const GET: &[u8] = b"GET /bench HTTP/1.1\r\nHost: localhost\r\n\r\n";

/// An origin with a body of 3 bytes, and a connection to it.
fn connected() -> TcpStream {
    let origin = Origin::bind("127.0.0.1:0".parse().unwrap(), 3).unwrap();
    let address = origin.address().unwrap();
    std::thread::spawn(move || origin.serve());
    TcpStream::connect(address).unwrap()
}

fn read_answer(stream: &mut TcpStream) -> String {
    let mut text = Vec::new();
    while !text.ends_with(b"\r\n\r\nxxx") {
        let mut byte = [0];
        stream.read_exact(&mut byte).unwrap();
        text.push(byte[0]);
    }
    String::from_utf8(text).unwrap()
}

#[test]
fn every_head_is_answered_with_the_body() {
    let mut stream = connected();
    for _ in 0..2 {
        stream.write_all(GET).unwrap();
        let answer = read_answer(&mut stream);
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("Content-Length: 3\r\n"), "{answer}");
    }
}

#[test]
fn pipelined_heads_are_each_answered() {
    let mut stream = connected();
    stream.write_all(&GET.repeat(3)).unwrap();
    for _ in 0..3 {
        read_answer(&mut stream);
    }
}

#[test]
fn a_head_is_counted_once_at_every_split() {
    for at in 0..=GET.len() {
        let mut heads = Heads::default();
        let (left, right) = GET.split_at(at);
        assert_eq!(heads.count(left) + heads.count(right), 1, "split at {at}");
    }
}

#[test]
fn what_only_looks_like_the_end_is_no_head() {
    assert_eq!(Heads::default().count(b"GET / HTTP/1.1\r\nA: b\r\n\n\r\n"), 0);
    assert_eq!(Heads::default().count(b"\n\n\r\r\n"), 0);
    assert_eq!(Heads::default().count(b"\r\r\n\r\n"), 1);
}
