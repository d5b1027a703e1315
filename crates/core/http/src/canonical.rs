//! The canonical request: what is routed, decided, inspected, recorded and sent upstream.

use crate::arrival::{Arrival, Forwarding};
use crate::fields::trim;
use crate::forwarded::{is_forwarding, set_forwarding};
use crate::{Fields, Framing, HeadError, RequestHead, Version};
use selvedge_model::{CanonicalPath, Host};

/// A request in its one form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Canonical {
    /// The method.
    pub method: String,
    /// The host.
    pub host: Host,
    /// The port, when one was written.
    pub port: Option<u16>,
    /// The path.
    pub path: CanonicalPath,
    /// The query, byte for byte.
    pub query: Option<String>,
    /// End-to-end fields, without `Host` and framing.
    pub fields: Fields,
    /// How long the body is.
    pub framing: Framing,
}

/// Fields that we act on. A twin of one (`_` or `.` for `-`) is refused, and `Connection` may not name one.
fn is_ours(name: &str) -> bool {
    matches!(
        name,
        "host" | "content-length" | "transfer-encoding" | "connection" | "authorization" | "cookie" | "traceparent"
    ) || is_identity(name)
        || is_forwarding(name)
}

/// Fields of one hop alone (RFC 9110 §7.6.1), and those that are written anew.
pub(crate) fn is_hop_by_hop(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "content-length"
            | "expect"
            | "host"
    )
}

/// Fields that may occur once.
const SINGLE: &[&str] = &["authorization", "content-type", "expect", "traceparent"];

/// Finds the canonical form of a request. Identity fields that came with it are dropped: who reads them inside the mesh
/// does so before. Forwarding fields become what [`Arrival::forwarding`] says.
///
/// # Errors
/// When the request can be read in two ways.
pub fn canonicalise(head: RequestHead, arrival: &Arrival<'_>) -> Result<Canonical, HeadError> {
    let RequestHead { method, target, version, mut fields, framing, .. } = head;
    let (authority, path, query) = split_target(&target, &method)?;
    let (host, port) = host_of(&fields, authority, version)?;
    if arrival.sni.is_some_and(|sni| !sni.eq_ignore_ascii_case(host.as_str())) {
        return Err(HeadError::Misdirected);
    }
    check_names(&fields)?;
    let named = connection_options(&fields)?;
    let (keep_forwarding, extend) = (arrival.forwarding == Forwarding::Keep, arrival.forwarding == Forwarding::Extend);
    fields.retain(|name| {
        !is_hop_by_hop(name)
            && !named.iter().any(|n| n == name)
            && !is_identity(name)
            && (keep_forwarding || !is_forwarding(name) || (extend && name == "x-forwarded-for"))
    });
    if !keep_forwarding {
        set_forwarding(&mut fields, arrival, &host)?;
    }
    Ok(Canonical {
        host,
        port,
        path: CanonicalPath::parse(path)?,
        query: checked_query(query)?,
        method,
        fields,
        framing,
    })
}

/// Writes the head that goes upstream, from the canonical form and the fields that we add.
pub fn write_request(request: &Canonical, added: &[(&str, &[u8])], out: &mut Vec<u8>) {
    let mut put = |parts: &[&[u8]]| parts.iter().for_each(|part| out.extend_from_slice(part));
    put(&[request.method.as_bytes(), b" ", request.path.as_str().as_bytes()]);
    if let Some(query) = &request.query {
        put(&[b"?", query.as_bytes()]);
    }
    put(&[b" HTTP/1.1\r\nhost: ", request.host.as_str().as_bytes()]);
    if let Some(port) = request.port {
        put(&[format!(":{port}").as_bytes()]);
    }
    put(&[b"\r\n"]);
    for (name, value) in request.fields.iter().chain(added.iter().copied()) {
        put(&[name.as_bytes(), b": ", value, b"\r\n"]);
    }
    match request.framing {
        Framing::None | Framing::UntilClose => {}
        Framing::Length(length) => put(&[format!("content-length: {length}\r\n").as_bytes()]),
        Framing::Chunked => put(&[b"transfer-encoding: chunked\r\n"]),
    }
    put(&[b"\r\n"]);
}

