//! `Gateway`: where it listens, with which certificate, for which hosts, within which limits.

use super::{flag, limit, value};
use crate::checked::{Certificate, Gateway, Limits, Listener, TlsPreset};
use crate::reader::{Map, Placed, Reader};
use crate::tree::Node;
use selvedge_model::{HostPattern, Name, Source};
use std::fmt::Display;
use std::net::{IpAddr, SocketAddr};

pub(super) fn read(reader: &mut Reader<'_>, spec: &Node, name: &Placed<Name>) -> Option<Gateway> {
    let map =
        reader.map(spec, "the spec of a Gateway", &["listeners", "trustedProxies", "limits", "limit", "allow"])?;
    let listeners = reader.required(&map, "listeners")?;
    let listeners: Vec<Listener> =
        reader.list(listeners, "`listeners`").iter().filter_map(|node| read_listener(reader, node)).collect();
    let trusted = reader.texts(&map, "trustedProxies", value::network).unwrap_or_default();
    let limits = map.get("limits").map(|node| read_limits(reader, node)).unwrap_or_default();
    Some(Gateway {
        name: name.value.clone(),
        listeners,
        trusted_proxies: trusted.into_iter().map(|network| network.value).collect(),
        limits,
        throttle: map.get("limit").map(|node| limit::read(reader, node, limit::GATEWAY)).unwrap_or_default(),
    })
}

fn read_listener(reader: &mut Reader<'_>, node: &Node) -> Option<Listener> {
    let map = reader.map(node, "a listener", &["port", "address", "protocol", "hosts", "tls"])?;
    let port = reader.required(&map, "port")?;
    let port = reader.parse(port, "port", value::port)?;
    let address = map.get("address").map_or(Some(IpAddr::from([0, 0, 0, 0])), |node| {
        reader.parse(node, "address", |text| text.parse().map_err(|_| "write an IPv4 or IPv6 address"))
    })?;
    reader.required(&map, "hosts")?;
    let hosts = reader.texts(&map, "hosts", HostPattern::parse)?;
    let hosts: Vec<HostPattern> = hosts.into_iter().map(|host| host.value).collect();
    let protocol = reader.required(&map, "protocol")?;
    let https = reader.parse(protocol, "protocol of a listener", |text| match text {
        "HTTP" => Ok(false),
        "HTTPS" => Ok(true),
        _ => Err("write `HTTP` or `HTTPS`"),
    })?;
    let tls = match (https, map.get("tls")) {
        (false, None) => Tls { certificate: None, preset: TlsPreset::default(), client_sets: Vec::new() },
        (true, Some(tls)) => read_tls(reader, tls, &hosts)?,
        (false, Some(tls)) => {
            reader.error(
                "tls-on-http",
                tls.at,
                "an HTTP listener has no `tls`".to_owned(),
                "write `protocol: HTTPS`, or leave `tls` out",
            );
            return None;
        }
        (true, None) => {
            let help = "add `tls: { file: { certificate: …, key: … } }` or `tls: { mesh: true }`";
            reader.error("missing-key", map.at, "an HTTPS listener needs `tls`".to_owned(), help);
            return None;
        }
    };
    let source = Source { file: reader.file.clone(), line: node.at.line };
    let Tls { certificate, preset, client_sets } = tls;
    Some(Listener { address: SocketAddr::new(address, port), hosts, certificate, preset, client_sets, source })
}

/// What a listener says of TLS.
struct Tls {
    certificate: Option<Certificate>,
    preset: TlsPreset,
    client_sets: Vec<Name>,
}

fn read_tls(reader: &mut Reader<'_>, node: &Node, hosts: &[HostPattern]) -> Option<Tls> {
    let map = reader.map(node, "`tls`", &["file", "mesh", "preset", "clientCertificates"])?;
    let certificate = read_certificate(reader, node, &map, hosts);
    let preset = map.get("preset").map(|node| reader.parse(node, "preset", preset));
    let asked = reader.texts(&map, "clientCertificates", Name::parse);
    let client_sets = asked.into_iter().flatten().map(|name| name.value).collect();
    Some(Tls { certificate: Some(certificate?), preset: preset.unwrap_or(Some(TlsPreset::default()))?, client_sets })
}

