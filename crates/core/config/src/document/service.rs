//! `Service`: facts about a service, and no permission.

use super::{flag, limit, traffic, value, workload};
use crate::checked::{Endpoint, HostPort, Mode, Outbound, OutboundTcp, Plaintext, Port, Protocol, Service};
use crate::reader::{Map, Placed, Reader};
use crate::tree::{Node, Value};
use selvedge_model::{Name, Source, TrustDomain};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

/// The port of a node's mesh listener, where an endpoint names none.
const MESH_PORT: u16 = 7443;
/// Names that would collide with the SPIFFE paths of gateways, nodes and control planes.
const RESERVED: &[&str] = &["gateway", "node", "control"];

pub(super) fn read(reader: &mut Reader<'_>, spec: &Node, metadata: &Map<'_>, name: &Placed<Name>) -> Option<Service> {
    let known = [
        "workload",
        "ports",
        "endpoints",
        "outbound",
        "traffic",
        "plaintext",
        "mode",
        "limit",
        "allow",
        "federatesWith",
    ];
    let map = reader.map(spec, "the spec of a Service", &known)?;
    if RESERVED.contains(&name.value.as_str()) {
        reader.error(
            "reserved-name",
            name.at,
            format!("`{}` is not a name for a service", name.value),
            "choose another name",
        );
    }
    let ports = reader.required(&map, "ports")?;
    let ports: Vec<Port> = reader.list(ports, "`ports`").iter().filter_map(|node| read_port(reader, node)).collect();
    let plaintext = map.get("plaintext").and_then(|node| reader.parse(node, "value for `plaintext`", plaintext));
    let plaintext = plaintext.unwrap_or(Plaintext::Refuse);
    let mode = map.get("mode").and_then(|node| reader.parse(node, "value for `mode`", mode));
    let endpoints = map.get("endpoints").map(|node| reader.list(node, "`endpoints`")).unwrap_or_default();
    let endpoints: Vec<_> = endpoints.iter().filter_map(|node| read_endpoint(reader, node, plaintext)).collect();
    let mut traffic = map.get("traffic").map(|node| traffic::read(reader, node)).unwrap_or_default();
    let speaks = |protocol| ports.iter().any(|port: &Port| port.protocol == protocol);
    if let Some(node) = map.get("traffic") {
        traffic::check(reader, node, &traffic, (speaks(Protocol::Http), speaks(Protocol::Tcp)));
    }
    traffic.zones = endpoints.iter().filter_map(zoned).collect();
    Some(Service {
        name: name.value.clone(),
        labels: metadata.get("labels").map(|node| labels(reader, node)).unwrap_or_default(),
        workload: map.get("workload").and_then(|node| workload::read(reader, node)),
        ports,
        endpoints: endpoints.into_iter().map(|(endpoint, _)| endpoint).collect(),
        outbound: map.get("outbound").and_then(|node| read_outbound(reader, node)),
        traffic,
        plaintext,
        mode: mode.unwrap_or(Mode::Enforce),
        limits: map.get("limit").map(|node| limit::read(reader, node, limit::SERVICE)).unwrap_or_default(),
        federates_with: reader
            .texts(&map, "federatesWith", TrustDomain::parse)
            .into_iter()
            .flatten()
            .map(|d| d.value)
            .collect(),
        source: Source { file: name.file.clone(), line: name.at.line },
    })
}

/// Label keys and values, as documents and rules give them.
pub(super) fn labels(reader: &mut Reader<'_>, node: &Node) -> BTreeMap<String, String> {
    let Value::Map(entries) = &node.value else {
        reader.error(
            "wrong-type",
            node.at,
            "`labels` is a map of texts".to_owned(),
            "write `labels: { team: checkout }`",
        );
        return BTreeMap::new();
    };
    let label = |(key, node): &(crate::tree::Key, Node)| {
        let value = reader.parse(node, "label", |text| Ok::<_, String>(text.to_owned()))?;
        Some((key.text.clone(), value))
    };
    entries.iter().filter_map(label).collect()
}

