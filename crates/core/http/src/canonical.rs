//! The canonical request: what is routed, decided, inspected, recorded and sent upstream.

use crate::arrival::{Arrival, Forwarding};
use crate::fields::trim;
use crate::forwarded::set_forwarding;
use crate::kind::Kind;
use crate::{Fields, Framing, HeadError, RequestHead, Version};
use selvedge_model::{CanonicalPath, Host, push_number};

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
    fields.retain_kinds(|kind, name| {
        !kind.is_hop_by_hop()
            && !named.iter().any(|n| n.as_bytes() == name)
            && kind != Kind::Identity
            && (keep_forwarding || !kind.is_forwarding() || (extend && kind == Kind::ForwardedFor))
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
    put(&[request.method.as_bytes(), b" ", request.path.as_str().as_bytes()], out);
    if let Some(query) = &request.query {
        put(&[b"?", query.as_bytes()], out);
    }
    put(&[b" HTTP/1.1\r\nhost: ", request.host.as_str().as_bytes()], out);
    if let Some(port) = request.port {
        out.push(b':');
        push_number(port.into(), out);
    }
    out.extend_from_slice(b"\r\n");
    request.fields.write(out);
    for (name, value) in added {
        put(&[name.as_bytes(), b": ", value, b"\r\n"], out);
    }
    match request.framing {
        Framing::None | Framing::UntilClose => {}
        Framing::Length(length) => put_length(length, out),
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    out.extend_from_slice(b"\r\n");
}

fn put(parts: &[&[u8]], out: &mut Vec<u8>) {
    parts.iter().for_each(|part| out.extend_from_slice(part));
}

/// The field that tells how long a body is.
pub(crate) fn put_length(length: u64, out: &mut Vec<u8>) {
    out.extend_from_slice(b"content-length: ");
    push_number(length, out);
    out.extend_from_slice(b"\r\n");
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
    let host = fields.single_of(Kind::Host).map_err(|_| HeadError::Host)?;
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
    for (kind, name) in fields.kinds() {
        match kind {
            Kind::Odd => {
                let fold = |b: &u8| if b.is_ascii_alphanumeric() { *b } else { b'-' };
                let twin = Kind::of(&name.iter().map(fold).collect::<Vec<u8>>());
                if twin.is_ours() || twin.is_single() {
                    return Err(HeadError::Twin);
                }
            }
            Kind::Override => return Err(HeadError::Override),
            _ => {}
        }
    }
    if fields.all_of(Kind::Expect).any(|value| !value.eq_ignore_ascii_case(b"100-continue")) {
        return Err(HeadError::Unsupported);
    }
    if fields.repeats_a_single() { Err(HeadError::Repeated) } else { Ok(()) }
}

/// The fields that `Connection` names. It may not reach for those that matter to us.
fn connection_options(fields: &Fields) -> Result<Vec<String>, HeadError> {
    let mut named = Vec::new();
    for option in fields.all_of(Kind::Connection).flat_map(|value| value.split(|b| *b == b',')) {
        let option = String::from_utf8_lossy(trim(option)).to_ascii_lowercase();
        if Kind::of(option.as_bytes()).is_ours() {
            return Err(HeadError::Connection);
        }
        named.push(option);
    }
    Ok(named)
}