fn preset(text: &str) -> Result<TlsPreset, &'static str> {
    match text {
        "modern" => Ok(TlsPreset::Modern),
        "intermediate" => Ok(TlsPreset::Intermediate),
        _ => Err("write `modern` for TLS 1.3, or `intermediate` for TLS 1.2 too"),
    }
}

fn read_certificate(reader: &mut Reader<'_>, node: &Node, map: &Map<'_>, hosts: &[HostPattern]) -> Option<Certificate> {
    let mesh = flag(reader, map, "mesh");
    let Some(file) = map.get("file").filter(|_| !mesh) else {
        let exact = hosts.iter().all(|host| matches!(host, HostPattern::Exact(_)));
        if !mesh || map.get("file").is_some() {
            reader.error(
                "bad-value",
                node.at,
                "`tls` names one source of a certificate".to_owned(),
                "write either `file` or `mesh: true`",
            );
        } else if !exact {
            let help = "name each host, or take the certificate from a file";
            reader.error(
                "wildcard-certificate",
                node.at,
                "the mesh's authority issues for exact hosts only".to_owned(),
                help,
            );
        }
        return (mesh && exact).then_some(Certificate::Mesh);
    };
    let file = reader.map(file, "`file`", &["certificate", "key"])?;
    let (certificate, key) = (reader.required(&file, "certificate"), reader.required(&file, "key"));
    let certificate = reader.parse(certificate?, "file", value::text)?;
    Some(Certificate::File { certificate, key: reader.parse(key?, "file", value::text)? })
}

fn read_limits(reader: &mut Reader<'_>, node: &Node) -> Limits {
    let known = [
        "headBytes",
        "fields",
        "targetBytes",
        "bodyBytes",
        "handshakeTimeout",
        "headTimeout",
        "idleTimeout",
        "streams",
        "connections",
        "clientConnections",
        "requests",
    ];
    let mut limits = Limits::default();
    let Some(map) = reader.map(node, "limits", &known) else { return limits };
    set(reader, &map, "headBytes", size, &mut limits.head_bytes_max);
    set(reader, &map, "fields", |text| value::count(text).map(|n| n as usize), &mut limits.fields_max);
    set(reader, &map, "targetBytes", size, &mut limits.target_bytes_max);
    set(reader, &map, "bodyBytes", value::bytes, &mut limits.body_bytes_max);
    set(reader, &map, "handshakeTimeout", value::duration_ms, &mut limits.handshake_timeout_ms);
    set(reader, &map, "headTimeout", value::duration_ms, &mut limits.head_timeout_ms);
    set(reader, &map, "idleTimeout", value::duration_ms, &mut limits.idle_timeout_ms);
    set(reader, &map, "streams", value::count, &mut limits.streams_max);
    set(reader, &map, "connections", value::count, &mut limits.connections_max);
    set(reader, &map, "clientConnections", value::count, &mut limits.client_connections_max);
    set(reader, &map, "requests", value::count, &mut limits.requests_max);
    limits
}

/// A size of something that is held in memory whole.
fn size(text: &str) -> Result<usize, &'static str> {
    let bytes = value::bytes(text)?;
    usize::try_from(bytes).ok().filter(|n| *n <= 1 << 20).ok_or("at most `1MiB`, since it is held in memory")
}

pub(super) fn set<T, E: Display>(
    reader: &mut Reader<'_>,
    map: &Map<'_>,
    key: &str,
    parse: impl Fn(&str) -> Result<T, E>,
    slot: &mut T,
) {
    if let Some(value) = map.get(key).and_then(|node| reader.parse(node, &format!("value for `{key}`"), parse)) {
        *slot = value;
    }
}
