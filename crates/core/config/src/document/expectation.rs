//! `Expectation`: requests and how they must be decided, and what must never be allowed.

use super::{flag, service, value};
use crate::reader::{Map, Placed, Reader};
use crate::tree::{Node, Value};
use selvedge_model::{CanonicalPath, Host, Name, PathPattern};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

/// An `Expectation` document as written.
#[derive(Debug)]
pub(crate) struct Expectation {
    pub(crate) name: Name,
    pub(crate) cases: Vec<Case>,
    pub(crate) never: Vec<Never>,
}

/// A case as written.
#[derive(Debug)]
pub(crate) struct Case {
    pub(crate) name: Placed<Arc<str>>,
    pub(crate) from: Caller,
    pub(crate) to: Placed<Target>,
    pub(crate) request: Option<Placed<(Arc<str>, CanonicalPath)>>,
    pub(crate) headers: Vec<(Arc<str>, Arc<str>)>,
    pub(crate) client: Option<IpAddr>,
    pub(crate) time_s: Option<u64>,
    pub(crate) allow: bool,
    pub(crate) status: Option<u16>,
    pub(crate) rule: Option<Arc<str>>,
}

/// Who calls in a case, as written.
#[derive(Debug)]
pub(crate) enum Caller {
    Gateway { gateway: Placed<Name>, host: Option<Host>, token: Option<Token> },
    Service { name: Placed<Name>, user: Option<Token> },
}

/// A token as written.
#[derive(Debug)]
pub(crate) struct Token {
    pub(crate) issuer: Placed<Name>,
    pub(crate) subject: Option<Arc<str>>,
    pub(crate) scopes: Vec<Arc<str>>,
    pub(crate) groups: Vec<Arc<str>>,
    pub(crate) amr: Vec<Arc<str>>,
}

/// `SERVICE` or `SERVICE:PORT`.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) service: Name,
    pub(crate) port: Option<Name>,
}

/// What must never be allowed, as written.
#[derive(Debug)]
pub(crate) struct Never {
    pub(crate) name: Placed<Arc<str>>,
    pub(crate) from: Strangers,
    pub(crate) to: Targets,
    pub(crate) request: Option<(Option<Arc<str>>, PathPattern)>,
}

/// Who must not, as written.
#[derive(Debug)]
pub(crate) enum Strangers {
    Gateway { gateway: Option<Placed<Name>>, anonymous: bool },
    Services(Vec<Placed<Name>>),
    Labels(Placed<BTreeMap<String, String>>),
}

/// What must not be reached, as written.
#[derive(Debug)]
pub(crate) enum Targets {
    One(Placed<Target>),
    Labels(Placed<BTreeMap<String, String>>),
}

pub(super) fn read(reader: &mut Reader<'_>, spec: &Node, name: &Placed<Name>) -> Option<Expectation> {
    let map = reader.map(spec, "the spec of an Expectation", &["cases", "never", "allow"])?;
    if map.get("cases").or(map.get("never")).is_none() {
        reader.error("missing-key", map.at, "an Expectation expects something".to_owned(), "add `cases` or `never`");
    }
    let items = |reader: &mut Reader<'_>, key: &str| match map.get(key) {
        Some(node) => reader.list(node, &format!("`{key}`")),
        None => &[],
    };
    let cases = items(reader, "cases").iter().filter_map(|node| read_case(reader, node)).collect();
    let never = items(reader, "never").iter().filter_map(|node| read_never(reader, node)).collect();
    Some(Expectation { name: name.value.clone(), cases, never })
}

