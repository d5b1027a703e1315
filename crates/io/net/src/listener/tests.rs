use super::*;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn two_listeners_share_one_address() {
    let first = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = first.local_addr().unwrap();
    let second = Listener::bind(addr).unwrap();
    let mut clients = Vec::new();
    for _ in 0..64 {
        clients.push(TcpStream::connect(addr).await.unwrap());
        tokio::select! {
            accepted = first.accept() => drop(accepted.unwrap()),
            accepted = second.accept() => drop(accepted.unwrap()),
        }
    }
}

#[tokio::test]
async fn an_accepted_connection_sends_at_once() {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let mut client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let (mut server, from) = listener.accept().await.unwrap();
    assert_eq!(from, client.local_addr().unwrap());
    assert!(server.nodelay().unwrap());
    server.write_all(b"x").await.unwrap();
    assert_eq!(client.read_u8().await.unwrap(), b'x');
}

#[test]
fn exhaustion_and_dead_connections_do_not_end_a_listener() {
    for code in [23, 24, 105, 12] {
        assert!(is_exhausted(&io::Error::from_raw_os_error(code)), "{code}");
    }
    assert!(is_of_the_connection(&io::Error::from_raw_os_error(103)));
    assert!(!is_of_the_connection(&io::Error::from_raw_os_error(9)), "a closed descriptor is the listener's own end");
}
