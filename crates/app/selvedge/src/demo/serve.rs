//! What the demo's small servers share: a runtime of one thread, a bounded accept loop, HTTP/1.1, and the standard
//! streams by which whoever started them speaks to them.

use anyhow::{Context, Result};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Connections at once to one process of the demo.
const CONNECTIONS_MAX: usize = 256;
/// How long a connection may be without a whole head: longer than a node keeps one idle, so that the node closes it.
const HEAD_TIMEOUT: Duration = Duration::from_secs(75);
/// Bytes of a request's body.
const BODY_BYTES_MAX: usize = 64 * 1024;
/// Lines from standard input that wait.
const LINES_MAX: usize = 64;

/// An answer of one of the demo's servers.
pub(crate) type Reply = Response<Full<Bytes>>;

/// Runs one of the demo's processes on this thread.
///
/// # Errors
/// When the runtime cannot start, or as the process.
pub(crate) fn run<T>(process: impl Future<Output = Result<T>>) -> Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.context("cannot start the runtime: raise the limit of open files")?;
    tokio::task::LocalSet::new().block_on(&runtime, process)
}

/// Reads an address that this machine alone reaches: the demo trusts whoever connects.
///
/// # Errors
/// When it is no socket address, or not on loopback.
pub(crate) fn loopback(text: &str) -> Result<SocketAddr, String> {
    let address: SocketAddr =
        text.parse().map_err(|_| "write an address and a port, such as `127.0.0.1:0`".to_owned())?;
    if address.ip().is_loopback() {
        Ok(address)
    } else {
        Err("the demo listens on loopback alone: write `127.0.0.1:PORT`".to_owned())
    }
}

/// Binds an address.
///
/// # Errors
/// When it is taken.
pub(crate) async fn bind(address: SocketAddr) -> Result<TcpListener> {
    let unbound = || format!("cannot listen on `{address}`: choose another port, or 0 for any");
    TcpListener::bind(address).await.with_context(unbound)
}

/// Takes connections for ever, at most [`CONNECTIONS_MAX`] at once.
pub(crate) async fn accept<F: Future<Output = ()> + 'static>(listener: TcpListener, serve: impl Fn(TcpStream) -> F) {
    let slots = std::sync::Arc::new(tokio::sync::Semaphore::new(CONNECTIONS_MAX));
    while let Ok(slot) = slots.clone().acquire_owned().await {
        match listener.accept().await {
            Ok((stream, _)) => {
                // Small answers would wait for acknowledgements otherwise; a socket that refuses is about to fail.
                let _ = stream.set_nodelay(true);
                let serving = serve(stream);
                drop(tokio::task::spawn_local(async move {
                    serving.await;
                    drop(slot);
                }));
            }
            // Out of descriptors, or a client that left: the next one may fare better, and a pause frees the processor.
            Err(_) => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
}

/// Serves HTTP/1.1 for ever; `handle` gets whole requests.
pub(crate) async fn http<F: Future<Output = Reply> + 'static>(
    listener: TcpListener,
    handle: impl Fn(Request<Bytes>) -> F + Clone + 'static,
) {
    accept(listener, |stream| {
        let handle = handle.clone();
        async move {
            let service = service_fn(move |request| answer(request, handle.clone()));
            let mut server = http1::Builder::new();
            server.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT);
            // A client that goes away is its own affair.
            let _ = server.serve_connection(TokioIo::new(stream), service).await;
        }
    })
    .await;
}

async fn answer<F: Future<Output = Reply>>(
    request: Request<Incoming>,
    handle: impl Fn(Request<Bytes>) -> F,
) -> Result<Reply, Infallible> {
    let (head, body) = request.into_parts();
    Ok(match Limited::new(body, BODY_BYTES_MAX).collect().await {
        Ok(body) => handle(Request::from_parts(head, body.to_bytes())).await,
        Err(_) => text(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large, or broke off"),
    })
}

/// An answer of plain text.
pub(crate) fn text(status: StatusCode, text: &str) -> Reply {
    reply(status, "text/plain; charset=utf-8", format!("{text}\n"))
}

/// An answer of JSON.
pub(crate) fn json(status: StatusCode, value: &serde_json::Value) -> Reply {
    reply(status, "application/json", format!("{value}\n"))
}

fn reply(status: StatusCode, content_type: &'static str, body: String) -> Reply {
    let mut reply = Response::new(Full::new(Bytes::from(body)));
    *reply.status_mut() = status;
    reply.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    reply
}

/// Prints a line on standard output and sends it off. A reader that went away is not an error of ours.
pub(crate) fn say(line: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// The lines of standard input; the channel closes where they end. The thread ends with the process.
pub(crate) fn stdin_lines() -> mpsc::Receiver<String> {
    let (lines, received) = mpsc::channel(LINES_MAX);
    drop(std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if lines.blocking_send(line).is_err() {
                break;
            }
        }
    }));
    received
}
