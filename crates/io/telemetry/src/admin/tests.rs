//! Who gets an answer from the admin listener, and how long anybody may take.

use super::client::get_within;
use super::*;
use std::error::Error;
use std::time::Instant;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::time::timeout;

type Tested = Result<(), Box<dyn Error>>;

fn routes() -> Routes {
    Arc::new(|path| match path {
        "/healthz" => Some(plain(StatusCode::OK, "ok")),
        "/down" => Some(plain(StatusCode::SERVICE_UNAVAILABLE, "no plan\u{1b}[31m")),
        "/large" => Some(plain(StatusCode::OK, &"x".repeat(32 * 1024 * 1024))),
        _ => None,
    })
}

async fn start(limits: Limits) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    tokio::spawn(accept(listener, Gate::new(addr, &["admin.acme.example".into()]), routes(), limits));
    Ok(addr)
}

/// What comes back for these bytes: the status and everything, or a status of 0 when the connection only closed.
async fn send(addr: SocketAddr, request: &[u8]) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(addr).await?;
    // A server that has heard enough may close before it has read all.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    let text = String::from_utf8_lossy(&answer).into_owned();
    Ok((text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0), text))
}

#[tokio::test]
async fn a_listener_that_others_can_reach_is_refused() -> Tested {
    let listener = TcpListener::bind("0.0.0.0:0").await?;
    let refused = timeout(Duration::from_secs(5), Admin::serve(listener, routes())).await?;
    assert!(matches!(refused, Err(AdminError::NotLoopback(_))));
    Ok(())
}

