//! The admin listener: a few pages over HTTP/1.1 for the operator of this machine, and the client that reads them.
//!
//! A listener on loopback is within reach of every page in a browser on the machine (THREATS, lesson 8). So the `Host`
//! must be ours, which ends DNS rebinding; nothing is answered to another origin; and only `GET` exists.

mod client;
mod gate;

pub use client::get;

use bytes::Bytes;
use gate::Gate;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// A page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The media type of the body.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
    /// The HTTP status; 500 is sent for a number that is none.
    pub status: u16,
}

/// Gives the page for a path, without its query; `None` becomes 404. It runs on the listener's thread: it must not block.
pub type Routes = Arc<dyn Fn(&str) -> Option<Answer> + Send + Sync>;

/// The admin listener's server.
#[derive(Debug)]
pub struct Admin;

/// Why the admin listener does not serve.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// Bound where others than this machine reach it.
    #[error("the admin address `{0}` is not on loopback: use `127.0.0.1` or `[::1]`")]
    NotLoopback(SocketAddr),
    /// The socket does not tell its address.
    #[error("the admin socket has no address: {0}")]
    Socket(#[from] io::Error),
}

/// How much a client may take, and for how long.
#[derive(Debug, Clone, Copy)]
struct Limits {
    /// Connections at a time; the next waits in the kernel's queue until one ends.
    connections: usize,
    /// Milliseconds until the head must have come whole.
    head_ms: u64,
    /// Milliseconds until the answer must have been read.
    life_ms: u64,
}

const LIMITS: Limits = Limits { connections: 64, head_ms: 5_000, life_ms: 30_000 };
/// Bytes of request line and fields; the least that hyper takes.
const HEAD_BYTES_MAX: usize = 8 * 1024;
/// Fields of a request.
const FIELDS_MAX: usize = 32;
/// Milliseconds to wait after an accept failed, mostly for want of file descriptors.
const ACCEPT_RETRY_MS: u64 = 50;

impl Admin {
    /// Serves on loopback, as long as the future is polled; dropping it ends every connection.
    ///
    /// # Errors
    /// At once, when the listener is not on loopback.
    pub async fn serve(listener: TcpListener, routes: Routes) -> Result<(), AdminError> {
        let addr = listener.local_addr()?;
        if !addr.ip().is_loopback() {
            return Err(AdminError::NotLoopback(addr));
        }
        accept(listener, Gate::new(addr, &[]), routes, LIMITS).await
    }

    /// Serves wherever the listener is bound, since somebody asked for that in so many words. `hosts` are the names and
    /// addresses, without port, under which it may be asked for beside the loopback ones.
    ///
    /// # Errors
    /// When the socket does not tell its address.
    pub async fn serve_exposed(listener: TcpListener, hosts: &[String], routes: Routes) -> Result<(), AdminError> {
        let gate = Gate::new(listener.local_addr()?, hosts);
        accept(listener, gate, routes, LIMITS).await
    }
}

async fn accept(listener: TcpListener, gate: Gate, routes: Routes, limits: Limits) -> Result<(), AdminError> {
    let gate = Arc::new(gate);
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= limits.connections {
            connections.join_next().await;
        }
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    connections.spawn(connection(stream, Arc::clone(&gate), Arc::clone(&routes), limits));
                }
                Err(_) => tokio::time::sleep(Duration::from_millis(ACCEPT_RETRY_MS)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

/// One connection, one request: nothing here is asked for often enough to keep connections.
async fn connection(stream: TcpStream, gate: Arc<Gate>, routes: Routes, limits: Limits) {
    let service = service_fn(|request: Request<Incoming>| {
        let answer = match gate.check(&request) {
            Ok(()) => routes(request.uri().path()).unwrap_or_else(|| plain(StatusCode::NOT_FOUND, "no such page")),
            Err((status, reason)) => plain(status, reason),
        };
        async move { Ok::<_, Infallible>(response(answer)) }
    });
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(Duration::from_millis(limits.head_ms))
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(FIELDS_MAX)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), service);
    // Too slow, malformed or gone: there is nobody left to tell.
    let _ = tokio::time::timeout(Duration::from_millis(limits.life_ms), served).await;
}

fn plain(status: StatusCode, reason: &str) -> Answer {
    Answer { content_type: "text/plain; charset=utf-8", body: format!("{reason}\n"), status: status.as_u16() }
}

fn response(answer: Answer) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(answer.body)));
    *response.status_mut() = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(answer.content_type) {
        headers.insert(CONTENT_TYPE, value);
    }
    if answer.status == StatusCode::METHOD_NOT_ALLOWED.as_u16() {
        headers.insert(ALLOW, HeaderValue::from_static("GET"));
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

#[cfg(test)]
mod tests;
