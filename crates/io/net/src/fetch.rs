//! One exchange over HTTP with somebody who is not trusted, for a small document: the address is checked and then used, no redirect is followed, size
//! and time are bounded.

mod reach;

use crate::dial::connect_to;
use crate::tls::{Alpn, Stream, TlsError, client::Roots, spiffe};
use bytes::Bytes;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::client::conn::http1;
use hyper::header::{self, HeaderValue};
use hyper::{Method, Request, Response, StatusCode, Uri, body::Incoming};
use hyper_util::rt::TokioIo;
use selvedge_config::checked::Reach;
use selvedge_identity::TrustBundle;
use selvedge_model::SpiffeId;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Bytes of a discovery document or key set.
const ANSWER_BYTES_MAX: usize = 256 * 1024;
/// Bytes of the head of an answer.
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Addresses of one name.
const ADDRESSES_MAX: usize = 16;

/// Why a document was not fetched. Nothing that the server sent is in it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchError {
    #[error("`{0}` is no URL that can be fetched: use https, a host, and no user name")]
    Url(String),
    #[error("`{0}` is plain http: use https, or `reach: loopback` on a laptop or in a test")]
    Plain(String),
    #[error("`{0}` has no address")]
    Unresolved(String),
    #[error("`{host}` leads to `{address}`, which its `reach` does not permit")]
    Reach { host: String, address: IpAddr },
    #[error("no connection to `{0}`")]
    Unreachable(String),
    #[error(transparent)]
    Tls(#[from] TlsError),
    #[error("`{0}` broke off, or did not answer in HTTP/1.1")]
    Http(String),
    #[error("`{url}` answered {status}; redirects are not followed")]
    Status { url: String, status: StatusCode },
    #[error("`{0}` answered with more than 256 KiB")]
    TooLarge(String),
    #[error("no answer in {0} ms")]
    Timeout(u128),
}

impl FetchError {
    /// Whether the server does not believe who asks.
    pub(crate) fn is_about_who_asks(&self) -> bool {
        matches!(self, FetchError::Status { status: StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN, .. })
    }
}

/// Where a URL leads.
struct Place {
    host: String,
    port: u16,
    tls: bool,
    uri: Uri,
}

/// What proves that a server is the one that is meant.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Proof<'a> {
    /// A certificate for its name, by one of these authorities.
    Web(&'a Roots),
    /// The SVID of this workload, by this bundle (SPIFFE Federation §5.2.2).
    Spiffe(&'a TrustBundle, &'a SpiffeId),
}

/// Fetches a document. The caller bounds the time of all of it.
pub(crate) async fn get(
    url: &str,
    reach: Reach,
    roots: Option<&Roots>,
    timeout: Duration,
) -> Result<Bytes, FetchError> {
    send(url, reach, roots.map(Proof::Web), timeout, None).await
}

/// Sends a form with an `Authorization` field. The caller bounds the time of all of it.
pub(crate) async fn post(
    url: &str,
    reach: Reach,
    roots: Option<&Roots>,
    timeout: Duration,
    (authorization, form): (&str, String),
) -> Result<Bytes, FetchError> {
    send(url, reach, roots.map(Proof::Web), timeout, Some((authorization, form))).await
}

/// As [`get`], by whatever proof; without one, only plain http on loopback.
pub(crate) async fn get_proven(
    url: &str,
    reach: Reach,
    proof: Option<Proof<'_>>,
    timeout: Duration,
) -> Result<Bytes, FetchError> {
    send(url, reach, proof, timeout, None).await
}

async fn send(
    url: &str,
    reach: Reach,
    proof: Option<Proof<'_>>,
    timeout: Duration,
    form: Option<(&str, String)>,
) -> Result<Bytes, FetchError> {
    let place = Place::parse(url, reach)?;
    let tcp = place.connect(reach).await?;
    let stream = match (place.tls, proof) {
        (false, _) => Stream::Plain(tcp),
        (true, Some(Proof::Web(roots))) => roots.connect(tcp, &place.host, Some(Alpn::Http1), timeout).await?.0,
        (true, Some(Proof::Spiffe(bundle, id))) => spiffe::connect(tcp, &place.host, bundle, id, timeout).await?,
        (true, None) => return Err(FetchError::Url(url.to_owned())),
    };
    exchange(stream, place.request(form).ok_or_else(|| FetchError::Http(url.to_owned()))?, url).await
}

