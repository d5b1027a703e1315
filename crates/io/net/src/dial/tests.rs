use super::*;
use selvedge_model::Host;
use tokio::net::TcpListener;

const SOON: Duration = Duration::from_secs(5);

fn place(host: &str, port: u16) -> HostPort {
    HostPort { host: Host::parse(host).unwrap(), port }
}

#[tokio::test]
async fn an_address_and_a_name_are_dialled() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost"] {
        let stream = dial(&place(host, port), SOON).await.unwrap();
        assert!(stream.nodelay().unwrap());
    }
}

#[tokio::test]
async fn nobody_there_is_an_error_with_the_address() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let gone = listener.local_addr().unwrap();
    drop(listener);
    let error = dial(&place("127.0.0.1", gone.port()), SOON).await.unwrap_err();
    assert!(matches!(error, DialError::Connect { address, .. } if address == gone), "{error}");
}

#[tokio::test]
async fn a_peer_that_never_answers_costs_no_more_than_the_timeout() {
    // A full queue of the listener: the kernel drops what comes after.
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&"127.0.0.1:0".parse::<SocketAddr>().unwrap().into()).unwrap();
    socket.listen(0).unwrap();
    let port = socket.local_addr().unwrap().as_socket().unwrap().port();
    let mut held = Vec::new();
    let error = loop {
        match dial(&place("127.0.0.1", port), Duration::from_millis(50)).await {
            Ok(stream) => held.push(stream),
            Err(error) => break error,
        }
        assert!(held.len() < 16, "the queue never fills");
    };
    assert!(matches!(error, DialError::Timeout(_)), "{error}");
}
