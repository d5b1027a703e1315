//! Which requests the admin listener looks at.

use hyper::body::Body;
use hyper::header::{HOST, ORIGIN};
use hyper::{Method, Request, StatusCode};
use std::net::SocketAddr;

/// The port that a `Host` need not name.
const HTTP_PORT: u16 = 80;

/// The `Host` values that are ours.
pub(super) struct Gate {
    hosts: Vec<String>,
}

impl Gate {
    /// For a listener at `addr`, that may also be asked for as one of `names`.
    pub(super) fn new(addr: SocketAddr, names: &[String]) -> Gate {
        let port = addr.port();
        let ours = ["localhost", "127.0.0.1", "[::1]"].map(String::from);
        let mut hosts: Vec<String> = ours.iter().chain(names).map(|name| format!("{name}:{port}")).collect();
        if port == HTTP_PORT {
            hosts.extend(ours.iter().chain(names).cloned());
        }
        hosts.push(addr.to_string());
        Gate { hosts }
    }

    /// Lets a request pass, or says with which status and why not.
    pub(super) fn check<B: Body>(&self, request: &Request<B>) -> Result<(), (StatusCode, &'static str)> {
        let mut hosts = request.headers().get_all(HOST).iter();
        let host = hosts.next().and_then(|value| value.to_str().ok()).unwrap_or_default();
        let ours = self.hosts.iter().any(|ours| ours.eq_ignore_ascii_case(host));
        // An absolute target would stand for the host (RFC 9112 §3.2.2), and no client of ours sends one.
        if !ours || hosts.next().is_some() || request.uri().authority().is_some() {
            return Err((StatusCode::MISDIRECTED_REQUEST, "not the host of this listener"));
        }
        if request.headers().contains_key(ORIGIN) || !same_site(request) {
            return Err((StatusCode::FORBIDDEN, "not for pages of another origin"));
        }
        if request.method() != Method::GET {
            return Err((StatusCode::METHOD_NOT_ALLOWED, "only `GET`"));
        }
        if !request.body().is_end_stream() {
            return Err((StatusCode::PAYLOAD_TOO_LARGE, "a request has no body here"));
        }
        Ok(())
    }
}

/// Browsers say where a request comes from (Fetch Metadata §2.4); `none` is a person who typed the address.
fn same_site<B>(request: &Request<B>) -> bool {
    request.headers().get("sec-fetch-site").is_none_or(|site| site == "none" || site == "same-origin")
}
