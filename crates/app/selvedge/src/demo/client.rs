//! An HTTP/1.1 client that keeps its connections: in plaintext to the demo's own processes and a node's outbound
//! address, over TLS to the gateway.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderMap};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use selvedge_net::{Alpn, Stream, client};
use std::cell::RefCell;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;

/// How long one call may take, its connection included.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long connecting may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
/// Bytes of an answer's body.
const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Connections that wait for the next call.
const IDLE_MAX: usize = 4;

/// Where and how a client connects.
#[derive(Debug, Clone)]
pub(crate) enum Target {
    /// TCP.
    Plain(SocketAddr),
    /// TLS for this server name, whose certificate one of these roots (DER) vouches for.
    Tls { address: SocketAddr, name: &'static str, roots: Vec<Vec<u8>> },
}

/// A client of one address.
pub(crate) struct Client {
    target: Target,
    host: String,
    /// Connections without a call. Borrowed for a moment only, never across an await.
    idle: RefCell<Vec<SendRequest<Full<Bytes>>>>,
}

/// One call.
#[derive(Debug, Clone, Default)]
pub(crate) struct Call<'a> {
    /// `GET` or `POST`.
    pub(crate) method: &'a str,
    /// The path.
    pub(crate) path: &'a str,
    /// A bearer token.
    pub(crate) token: Option<&'a str>,
    /// Another host than the client's own.
    pub(crate) host: Option<&'a str>,
    /// The `traceparent` of the call that this one is part of (W3C Trace Context).
    pub(crate) trace: Option<&'a str>,
    /// The body, and its type.
    pub(crate) body: Option<(&'static str, String)>,
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    /// The status.
    pub(crate) status: StatusCode,
    /// The fields.
    pub(crate) fields: HeaderMap,
    /// The body.
    pub(crate) body: Bytes,
}

/// Why nothing came back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CallError {
    /// Over [`CALL_TIMEOUT`].
    Timeout,
    /// No connection.
    Connect(String),
    /// The call has a character that no request can have.
    Malformed,
    /// The connection broke, or the answer was none.
    Broken(String),
}

impl std::fmt::Display for CallError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            CallError::Timeout => write!(f, "no answer within {} s", CALL_TIMEOUT.as_secs()),
            CallError::Connect(why) => write!(f, "no connection: {why}"),
            CallError::Malformed => f.write_str("the request is malformed"),
            CallError::Broken(why) => write!(f, "the connection broke: {why}"),
        }
    }
}

impl std::error::Error for CallError {}

impl Answer {
    /// The decision id, if a hop gave one.
    pub(crate) fn decision(&self) -> Option<&str> {
        self.fields.get("selvedge-decision").and_then(|value| value.to_str().ok())
    }

    /// The body as JSON, or null.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }
}

impl Client {
    /// A client of this target. `host` is what it asks for where a call names no other.
    pub(crate) fn new(target: Target, host: impl Into<String>) -> Client {
        Client { target, host: host.into(), idle: RefCell::default() }
    }

    /// A client in plaintext whose host is the address.
    pub(crate) fn plain(address: SocketAddr) -> Client {
        Client::new(Target::Plain(address), address.to_string())
    }

    /// Forgets the connections that it keeps, so that the next call makes a new one.
    pub(crate) fn forget(&self) {
        self.idle.borrow_mut().clear();
    }

    /// Makes a call. One that met a connection that the other side had closed meanwhile is made again on a new one; a
    /// call of which a byte may have been read is never made twice.
    ///
    /// # Errors
    /// When no whole answer came back in time.
    pub(crate) async fn call(&self, call: &Call<'_>) -> Result<Answer, CallError> {
        tokio::time::timeout(CALL_TIMEOUT, self.call_now(call)).await.unwrap_or(Err(CallError::Timeout))
    }

    async fn call_now(&self, call: &Call<'_>) -> Result<Answer, CallError> {
        let mut request = call.request(&self.host)?;
        loop {
            let kept = self.idle.borrow_mut().pop().filter(|sender| !sender.is_closed());
            let (mut sender, new) = match kept {
                Some(sender) => (sender, false),
                None => (connect(&self.target).await?, true),
            };
            // A new connection is ready at once; a kept one is when its last answer was read to the end.
            match sender.ready().await {
                Ok(()) => {}
                Err(error) if new => return Err(CallError::Broken(error.to_string())),
                Err(_) => continue,
            }
            match sender.try_send_request(request).await {
                Ok(response) => {
                    let (head, body) = response.into_parts();
                    let body = Limited::new(body, BODY_BYTES_MAX).collect().await;
                    let body = body.map_err(|error| CallError::Broken(error.to_string()))?.to_bytes();
                    self.keep(sender);
                    return Ok(Answer { status: head.status, fields: head.headers, body });
                }
                Err(mut error) => match error.take_message() {
                    Some(unsent) if !new => request = unsent,
                    _ => return Err(CallError::Broken(error.into_error().to_string())),
                },
            }
        }
    }

    fn keep(&self, sender: SendRequest<Full<Bytes>>) {
        let mut idle = self.idle.borrow_mut();
        if idle.len() < IDLE_MAX && !sender.is_closed() {
            idle.push(sender);
        }
    }
}

impl Call<'_> {
    fn request(&self, host: &str) -> Result<Request<Full<Bytes>>, CallError> {
        let mut request = Request::builder().method(self.method).uri(self.path).header(HOST, self.host.unwrap_or(host));
        if let Some(token) = self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        if let Some(trace) = self.trace {
            request = request.header("traceparent", trace);
        }
        let body = match &self.body {
            Some((content_type, body)) => {
                request = request.header(CONTENT_TYPE, *content_type);
                Full::new(Bytes::from(body.clone()))
            }
            None => Full::default(),
        };
        request.body(body).map_err(|_| CallError::Malformed)
    }
}

async fn connect(target: &Target) -> Result<SendRequest<Full<Bytes>>, CallError> {
    let refused = |error: &dyn std::fmt::Display| CallError::Connect(error.to_string());
    let (Target::Plain(address) | Target::Tls { address, .. }) = target;
    let stream = TcpStream::connect(address).await.map_err(|error| refused(&error))?;
    stream.set_nodelay(true).map_err(|error| refused(&error))?;
    let stream = match target {
        Target::Plain(_) => Stream::Plain(stream),
        Target::Tls { name, roots, .. } => {
            let connected = client::connect(stream, name, roots, Some(Alpn::Http1), CONNECT_TIMEOUT).await;
            connected.map_err(|error| refused(&error))?.0
        }
    };
    let (sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(|error| refused(&error))?;
    // Ends when the sender is dropped or the other side closes; what went wrong is told to the sender.
    drop(tokio::task::spawn_local(async move { drop(connection.await) }));
    Ok(sender)
}