fn read_port(reader: &mut Reader<'_>, node: &Node) -> Option<Port> {
    let map = reader.map(node, "a port", &["name", "port", "protocol", "target"])?;
    let (name, protocol) = (reader.required(&map, "name"), reader.required(&map, "protocol"));
    let name = reader.parse(name?, "name", Name::parse)?;
    let protocol = reader.parse(protocol?, "protocol of a port", |text| match text {
        "HTTP" => Ok(Protocol::Http),
        "HTTP2" => Ok(Protocol::Http2),
        "GRPC" => Ok(Protocol::Grpc),
        "TCP" => Ok(Protocol::Tcp),
        _ => Err("write `HTTP`, `HTTP2`, `GRPC` or `TCP`"),
    })?;
    let target = match map.get("target") {
        Some(target) => reader.parse(target, "address", value::socket)?,
        None => {
            let port = reader.required(&map, "port")?;
            SocketAddr::from((Ipv4Addr::LOCALHOST, reader.parse(port, "port", value::port)?))
        }
    };
    Some(Port { name, protocol, target })
}

fn plaintext(text: &str) -> Result<Plaintext, &'static str> {
    match text {
        "refuse" => Ok(Plaintext::Refuse),
        "accept" => Ok(Plaintext::Accept),
        _ => Err("write `refuse` or `accept`"),
    }
}

fn mode(text: &str) -> Result<Mode, &'static str> {
    match text {
        "enforce" => Ok(Mode::Enforce),
        "observe" => Ok(Mode::Observe),
        _ => Err("write `enforce` or `observe`"),
    }
}

/// An endpoint, with its zone where one is written.
fn read_endpoint(reader: &mut Reader<'_>, node: &Node, permitted: Plaintext) -> Option<(Endpoint, Option<Name>)> {
    if let Value::Text(_) = &node.value {
        let address = reader.parse(node, "endpoint", |text| value::host_port(text, MESH_PORT))?;
        return Some((Endpoint::Mesh(address), None));
    }
    let map = reader.map(node, "an endpoint", &["address", "plaintext", "zone"])?;
    let address = reader.required(&map, "address")?;
    let address = reader.parse(address, "endpoint", |text| value::host_port(text, MESH_PORT))?;
    let zone = traffic::zone(reader, &map);
    if !flag(reader, &map, "plaintext") {
        return Some((Endpoint::Mesh(address), zone));
    }
    if permitted == Plaintext::Refuse {
        let help =
            "write `plaintext: accept` in the service's spec, if it has no node beside it and the network is trusted";
        reader.error("plaintext-refused", node.at, "the service refuses plaintext".to_owned(), help);
    }
    Some((Endpoint::Plaintext(address), zone))
}

fn zoned((endpoint, zone): &(Endpoint, Option<Name>)) -> Option<(HostPort, Name)> {
    let (Endpoint::Mesh(address) | Endpoint::Plaintext(address)) = endpoint;
    zone.as_ref().map(|zone| (address.clone(), zone.clone()))
}

fn read_outbound(reader: &mut Reader<'_>, node: &Node) -> Option<Outbound> {
    let map = reader.map(node, "outbound", &["http", "tcp"])?;
    let http = map.get("http").and_then(|node| reader.parse(node, "outbound address", value::loopback));
    let tcp = map.get("tcp").map(|node| reader.list(node, "`tcp`")).unwrap_or_default();
    Some(Outbound { http, tcp: tcp.iter().filter_map(|node| read_outbound_tcp(reader, node)).collect() })
}

fn read_outbound_tcp(reader: &mut Reader<'_>, node: &Node) -> Option<OutboundTcp> {
    let map = reader.map(node, "an outbound TCP address", &["listen", "service", "port"])?;
    let listen = reader.required(&map, "listen")?;
    let (service, port) = (reader.required(&map, "service"), reader.required(&map, "port"));
    Some(OutboundTcp {
        listen: reader.parse(listen, "outbound address", value::loopback)?,
        service: reader.parse(service?, "name", Name::parse)?,
        port: reader.parse(port?, "name", Name::parse)?,
    })
}
