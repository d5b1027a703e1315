//! HTTP/2 heads to and from our own form (RFC 9113 §8).

use super::message::Answer;
use http::header::{HeaderName, HeaderValue};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri};
use selvedge_http::{Canonical, Fields, Framing, HeadError, HeadLimits, RequestHead, ResponseHead, Scheme, Version};

/// Fields that have no place in HTTP/2 (RFC 9113 §8.2.2).
const CONNECTION_FIELDS: &[&str] =
    &["connection", "keep-alive", "proxy-connection", "transfer-encoding", "upgrade", "http2-settings"];

/// A request head as received, in the form that [`selvedge_http::canonicalise`] takes.
///
/// # Errors
/// When the head is malformed or over a limit.
pub(crate) fn request(
    parts: &http::request::Parts,
    bodiless: bool,
    limits: &HeadLimits,
) -> Result<RequestHead, HeadError> {
    let target = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    if target.len() > limits.target_bytes_max {
        return Err(HeadError::TargetTooLong);
    }
    if parts.method == Method::CONNECT {
        return Err(HeadError::Unsupported);
    }
    let mut fields = fields(&parts.headers, limits)?;
    // RFC 9113 §8.3.1: `:authority` stands for Host; where both came they must be equal.
    if let Some(authority) = parts.uri.authority().map(http::uri::Authority::as_str) {
        if fields.all("host").any(|host| !host.eq_ignore_ascii_case(authority.as_bytes())) {
            return Err(HeadError::HostMismatch);
        }
        fields.retain(|name| name != "host");
        fields.push(b"host", authority.as_bytes())?;
    }
    let length = fields.single("content-length").map_err(|_| HeadError::Framing)?;
    let framing = match length {
        None if bodiless => Framing::None,
        None => Framing::Chunked,
        Some(length) if length.is_empty() || !length.iter().all(u8::is_ascii_digit) => return Err(HeadError::Framing),
        Some(length) => {
            let length = std::str::from_utf8(length).ok().and_then(|text| text.parse().ok());
            Framing::Length(length.ok_or(HeadError::Framing)?)
        }
    };
    Ok(RequestHead {
        method: parts.method.as_str().to_owned(),
        target: target.to_owned(),
        version: Version::Http2,
        fields,
        framing,
        keep_alive: true,
    })
}

/// The head of a request to an HTTP/2 upstream. `None`: a part has no HTTP/2 form.
pub(crate) fn request_upstream(
    request: &Canonical,
    added: &[(&str, &[u8])],
    scheme: Scheme,
    trailers: bool,
) -> Option<Request<()>> {
    let authority = request.port.map_or_else(|| request.host.to_string(), |port| format!("{}:{port}", request.host));
    let query = request.query.as_deref().map(|query| format!("?{query}")).unwrap_or_default();
    let scheme = match scheme {
        Scheme::Http => "http",
        Scheme::Https => "https",
    };
    let target = format!("{}{query}", request.path);
    let uri = Uri::builder().scheme(scheme).authority(authority).path_and_query(target).build().ok()?;
    let mut head = Request::builder().method(request.method.as_str()).uri(uri).body(()).ok()?;
    for (name, value) in request.fields.iter().chain(added.iter().copied()) {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        head.headers_mut().append(name, HeaderValue::from_bytes(value).ok()?);
    }
    if let Framing::Length(length) = request.framing {
        head.headers_mut().insert(http::header::CONTENT_LENGTH, length.into());
    }
    if trailers {
        // gRPC upstreams ask for it (gRPC over HTTP/2, "TE").
        head.headers_mut().insert(http::header::TE, HeaderValue::from_static("trailers"));
    }
    Some(head)
}

/// The head of an upstream's response.
///
/// # Errors
/// When the head is malformed or over a limit.
pub(crate) fn response_upstream(
    parts: &http::response::Parts,
    method: &str,
    ended: bool,
    limits: &HeadLimits,
) -> Result<ResponseHead, HeadError> {
    let status = parts.status.as_u16();
    let fields = fields(&parts.headers, limits)?;
    let length = fields.single("content-length").map_err(|_| HeadError::Framing)?;
    let length = length.and_then(|value| std::str::from_utf8(value).ok()).and_then(|text| text.parse().ok());
    let framing = match length {
        _ if ended || method == "HEAD" || matches!(status, 204 | 304) => Framing::None,
        Some(length) => Framing::Length(length),
        None => Framing::UntilClose,
    };
    Ok(ResponseHead { status, fields, framing, keep_alive: true })
}

/// The head of our answer. `None`: a part has no HTTP/2 form.
pub(crate) fn response(answer: &Answer<'_>) -> Option<Response<()>> {
    let mut head = Response::new(());
    *head.status_mut() = StatusCode::from_u16(answer.status).ok()?;
    for (name, value) in answer.fields.iter() {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        head.headers_mut().append(name, HeaderValue::from_bytes(value).ok()?);
    }
    if let Framing::Length(length) = answer.framing {
        head.headers_mut().insert(http::header::CONTENT_LENGTH, length.into());
    }
    Some(head)
}

/// Trailers that may go on: none of a hop, none that only we set.
pub(crate) fn end_to_end(mut trailers: HeaderMap) -> HeaderMap {
    let ours = |name: &HeaderName| name.as_str().starts_with("selvedge-") || CONNECTION_FIELDS.contains(&name.as_str());
    let refused: Vec<HeaderName> = trailers.keys().filter(|name| ours(name)).cloned().collect();
    refused.iter().for_each(|name| drop(trailers.remove(name)));
    trailers
}

fn fields(headers: &HeaderMap, limits: &HeadLimits) -> Result<Fields, HeadError> {
    if headers.len() > limits.fields_max {
        return Err(HeadError::TooLarge);
    }
    let mut fields = Fields::default();
    let mut cookies: Vec<u8> = Vec::new();
    for (name, value) in headers {
        if CONNECTION_FIELDS.contains(&name.as_str()) || (*name == http::header::TE && value.as_bytes() != b"trailers")
        {
            return Err(HeadError::Connection);
        }
        if *name == http::header::COOKIE {
            // RFC 9113 §8.2.3: crumbs are one field again before they leave HTTP/2.
            let glue: &[u8] = if cookies.is_empty() { b"" } else { b"; " };
            cookies.extend_from_slice(glue);
            cookies.extend_from_slice(value.as_bytes());
            continue;
        }
        fields.push(name.as_str().as_bytes(), value.as_bytes())?;
    }
    if !cookies.is_empty() {
        fields.push(b"cookie", &cookies)?;
    }
    Ok(fields)
}
