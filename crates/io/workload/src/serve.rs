//! From an accepted connection to a call with a known process behind it, within limits for each user.

use crate::authority::Rewritten;
use crate::caller::{Caller, Counts, Of, Shared};
use crate::grpc::{Call, Code, Status};
use crate::limits::{CONNECTIONS_MAX, HANDSHAKE_TIMEOUT, HEAD_BYTES_MAX, STREAMS_MAX, UNARY_TIMEOUT_MAX};
use crate::refusals::Refusals;
use crate::tokens::Tokens;
use crate::view::View;
use crate::{Socket, api, sds};
use bytes::Bytes;
use h2::RecvStream;
use h2::server::{Builder, SendResponse};
use http::Request;
use selvedge_net::attest::UnixPeer;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::UnixStream;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Bytes that wait to be sent on one stream.
const SEND_BUFFER_BYTES: usize = 64 * 1024;

/// The Workload API of a node.
#[derive(Clone)]
pub struct WorkloadApi {
    shared: Arc<Shared>,
}

impl WorkloadApi {
    /// An API that gives out what `views` has, which is `None` until the node knows. `log` takes lines for the operator.
    pub fn new(
        views: watch::Receiver<Option<Arc<View>>>,
        tokens: Option<Arc<dyn Tokens>>,
        log: impl Fn(&str) + Send + Sync + 'static,
    ) -> WorkloadApi {
        let (refusals, log) = (Arc::default(), Box::new(log));
        WorkloadApi { shared: Arc::new(Shared { views, tokens, refusals, log, counts: Counts::default() }) }
    }

    /// Processes that got nothing.
    pub fn refusals(&self) -> Arc<Refusals> {
        Arc::clone(&self.shared.refusals)
    }

    /// Serves for as long as the future is polled.
    pub async fn serve(&self, socket: Socket) {
        let mut connections = JoinSet::new();
        loop {
            while connections.len() >= CONNECTIONS_MAX {
                connections.join_next().await;
            }
            tokio::select! {
                stream = socket.accept() => {
                    connections.spawn(connection(Arc::clone(&self.shared), stream));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }
}

async fn connection(shared: Arc<Shared>, stream: UnixStream) {
    let Ok(peer) = UnixPeer::of(&stream) else { return };
    let Some(_counted) = shared.counts.enter(peer.uid, Of::Connections) else { return };
    let caller = Arc::new(Caller { shared, peer: Arc::new(peer) });
    let mut builder = Builder::new();
    builder.max_concurrent_streams(STREAMS_MAX).max_header_list_size(HEAD_BYTES_MAX);
    let handshake = builder.max_send_buffer_size(SEND_BUFFER_BYTES).handshake(Rewritten::new(stream));
    let Ok(Ok(mut connection)) = tokio::time::timeout(HANDSHAKE_TIMEOUT, handshake).await else { return };
    // Its calls end with the connection.
    let mut calls = JoinSet::new();
    loop {
        tokio::select! {
            accepted = connection.accept() => match accepted {
                Some(Ok((request, respond))) => {
                    calls.spawn(call(Arc::clone(&caller), request, respond));
                }
                Some(Err(_)) | None => return,
            },
            Some(_) = calls.join_next() => {}
        }
    }
}

async fn call(caller: Arc<Caller>, request: Request<RecvStream>, respond: SendResponse<Bytes>) {
    let Some(mut call) = Call::begin(request, respond) else { return };
    let counted = caller.shared.counts.enter(caller.peer.uid, Of::Streams);
    let status = match counted {
        Some(_) => answer(&caller, &mut call).await,
        None => Status::new(Code::ResourceExhausted, "this user has too many calls open"),
    };
    call.end(&status);
}

async fn answer(caller: &Caller, call: &mut Call) -> Status {
    let Some(method) = Method::of(call.path()) else {
        return Status::new(Code::Unimplemented, "there is no such method here");
    };
    let limit = match (call.timeout(), method.is_stream()) {
        (asked, false) => Some(asked.map_or(UNARY_TIMEOUT_MAX, |asked| asked.min(UNARY_TIMEOUT_MAX))),
        (asked, true) => asked,
    };
    let done = method.answer(caller, call);
    let ended = match limit {
        Some(limit) => within(limit, done).await,
        None => done.await,
    };
    ended.err().unwrap_or_else(|| Status::new(Code::Ok, ""))
}

async fn within(limit: Duration, done: impl Future<Output = Result<(), Status>>) -> Result<(), Status> {
    let late = |_| Status::new(Code::DeadlineExceeded, "the deadline of the call passed");
    tokio::time::timeout(limit, done).await.map_err(late)?
}

/// The methods.
#[derive(Clone, Copy)]
enum Method {
    X509Svid,
    X509Bundles,
    JwtSvid,
    JwtBundles,
    ValidateJwt,
    StreamSecrets,
    FetchSecrets,
}

impl Method {
    fn of(path: &str) -> Option<Method> {
        Some(match path {
            "/SpiffeWorkloadAPI/FetchX509SVID" => Method::X509Svid,
            "/SpiffeWorkloadAPI/FetchX509Bundles" => Method::X509Bundles,
            "/SpiffeWorkloadAPI/FetchJWTSVID" => Method::JwtSvid,
            "/SpiffeWorkloadAPI/FetchJWTBundles" => Method::JwtBundles,
            "/SpiffeWorkloadAPI/ValidateJWTSVID" => Method::ValidateJwt,
            "/envoy.service.secret.v3.SecretDiscoveryService/StreamSecrets" => Method::StreamSecrets,
            "/envoy.service.secret.v3.SecretDiscoveryService/FetchSecrets" => Method::FetchSecrets,
            _ => return None,
        })
    }

    fn is_stream(self) -> bool {
        match self {
            Method::X509Svid | Method::X509Bundles | Method::JwtBundles | Method::StreamSecrets => true,
            Method::JwtSvid | Method::ValidateJwt | Method::FetchSecrets => false,
        }
    }

    async fn answer(self, caller: &Caller, call: &mut Call) -> Result<(), Status> {
        match self {
            Method::X509Svid => api::x509_svid(caller, call).await,
            Method::X509Bundles => api::x509_bundles(caller, call).await,
            Method::JwtSvid => api::jwt_svid(caller, call).await,
            Method::JwtBundles => api::jwt_bundles(caller, call).await,
            Method::ValidateJwt => api::validate_jwt(caller, call).await,
            Method::StreamSecrets => sds::stream(caller, call).await,
            Method::FetchSecrets => sds::fetch(caller, call).await,
        }
    }
}
