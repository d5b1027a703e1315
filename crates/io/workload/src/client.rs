//! The client's half: a node takes its identities from another implementation, such as a SPIRE agent.

use crate::grpc::{CONTENT_TYPE, Incoming, Status, frame};
use crate::limits::{ANSWER_BYTES_MAX, HANDSHAKE_TIMEOUT};
use crate::message::spiffe::{Empty, X509SvidResponse};
use crate::socket::{SocketError, check_server};
use http::Request;
use selvedge_identity::{PrivateKey, Svid, SvidError, TrustBundle};
use selvedge_model::TrustDomain;
use std::io;
use std::path::Path;
use tokio::net::UnixStream;
use tokio::task::AbortHandle;
use zeroize::Zeroizing;

/// Certificates in one trust bundle or chain.
const CERTIFICATES_MAX: usize = 64;

/// A stream of X.509-SVIDs.
#[derive(Debug)]
pub struct WorkloadClient {
    answers: Incoming,
    connection: AbortHandle,
}

/// What another implementation says that we are.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// Our identities, the default one first.
    pub svids: Vec<Svid>,
    /// Whom to trust: one bundle for each trust domain that an identity is of.
    pub bundles: Vec<TrustBundle>,
    /// Whom else to trust.
    pub federated: Vec<TrustBundle>,
}

/// Why there are no identities from there.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The socket cannot be trusted.
    #[error(transparent)]
    Socket(#[from] SocketError),
    /// It cannot be reached.
    #[error("cannot reach the Workload API: {0}")]
    Io(#[from] io::Error),
    /// It speaks something else.
    #[error("the Workload API does not speak HTTP/2 as it should: {0}")]
    Protocol(#[from] h2::Error),
    /// It did not answer in time.
    #[error("the Workload API does not answer")]
    Late,
    /// It refused.
    #[error("the Workload API refuses: {0}")]
    Refused(Status),
    /// What it sent cannot be used.
    #[error("the Workload API sent what is no SVID: {0}")]
    Svid(#[from] SvidError),
    /// What it sent cannot be used.
    #[error("the Workload API sent {0}, which cannot be used")]
    Unusable(&'static str),
}

impl WorkloadClient {
    /// Connects to a socket that belongs to us or to root, and asks for X.509-SVIDs.
    ///
    /// # Errors
    /// When it cannot be reached or trusted.
    pub async fn connect(path: &Path) -> Result<WorkloadClient, FetchError> {
        check_server(path)?;
        let asked = async {
            let stream = UnixStream::connect(path).await?;
            let (send, connection) = h2::client::handshake(stream).await?;
            // Owned by this client: it ends with it.
            let connection = tokio::spawn(async move { drop(connection.await) }).abort_handle();
            let mut send = send.ready().await?;
            let request = Request::post("http://localhost/SpiffeWorkloadAPI/FetchX509SVID")
                .header("content-type", CONTENT_TYPE)
                .header("te", "trailers")
                .header("workload.spiffe.io", "true");
            let request = request.body(()).map_err(|_| FetchError::Unusable("nothing"))?;
            let (answer, mut body) = send.send_request(request, false)?;
            body.send_data(frame(&Empty {}), true)?;
            Ok::<_, FetchError>((answer.await?, connection))
        };
        let (answer, connection) =
            tokio::time::timeout(HANDSHAKE_TIMEOUT, asked).await.map_err(|_| FetchError::Late)??;
        let (head, body) = answer.into_parts();
        let client = WorkloadClient { answers: Incoming::new(body, ANSWER_BYTES_MAX), connection };
        if head.headers.contains_key("grpc-status") {
            return Err(FetchError::Refused(Status::read(&head.headers)));
        }
        if head.status != http::StatusCode::OK {
            return Err(FetchError::Unusable("an answer that is no gRPC"));
        }
        Ok(client)
    }

    /// The next state of our identities; the first comes at once. A future that is dropped loses nothing.
    ///
    /// # Errors
    /// When the stream ends, or what came cannot be used; then connect again.
    pub async fn next(&mut self) -> Result<Fetched, FetchError> {
        match self.answers.next::<X509SvidResponse>().await {
            Ok(Some(response)) => read(response),
            Ok(None) => {
                let trailers = self.answers.trailers().await.unwrap_or_default();
                Err(FetchError::Refused(Status::read(&trailers)))
            }
            Err(status) => Err(FetchError::Refused(status)),
        }
    }
}

impl Drop for WorkloadClient {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

fn read(response: X509SvidResponse) -> Result<Fetched, FetchError> {
    let (mut svids, mut bundles): (Vec<Svid>, Vec<TrustBundle>) = (Vec::new(), Vec::new());
    for sent in response.svids {
        let key = Zeroizing::new(sent.key);
        let key = PrivateKey::from_pkcs8_der(&key).map_err(SvidError::from)?;
        let svid = Svid::new(certificates(&sent.chain)?, key)?;
        if svid.id.as_str() != sent.spiffe_id {
            return Err(FetchError::Unusable("a certificate of another identity than it says"));
        }
        let domain = domain(svid.id.trust_domain())?;
        if !bundles.iter().any(|bundle| bundle.trust_domain == domain) {
            bundles.push(TrustBundle::of(domain, certificates(&sent.bundle)?));
        }
        svids.push(svid);
    }
    if svids.is_empty() {
        return Err(FetchError::Unusable("no identity"));
    }
    let federated = |(id, roots): (String, Vec<u8>)| {
        let name = id.strip_prefix("spiffe://").ok_or(FetchError::Unusable("a bundle of no trust domain"))?;
        Ok::<_, FetchError>(TrustBundle::of(domain(name)?, certificates(&roots)?))
    };
    let federated: Result<Vec<_>, _> = response.federated_bundles.into_iter().map(federated).collect();
    Ok(Fetched { svids, bundles, federated: federated? })
}

fn domain(name: &str) -> Result<TrustDomain, FetchError> {
    TrustDomain::parse(name).map_err(|_| FetchError::Unusable("a name that is no trust domain"))
}

/// Splits certificates that stand one after the other: each says its own length (X.690 §8.1.3).
fn certificates(mut der: &[u8]) -> Result<Vec<Vec<u8>>, FetchError> {
    const CUT: FetchError = FetchError::Unusable("certificates that are cut off");
    let mut found = Vec::new();
    while !der.is_empty() {
        let length = match *der {
            [0x30, short @ 0..=0x7f, ..] => 2 + usize::from(short),
            [0x30, 0x81, a, ..] => 3 + usize::from(a),
            [0x30, 0x82, a, b, ..] => 4 + usize::from(u16::from_be_bytes([a, b])),
            _ => return Err(CUT),
        };
        let (one, rest) = der.split_at_checked(length).ok_or(CUT)?;
        if found.len() >= CERTIFICATES_MAX {
            return Err(FetchError::Unusable("too many certificates"));
        }
        found.push(one.to_vec());
        der = rest;
    }
    Ok(found)
}