fn read_case(reader: &mut Reader<'_>, node: &Node) -> Option<Case> {
    let known = ["name", "from", "to", "request", "headers", "client", "time", "expect", "status", "rule"];
    let map = reader.map(node, "a case", &known)?;
    let name = reader.required(&map, "name").and_then(|node| reader.place(node, "name of a case", value::text));
    let from = reader.required(&map, "from").and_then(|node| read_from(reader, node));
    let to = reader.required(&map, "to").and_then(|node| reader.place(node, "service", target));
    let expect = reader.required(&map, "expect");
    let allow = expect.and_then(|node| {
        reader.parse(node, "expectation", |text| match text {
            "allow" => Ok(true),
            "deny" => Ok(false),
            _ => Err("write `allow` or `deny`"),
        })
    });
    let status = map.get("status").and_then(|node| reader.parse(node, "status of a denial", status));
    let rule = map.get("rule").and_then(|node| reader.parse(node, "name of a rule", rule_name));
    let idle = allow.map(|allow| if allow { "status" } else { "rule" });
    if let Some((key, node)) = idle.and_then(|key| Some((key, map.get(key)?))) {
        let help = "`rule` is for `expect: allow`, and `status` for `expect: deny`";
        reader.error("not-enforceable", node.at, format!("`{key}` says nothing here"), help);
    }
    // One that cannot be read is no missing one: the case is left out, and the mistake is told.
    let request = match map.get("request") {
        Some(node) => Some(reader.place(node, "request", request)?),
        None => None,
    };
    Some(Case {
        name: name?,
        from: from?,
        to: to?,
        request,
        headers: map.get("headers").map(|node| read_headers(reader, node)).unwrap_or_default(),
        client: map.get("client").and_then(|node| {
            reader.parse(node, "address", |text| text.parse::<IpAddr>().map_err(|_| "write an IPv4 or IPv6 address"))
        }),
        time_s: map.get("time").and_then(|node| reader.parse(node, "time", value::time_s)),
        allow: allow?,
        status,
        rule,
    })
}

fn read_from(reader: &mut Reader<'_>, node: &Node) -> Option<Caller> {
    let map = reader.map(node, "`from`", &["gateway", "host", "token", "service", "onBehalfOf"])?;
    match (map.get("gateway"), map.get("service")) {
        (Some(gateway), None) => {
            if let Some(node) = map.get("onBehalfOf") {
                let help = "write `token`: from outside, users come with their own";
                reader.error("not-enforceable", node.at, "a gateway calls on nobody's behalf".to_owned(), help);
            }
            let gateway = reader.place(gateway, "name", Name::parse);
            let host = map.get("host").and_then(|node| reader.parse(node, "host", Host::parse));
            let token = map.get("token").and_then(|node| read_token(reader, node));
            Some(Caller::Gateway { gateway: gateway?, host, token })
        }
        (None, Some(service)) => {
            for node in ["host", "token"].into_iter().filter_map(|key| map.get(key)) {
                let help = "leave it out, or write `from: { gateway: … }`; a service's user is in `onBehalfOf`";
                reader.error("not-enforceable", node.at, "a service has no host and no token".to_owned(), help);
            }
            let user = map.get("onBehalfOf").and_then(|node| read_token(reader, node));
            Some(Caller::Service { name: reader.place(service, "name", Name::parse)?, user })
        }
        _ => ambiguous(reader, node, "`gateway` and `service`"),
    }
}

fn read_token(reader: &mut Reader<'_>, node: &Node) -> Option<Token> {
    // `token: ISSUER` is a token without anything.
    if let Value::Text(_) = &node.value {
        let issuer = reader.place(node, "name", Name::parse)?;
        return Some(Token { issuer, subject: None, scopes: Vec::new(), groups: Vec::new(), amr: Vec::new() });
    }
    let map = reader.map(node, "a token", &["issuer", "subject", "scopes", "groups", "amr"])?;
    let issuer = reader.required(&map, "issuer")?;
    let issuer = reader.place(issuer, "name", Name::parse)?;
    let subject = map.get("subject").and_then(|node| reader.parse(node, "subject", value::text));
    let mut texts = |key: &str| -> Vec<Arc<str>> {
        let placed = reader.texts(&map, key, value::text).unwrap_or_default();
        placed.into_iter().map(|text| text.value).collect()
    };
    Some(Token { issuer, subject, scopes: texts("scopes"), groups: texts("groups"), amr: texts("amr") })
}

fn read_headers(reader: &mut Reader<'_>, node: &Node) -> Vec<(Arc<str>, Arc<str>)> {
    let Value::Map(entries) = &node.value else {
        reader.error(
            "wrong-type",
            node.at,
            "`headers` is a map of texts".to_owned(),
            "write `headers: { x-tenant: a }`",
        );
        return Vec::new();
    };
    let header = |(key, node): &(crate::tree::Key, Node)| {
        let value = reader.parse(node, "value of a header", |text| Ok::<_, String>(Arc::from(text)))?;
        Some((Arc::from(key.text.to_ascii_lowercase()), value))
    };
    entries.iter().filter_map(header).collect()
}