#[tokio::test]
async fn only_our_own_hosts_are_answered() -> Tested {
    let addr = start(LIMITS).await?;
    let port = addr.port();
    let ask = async |host: &str| send(addr, format!("GET /healthz HTTP/1.1\r\n{host}\r\n").as_bytes()).await;
    for host in ["localhost", "LOCALHOST", "127.0.0.1", "[::1]", "admin.acme.example"] {
        assert_eq!(ask(&format!("Host: {host}:{port}\r\n")).await?.0, 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "localhost.", "127.0.0.2", "0.0.0.0", "x@localhost", ""] {
        assert_eq!(ask(&format!("Host: {host}:{port}\r\n")).await?.0, 421, "{host}");
    }
    for lines in [
        String::new(),
        "Host: localhost\r\n".into(),
        format!("Host: localhost:{}\r\n", port ^ 1),
        format!("Host: localhost:{port}\r\nHost: localhost:{port}\r\n"),
        format!("Host: localhost:{port}\r\nHost: evil.example\r\n"),
    ] {
        assert_eq!(ask(&lines).await?.0, 421, "{lines}");
    }
    let absolute = format!("GET http://evil.example/healthz HTTP/1.1\r\nHost: localhost:{port}\r\n\r\n");
    assert_eq!(send(addr, absolute.as_bytes()).await?.0, 421);
    Ok(())
}

#[tokio::test]
async fn pages_of_other_origins_get_nothing_and_no_permission_to_read() -> Tested {
    let addr = start(LIMITS).await?;
    for field in
        ["Origin: https://evil.example", "Origin: null", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Site: same-site"]
    {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {addr}\r\n{field}\r\n\r\n");
        let (status, text) = send(addr, request.as_bytes()).await?;
        assert_eq!(status, 403, "{field}");
        assert!(!text.to_lowercase().contains("access-control"), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn only_get_without_a_body_is_served() -> Tested {
    let addr = start(LIMITS).await?;
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "get"] {
        let (status, text) =
            send(addr, format!("{method} /healthz HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes()).await?;
        assert_eq!(status, 405, "{method}");
        assert!(text.contains("allow: GET\r\n"));
    }
    for body in ["Content-Length: 4\r\n\r\nbody", "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"] {
        let request = format!("GET /healthz HTTP/1.1\r\nHost: {addr}\r\n{body}");
        assert_eq!(send(addr, request.as_bytes()).await?.0, 413, "{body}");
    }
    Ok(())
}

#[tokio::test]
async fn oversized_requests_are_refused() -> Tested {
    let addr = start(LIMITS).await?;
    let long = "a".repeat(HEAD_BYTES_MAX);
    let many: String = (0..=FIELDS_MAX).map(|n| format!("x-{n}: 1\r\n")).collect();
    for request in [
        format!("GET /{long} HTTP/1.1\r\nHost: {addr}\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\nHost: {addr}\r\nx: {long}\r\n\r\n"),
        format!("GET /healthz HTTP/1.1\r\nHost: {addr}\r\n{many}\r\n"),
    ] {
        // 0: the rest of the request was still on its way when the connection closed, and took the answer with it.
        let (status, text) = send(addr, request.as_bytes()).await?;
        assert!(matches!(status, 0 | 414 | 431), "{text}");
    }
    Ok(())
}

#[tokio::test]
async fn clients_that_send_no_head_cannot_keep_others_out() -> Tested {
    let addr = start(Limits { connections: 2, head_ms: 50, life_ms: 60_000 }).await?;
    let mut slow = [TcpStream::connect(addr).await?, TcpStream::connect(addr).await?];
    for stream in &mut slow {
        stream.write_all(b"GET /healthz HTTP/1.1\r\nHos").await?;
    }
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {addr}\r\n\r\n");
    let asked = send(addr, request.as_bytes());
    assert_eq!(timeout(Duration::from_secs(10), asked).await??.0, 200);
    Ok(())
}

#[tokio::test]
async fn clients_that_do_not_read_cannot_keep_others_out() -> Tested {
    let addr = start(Limits { connections: 2, head_ms: 60_000, life_ms: 100 }).await?;
    let mut slow = [TcpStream::connect(addr).await?, TcpStream::connect(addr).await?];
    for stream in &mut slow {
        stream.write_all(format!("GET /large HTTP/1.1\r\nHost: {addr}\r\n\r\n").as_bytes()).await?;
    }
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {addr}\r\n\r\n");
    let asked = send(addr, request.as_bytes());
    assert_eq!(timeout(Duration::from_secs(10), asked).await??.0, 200);
    Ok(())
}

#[tokio::test]
async fn no_more_connections_than_the_limit_are_served_at_a_time() -> Tested {
    let addr = start(Limits { connections: 2, head_ms: 60_000, life_ms: 60_000 }).await?;
    let (first, _second) = (TcpStream::connect(addr).await?, TcpStream::connect(addr).await?);
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {addr}\r\n\r\n");
    let asked = send(addr, request.as_bytes());
    tokio::pin!(asked);
    assert!(timeout(Duration::from_millis(100), &mut asked).await.is_err());
    drop(first);
    assert_eq!(timeout(Duration::from_secs(10), asked).await??.0, 200);
    Ok(())
}

#[tokio::test]
async fn the_client_reads_a_page_and_reports_what_is_none() -> Tested {
    let addr = start(LIMITS).await?;
    let ask = async |path: &'static str| tokio::task::spawn_blocking(move || get(addr, path)).await;
    let error = async |path| ask(path).await.map(|got| got.err().map(|e| e.to_string()).unwrap_or_default());
    assert_eq!(ask("/healthz?verbose").await??, "ok\n");
    assert_eq!(error("/none").await?, "the admin listener answered `404`: no such page");
    assert_eq!(error("/down").await?, "the admin listener answered `503`: no plan\\u{1b}[31m");
    assert!(error("/large").await?.contains("over 16 MiB"));
    assert!(error("/a\r\nHost: evil").await?.contains("begins with `/`"));
    Ok(())
}

#[test]
fn a_server_that_never_ends_does_not_hold_the_client() -> Tested {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let addr = listener.local_addr()?;
    std::thread::spawn(move || {
        let dribble = |mut stream: std::net::TcpStream| while io::Write::write_all(&mut stream, b"x").is_ok() {};
        listener.accept().map(|(stream, _)| dribble(stream))
    });
    let start = Instant::now();
    let error = get_within(addr, "/", Duration::from_millis(100)).err().ok_or("it was answered")?;
    assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    assert!(start.elapsed() < Duration::from_secs(5));
    Ok(())
}