/// Authority, path and query of a target in origin or absolute form (RFC 9112 §3.2).
fn split_target<'a>(target: &'a str, method: &str) -> Result<(Option<&'a str>, &'a str, Option<&'a str>), HeadError> {
    // TRACE would show the caller what we add for the upstream alone (RFC 9110 §9.3.8).
    if matches!(method, "CONNECT" | "TRACE" | "TRACK") || target == "*" {
        return Err(HeadError::Unsupported);
    }
    let (authority, rest) = if target.starts_with('/') {
        (None, target)
    } else {
        let (scheme, rest) = target.split_once("://").ok_or(HeadError::RequestLine)?;
        if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
            return Err(HeadError::RequestLine);
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        (Some(authority), rest)
    };
    let (path, query) = rest.split_once('?').map_or((rest, None), |(path, query)| (path, Some(query)));
    Ok((authority, if path.is_empty() { "/" } else { path }, query))
}

fn host_of(fields: &Fields, authority: Option<&str>, version: Version) -> Result<(Host, Option<u16>), HeadError> {
    let host = fields.single("host").map_err(|_| HeadError::Host)?;
    let host = host.map(|value| std::str::from_utf8(value).map_err(|_| HeadError::Host)).transpose()?;
    let host = host.map(split_host).transpose()?;
    match (host, authority.map(split_host).transpose()?) {
        (Some(host), None) => Ok(host),
        (Some(host), Some(authority)) if host == authority => Ok(authority),
        (Some(_), Some(_)) => Err(HeadError::HostMismatch),
        (None, Some(authority)) if version == Version::Http10 => Ok(authority),
        (None, _) => Err(HeadError::Host),
    }
}

fn split_host(text: &str) -> Result<(Host, Option<u16>), HeadError> {
    match text.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => {
            if port.is_empty() || !port.bytes().all(|b| b.is_ascii_digit()) {
                return Err(HeadError::Host);
            }
            Ok((Host::parse(host)?, Some(port.parse().map_err(|_| HeadError::Host)?)))
        }
        _ => Ok((Host::parse(text)?, None)),
    }
}

/// RFC 3986 §3.4, with whole escapes.
fn checked_query(query: Option<&str>) -> Result<Option<String>, HeadError> {
    let Some(query) = query else { return Ok(None) };
    let plain = |b: u8| b.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@/?%[]|".contains(&b);
    let mut parts = query.split('%').skip(1).map(|part| part.as_bytes().get(..2));
    let whole = parts.all(|hex| hex.is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)));
    if whole && query.bytes().all(plain) { Ok(Some(query.to_owned())) } else { Err(HeadError::Query) }
}

fn check_names(fields: &Fields) -> Result<(), HeadError> {
    for (name, value) in fields.iter() {
        if !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
            let folded = name.replace(|c: char| !c.is_ascii_alphanumeric(), "-");
            if is_ours(&folded) || SINGLE.contains(&folded.as_str()) {
                return Err(HeadError::Twin);
            }
        }
        if is_override(name) {
            return Err(HeadError::Override);
        }
        if name == "expect" && !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(HeadError::Unsupported);
        }
    }
    SINGLE.iter().try_for_each(|name| fields.single(name).map(drop))
}

/// The fields that `Connection` names. It may not reach for those that matter to us.
fn connection_options(fields: &Fields) -> Result<Vec<String>, HeadError> {
    let mut named = Vec::new();
    for option in fields.all("connection").flat_map(|value| value.split(|b| *b == b',')) {
        let option = String::from_utf8_lossy(trim(option)).to_ascii_lowercase();
        if is_ours(&option) {
            return Err(HeadError::Connection);
        }
        named.push(option);
    }
    Ok(named)
}

/// Fields by which frameworks take another method or path than the one that was decided.
fn is_override(name: &str) -> bool {
    matches!(
        name,
        "x-http-method-override" | "x-http-method" | "x-method-override" | "x-original-url" | "x-rewrite-url"
    )
}

/// Fields that only we set: who the caller is.
fn is_identity(name: &str) -> bool {
    let prefixes = ["selvedge-", "x-selvedge-"];
    prefixes.iter().any(|prefix| name.starts_with(prefix)) || ["txn-token", "x-client-cert"].contains(&name)
}