fn read_never(reader: &mut Reader<'_>, node: &Node) -> Option<Never> {
    let map = reader.map(node, "what never may be", &["name", "from", "to", "request"])?;
    let name = reader.required(&map, "name").and_then(|node| reader.place(node, "name", value::text));
    let from = reader.required(&map, "from").and_then(|node| read_strangers(reader, node));
    let to = reader.required(&map, "to").and_then(|node| read_targets(reader, node));
    let request = map.get("request").and_then(|node| reader.parse(node, "request", requests));
    Some(Never { name: name?, from: from?, to: to?, request })
}

fn read_strangers(reader: &mut Reader<'_>, node: &Node) -> Option<Strangers> {
    let map = reader.map(node, "`from`", &["gateway", "anonymous", "service", "services", "labels"])?;
    let outside = map.get("gateway").or(map.get("anonymous")).is_some();
    let inside = ["service", "services", "labels"].into_iter().filter(|key| map.get(key).is_some()).count();
    match (outside, inside) {
        (true, 0) => {
            let anonymous = flag(reader, &map, "anonymous");
            let gateway = map.get("gateway").map(|node| reader.place(node, "name", Name::parse));
            match gateway {
                Some(None) => None,
                Some(gateway) => Some(Strangers::Gateway { gateway, anonymous }),
                None => anonymous.then_some(Strangers::Gateway { gateway: None, anonymous }),
            }
        }
        (false, 1) => read_services(reader, &map),
        _ => ambiguous(reader, node, "`gateway` or `anonymous`, `service`, `services` and `labels`"),
    }
}

fn read_services(reader: &mut Reader<'_>, map: &Map<'_>) -> Option<Strangers> {
    match (map.get("service"), map.get("labels")) {
        (Some(service), _) => Some(Strangers::Services(vec![reader.place(service, "name", Name::parse)?])),
        (None, Some(node)) => {
            let labels = service::labels(reader, node);
            Some(Strangers::Labels(reader.placed(labels, node.at)))
        }
        (None, None) => Some(Strangers::Services(reader.texts(map, "services", Name::parse)?)),
    }
}

fn read_targets(reader: &mut Reader<'_>, node: &Node) -> Option<Targets> {
    if let Value::Text(_) = &node.value {
        return Some(Targets::One(reader.place(node, "service", target)?));
    }
    let map = reader.map(node, "`to`", &["labels"])?;
    let node = reader.required(&map, "labels")?;
    let labels = service::labels(reader, node);
    Some(Targets::Labels(reader.placed(labels, node.at)))
}

fn ambiguous<T>(reader: &mut Reader<'_>, node: &Node, kinds: &str) -> Option<T> {
    let help = format!("write exactly one of {kinds}");
    reader.error("ambiguous-caller", node.at, "`from` names one kind of caller".to_owned(), help);
    None
}

fn target(text: &str) -> Result<Target, String> {
    let (service, port) = text.split_once(':').map_or((text, None), |(service, port)| (service, Some(port)));
    let name = |text| Name::parse(text).map_err(|error| error.to_string());
    Ok(Target { service: name(service)?, port: port.map(name).transpose()? })
}

fn status(text: &str) -> Result<u16, &'static str> {
    let known = [401, 403, 404, 429];
    text.parse().ok().filter(|status| known.contains(status)).ok_or("write `401`, `403`, `404` or `429`")
}

fn rule_name(text: &str) -> Result<Arc<str>, String> {
    let mut names = text.splitn(2, '/').map(Name::parse);
    match names.find_map(Result::err) {
        Some(error) => Err(format!("write the rule's name, or `access/rule`: {error}")),
        None => Ok(text.into()),
    }
}

/// `GET /path`.
fn request(text: &str) -> Result<(Arc<str>, CanonicalPath), String> {
    let (method, path) = text.split_once(' ').ok_or("write a method and a path, such as `GET /orders`")?;
    let path = CanonicalPath::parse(path).map_err(|error| error.to_string())?;
    Ok((super::access::method(method)?, path))
}

/// `GET /path/**`, `* /path` or `/path`.
fn requests(text: &str) -> Result<(Option<Arc<str>>, PathPattern), String> {
    let (method, path) = text.split_once(' ').unwrap_or(("*", text));
    let path = PathPattern::parse(path).map_err(|error| error.to_string())?;
    Ok((if method == "*" { None } else { Some(super::access::method(method)?) }, path))
}