impl Place {
    fn parse(url: &str, reach: Reach) -> Result<Place, FetchError> {
        let bad = || FetchError::Url(url.to_owned());
        let uri: Uri = url.parse().map_err(|_| bad())?;
        let tls = match uri.scheme_str() {
            Some("https") => true,
            Some("http") if reach == Reach::Loopback => false,
            Some("http") => return Err(FetchError::Plain(url.to_owned())),
            _ => return Err(bad()),
        };
        let authority = uri.authority().filter(|authority| !authority.as_str().contains('@')).ok_or_else(bad)?;
        let host = authority.host().to_owned();
        // Read here, since `Uri` takes a port that is out of range for none.
        let port = match authority.as_str().strip_prefix(&host).ok_or_else(bad)? {
            "" if tls => 443,
            "" => 80,
            written => written.strip_prefix(':').and_then(|port| port.parse().ok()).ok_or_else(bad)?,
        };
        if host.is_empty() { Err(bad()) } else { Ok(Place { host, port, tls, uri }) }
    }

    fn request(&self, form: Option<(&str, String)>) -> Option<Request<Full<Bytes>>> {
        let target = self.uri.path_and_query().map_or("/", |path| path.as_str());
        let request = Request::builder()
            .uri(target)
            .header(header::HOST, self.uri.authority().map_or("", |authority| authority.as_str()))
            .header(header::ACCEPT, "application/json")
            .header(header::USER_AGENT, "selvedge")
            .header(header::CONNECTION, "close");
        let Some((authorization, form)) = form else { return request.body(Full::default()).ok() };
        let mut authorization = HeaderValue::from_str(authorization).ok()?;
        authorization.set_sensitive(true);
        let request = request.method(Method::POST).header(header::AUTHORIZATION, authorization);
        request.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded").body(form.into()).ok()
    }

    /// Every address of the name is checked, and the connection goes to one that was: the name is not resolved again.
    async fn connect(&self, reach: Reach) -> Result<tokio::net::TcpStream, FetchError> {
        let addresses = self.resolve().await?;
        if let Some(bad) = addresses.iter().find(|address| !reach::permits(reach, address.ip())) {
            return Err(FetchError::Reach { host: self.host.clone(), address: bad.ip() });
        }
        for address in addresses {
            if let Ok(stream) = connect_to(address).await {
                return Ok(stream);
            }
        }
        Err(FetchError::Unreachable(format!("{}:{}", self.host, self.port)))
    }

    async fn resolve(&self) -> Result<Vec<SocketAddr>, FetchError> {
        let unresolved = || FetchError::Unresolved(self.host.clone());
        let unbracketed = self.host.trim_start_matches('[').trim_end_matches(']');
        if let Ok(ip) = unbracketed.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(ip, self.port)]);
        }
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await.map_err(|_| unresolved())?;
        let addresses: Vec<_> = found.take(ADDRESSES_MAX).collect();
        if addresses.is_empty() { Err(unresolved()) } else { Ok(addresses) }
    }
}

async fn exchange(stream: Stream, request: Request<Full<Bytes>>, url: &str) -> Result<Bytes, FetchError> {
    let broken = || FetchError::Http(url.to_owned());
    let mut builder = http1::Builder::new();
    builder.max_buf_size(HEAD_BYTES_MAX);
    let (mut sender, connection) = builder.handshake(TokioIo::new(stream)).await.map_err(|_| broken())?;
    let answer = async {
        let response = sender.send_request(request).await.map_err(|_| broken())?;
        read(response, url).await
    };
    let mut answer = std::pin::pin!(answer);
    tokio::select! {
        biased;
        answer = &mut answer => answer,
        // The connection may end before what it read is taken from it.
        _ = connection => answer.await,
    }
}

async fn read(response: Response<Incoming>, url: &str) -> Result<Bytes, FetchError> {
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status { url: url.to_owned(), status: response.status() });
    }
    match Limited::new(response.into_body(), ANSWER_BYTES_MAX).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(FetchError::TooLarge(url.to_owned())),
        Err(_) => Err(FetchError::Http(url.to_owned())),
    }
}
