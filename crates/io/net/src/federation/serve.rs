//! Our own bundle endpoint: one document over HTTPS, to whoever asks. There is no secret in it.

use crate::tls::EndpointTls;
use crate::{Listener, Stream};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Connections at a time; the next waits in the kernel's queue until one ends.
const CONNECTIONS_MAX: usize = 128;
/// For the handshake, and for the head of a request.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// A whole connection: nobody needs more than one answer.
const LIFE_MAX: Duration = Duration::from_secs(15);
/// Bytes of request line and fields; the least that hyper takes.
const HEAD_BYTES_MAX: usize = 8 * 1024;

/// Gives the document as it is now.
type Document = Arc<dyn Fn() -> String + Send + Sync>;

/// Serves the document at `/` until the socket itself fails; dropping the future ends every connection. Without TLS at
/// hand nobody is answered.
///
/// # Errors
/// The system's.
pub async fn serve(
    listener: Listener,
    tls: watch::Receiver<Option<EndpointTls>>,
    document: Document,
) -> std::io::Result<()> {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= CONNECTIONS_MAX {
            connections.join_next().await;
        }
        while connections.try_join_next().is_some() {}
        let (stream, _) = listener.accept().await?;
        let Some(tls) = tls.borrow().clone() else { continue };
        connections.spawn(tokio::time::timeout(LIFE_MAX, connection(stream, tls, Arc::clone(&document))));
    }
}

async fn connection(stream: TcpStream, tls: EndpointTls, document: Document) {
    // Scanners, and whoever does not trust us: nothing was said.
    let Ok(stream) = tls.accept(stream, HANDSHAKE_TIMEOUT).await else { return };
    answer(stream, document).await;
}

async fn answer(stream: Stream, document: Document) {
    let service = service_fn(|request: Request<Incoming>| {
        let response = response(&request, &document);
        async move { Ok::<_, Infallible>(response) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HANDSHAKE_TIMEOUT)
        .max_buf_size(HEAD_BYTES_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Too slow, malformed or gone: there is nobody left to tell.
    let _ = served.await;
}

fn response(request: &Request<Incoming>, document: &Document) -> Response<Full<Bytes>> {
    let (status, body) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/") => (StatusCode::OK, document()),
        (&Method::GET, _) => (StatusCode::NOT_FOUND, "{}".to_owned()),
        _ => (StatusCode::METHOD_NOT_ALLOWED, "{}".to_owned()),
    };
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET"));
    }
    response
}
