//! `Service`: facts about a service, and no permission.

use super::gateway::set;
use super::{flag, limit, value};
use crate::checked::{Endpoint, Outbound, OutboundTcp, Plaintext, Port, Protocol, Service, Traffic, UnixSelector};
use crate::reader::{Map, Placed, Reader};
use crate::tree::{Node, Value};
use selvedge_model::{Name, Source};
use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};

/// The port of a node's mesh listener, where an endpoint names none.
const MESH_PORT: u16 = 7443;
/// Names that would collide with the SPIFFE paths of gateways, nodes and control planes.
const RESERVED: &[&str] = &["gateway", "node", "control"];

pub(super) fn read(reader: &mut Reader<'_>, spec: &Node, metadata: &Map<'_>, name: &Placed<Name>) -> Option<Service> {
    let known = ["workload", "ports", "endpoints", "outbound", "traffic", "plaintext", "limit", "allow"];
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
    let endpoints = map.get("endpoints").map(|node| reader.list(node, "`endpoints`")).unwrap_or_default();
    Some(Service {
        name: name.value.clone(),
        labels: metadata.get("labels").map(|node| labels(reader, node)).unwrap_or_default(),
        workload: map.get("workload").and_then(|node| read_workload(reader, node)),
        ports,
        endpoints: endpoints.iter().filter_map(|node| read_endpoint(reader, node, plaintext)).collect(),
        outbound: map.get("outbound").and_then(|node| read_outbound(reader, node)),
        traffic: map.get("traffic").map(|node| read_traffic(reader, node)).unwrap_or_default(),
        plaintext,
        limits: map.get("limit").map(|node| limit::read(reader, node, limit::SERVICE)).unwrap_or_default(),
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

fn read_endpoint(reader: &mut Reader<'_>, node: &Node, permitted: Plaintext) -> Option<Endpoint> {
    if let Value::Text(_) = &node.value {
        return reader.parse(node, "endpoint", |text| value::host_port(text, MESH_PORT)).map(Endpoint::Mesh);
    }
    let map = reader.map(node, "an endpoint", &["address", "plaintext"])?;
    let address = reader.required(&map, "address")?;
    let address = reader.parse(address, "endpoint", |text| value::host_port(text, MESH_PORT))?;
    if !flag(reader, &map, "plaintext") {
        return Some(Endpoint::Mesh(address));
    }
    if permitted == Plaintext::Refuse {
        let help =
            "write `plaintext: accept` in the service's spec, if it has no node beside it and the network is trusted";
        reader.error("plaintext-refused", node.at, "the service refuses plaintext".to_owned(), help);
    }
    Some(Endpoint::Plaintext(address))
}

fn read_workload(reader: &mut Reader<'_>, node: &Node) -> Option<UnixSelector> {
    let map = reader.map(node, "workload", &["unix"])?;
    let unix = reader.required(&map, "unix")?;
    let map = reader.map(unix, "`unix`", &["uid", "user", "path"])?;
    let uid = map
        .get("uid")
        .and_then(|node| reader.parse(node, "user id", |t| t.parse::<u32>().map_err(|_| "write a number")));
    let user = map.get("user").and_then(|node| reader.parse(node, "user", value::text));
    let path = map.get("path").and_then(|node| reader.parse(node, "path", value::text));
    if uid.is_none() && user.is_none() && path.is_none() {
        let help = "name at least one of `uid`, `user` and `path`";
        reader.error("empty-selector", unix.at, "a selector that selects nothing would let anyone in".to_owned(), help);
    }
    Some(UnixSelector { uid, user, path })
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

fn read_traffic(reader: &mut Reader<'_>, node: &Node) -> Traffic {
    let mut traffic = Traffic::default();
    let Some(map) = reader.map(node, "traffic", &["connectTimeout", "requestTimeout", "idleTimeout"]) else {
        return traffic;
    };
    set(reader, &map, "connectTimeout", value::duration_ms, &mut traffic.connect_timeout_ms);
    set(reader, &map, "requestTimeout", value::duration_ms, &mut traffic.request_timeout_ms);
    set(reader, &map, "idleTimeout", value::duration_ms, &mut traffic.idle_timeout_ms);
    traffic
}
