//! `Access`: who may call a service. Names of others stay names here; `cross` resolves them.

use super::{flag, limit, schema, service, value};
use crate::checked::{Terms, Written};
use crate::reader::{Map, Placed, Reader};
use crate::tree::{Node, Value};
use selvedge_model::{HostPattern, Name, PathPattern, SpiffeId, TrustDomain};
use std::collections::BTreeMap;
use std::sync::Arc;

/// The longest `when`, in bytes: what people read in one piece.
const WHEN_BYTES_MAX: usize = 4 * 1024;

/// An `Access` document as written.
#[derive(Debug)]
pub(crate) struct Access {
    pub(crate) name: Name,
    pub(crate) service: Placed<Name>,
    pub(crate) rules: Vec<Rule>,
}

/// A rule as written.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) name: Placed<Name>,
    pub(crate) from: Caller,
    pub(crate) on_behalf_of: Option<OnBehalfOf>,
    pub(crate) ports: Vec<Placed<Name>>,
    pub(crate) methods: Option<Vec<Placed<Arc<str>>>>,
    pub(crate) paths: Vec<Placed<PathPattern>>,
    pub(crate) when: Option<Written>,
    pub(crate) terms: Terms,
    pub(crate) schema: Option<schema::Schema>,
}

/// The user for whom a service calls, as written.
#[derive(Debug)]
pub(crate) struct OnBehalfOf {
    pub(crate) issuer: Placed<Name>,
    pub(crate) scopes: Vec<Arc<str>>,
    pub(crate) groups: Vec<Arc<str>>,
}

/// Who calls, as written.
#[derive(Debug)]
pub(crate) enum Caller {
    Gateway {
        gateway: Placed<Name>,
        hosts: Vec<Placed<HostPattern>>,
        /// An issuer, or a set of API keys; `None` is `anonymous: true`.
        token: Option<Placed<Name>>,
        /// Whether it is a set of API keys.
        key: bool,
        /// Whether it is a set of client certificates.
        certificate: bool,
        scopes: Vec<Arc<str>>,
        groups: Vec<Arc<str>>,
    },
    Services(Vec<Placed<Name>>),
    Labels(Placed<BTreeMap<String, String>>),
    /// A workload of a federated trust domain.
    Federated(Placed<SpiffeId>),
}

pub(super) fn read(reader: &mut Reader<'_>, spec: &Node, name: &Placed<Name>) -> Option<Access> {
    let map = reader.map(spec, "the spec of an Access", &["service", "rules", "allow"])?;
    let (service, rules) = (reader.required(&map, "service"), reader.required(&map, "rules"));
    let service = reader.place(service?, "name", Name::parse)?;
    let rules = reader.list(rules?, "`rules`").iter().filter_map(|node| read_rule(reader, node)).collect();
    Some(Access { name: name.value.clone(), service, rules })
}

fn read_rule(reader: &mut Reader<'_>, node: &Node) -> Option<Rule> {
    let map = reader.map(node, "a rule", &["name", "from", "ports", "methods", "paths", "when", "limit", "schema"])?;
    let (name, from) = (reader.required(&map, "name"), reader.required(&map, "from"));
    let name = name.and_then(|node| reader.place(node, "name", Name::parse));
    let mut forward_token = false;
    let on_behalf_of = from.and_then(|node| read_on_behalf_of(reader, node));
    let from = from.and_then(|node| read_from(reader, node, &mut forward_token));
    let ports = reader.texts(&map, "ports", Name::parse).unwrap_or_default();
    let methods = reader.texts(&map, "methods", method);
    let paths = reader.texts(&map, "paths", PathPattern::parse).unwrap_or_default();
    let when = map.get("when").and_then(|node| read_when(reader, node));
    let schema = map.get("schema").and_then(|node| schema::read(reader, node));
    let scope = from.as_ref().map(limit_scope).unwrap_or_default();
    let limits = map.get("limit").map(|node| limit::read(reader, node, scope)).unwrap_or_default();
    let terms = Terms { limits, forward_token };
    Some(Rule { name: name?, from: from?, on_behalf_of, ports, methods, paths, when, schema, terms })
}

/// A condition. Whether it is Cedar, and about facts that there are, is found where the policy is compiled.
fn read_when(reader: &mut Reader<'_>, node: &Node) -> Option<Written> {
    let text = match &node.value {
        // `when: true` is a condition too.
        Value::Bool(value) => value.to_string(),
        _ => reader.parse(node, "condition", |text| match text {
            text if text.trim().is_empty() => Err("write a Cedar expression, or leave `when` out".to_owned()),
            text if text.len() > WHEN_BYTES_MAX => Err(format!("a condition has at most {WHEN_BYTES_MAX} bytes")),
            text => Ok(text.to_owned()),
        })?,
    };
    Some(Written::find(reader.file.clone(), reader.lines, (node.at.line, node.at.column), &text))
}

/// Methods are case-sensitive tokens (RFC 9110 §9.1); every one in use is upper case, so another is a mistake.
pub(super) fn method(text: &str) -> Result<Arc<str>, &'static str> {
    let upper = |b: u8| b.is_ascii_uppercase() || b == b'-';
    if text.is_empty() || !text.bytes().all(upper) {
        Err("write a method in capitals, such as `GET`")
    } else {
        Ok(text.into())
    }
}

/// What callers can be told apart by under such a rule.
fn limit_scope(from: &Caller) -> limit::Scope {
    match from {
        Caller::Gateway { token: Some(_), key: true, .. } => limit::KEYS,
        Caller::Gateway { token: Some(_), .. } => limit::TOKENS,
        Caller::Gateway { token: None, .. } => limit::ANYONE,
        Caller::Services(_) | Caller::Labels(_) | Caller::Federated(_) => limit::INSIDE,
    }
}

fn read_from(reader: &mut Reader<'_>, node: &Node, forward_token: &mut bool) -> Option<Caller> {
    let known = [
        "gateway",
        "hosts",
        "token",
        "apiKey",
        "clientCertificate",
        "scopes",
        "groups",
        "anonymous",
        "forwardToken",
        "service",
        "services",
        "labels",
        "onBehalfOf",
        "trustDomain",
    ];
    let map = reader.map(node, "`from`", &known)?;
    let written = ["gateway", "service", "services", "labels"].into_iter().filter(|key| map.get(key).is_some());
    let written: Vec<&str> = written.collect();
    let &[kind] = written.as_slice() else {
        let help = "write exactly one of `gateway`, `service`, `services` and `labels`";
        reader.error("ambiguous-caller", node.at, "`from` names one kind of caller".to_owned(), help);
        return None;
    };
    if kind == "gateway" {
        if let Some(node) = map.get("onBehalfOf") {
            let help = "write `token: ISSUER`: from outside, users come with their own token";
            reader.error("not-enforceable", node.at, "a gateway calls on nobody's behalf".to_owned(), help);
        }
        if let Some(node) = map.get("trustDomain") {
            let help = "leave `trustDomain` out, or write `service` in place of `gateway`";
            reader.error("not-enforceable", node.at, "a gateway is of this mesh".to_owned(), help);
        }
        *forward_token = flag(reader, &map, "forwardToken");
        return read_from_gateway(reader, &map, *forward_token);
    }
    let of_a_user = ["scopes", "groups"].into_iter().filter(|_| map.get("onBehalfOf").is_none());
    for key in
        ["hosts", "token", "apiKey", "clientCertificate", "anonymous", "forwardToken"].into_iter().chain(of_a_user)
    {
        if let Some(node) = map.get(key) {
            let help = match key {
                "scopes" | "groups" => format!("add `onBehalfOf: ISSUER`, or leave `{key}` out"),
                _ => format!("leave `{key}` out, or write `from: {{ gateway: … }}`"),
            };
            reader.error(
                "not-enforceable",
                node.at,
                format!("`{key}` has no meaning for a caller inside the mesh"),
                help,
            );
        }
    }
    if let Some(domain) = map.get("trustDomain") {
        return read_federated(reader, &map, domain);
    }
    match (map.get("service"), map.get("labels")) {
        (Some(service), _) => Some(Caller::Services(vec![reader.place(service, "name", Name::parse)?])),
        (None, Some(node)) => {
            let labels = service::labels(reader, node);
            Some(Caller::Labels(reader.placed(labels, node.at)))
        }
        (None, None) => Some(Caller::Services(reader.texts(&map, "services", Name::parse)?)),
    }
}

/// `trustDomain` and `service`: the path of a workload's SPIFFE ID there, without the first slash.
fn read_federated(reader: &mut Reader<'_>, map: &Map<'_>, domain: &Node) -> Option<Caller> {
    if let Some(node) = map.get("onBehalfOf") {
        let help = "leave `onBehalfOf` out: who its users are only that mesh knows";
        reader.error("not-enforceable", node.at, "another mesh brings no user that we could verify".to_owned(), help);
    }
    let named = reader.parse(domain, "trust domain", TrustDomain::parse)?;
    let Some(service) = map.get("service") else {
        let help = "write `service: NAME`, or its path as in `ns/shop/sa/orders`: one rule for each";
        reader.error("ambiguous-caller", domain.at, "one workload of another mesh is named".to_owned(), help);
        return None;
    };
    let id = reader
        .place(service, "service of another mesh", |path| SpiffeId::parse(&format!("spiffe://{named}/{path}")))?;
    Some(Caller::Federated(id))
}

/// `onBehalfOf: ISSUER`, with the scopes and groups that the user must have.
fn read_on_behalf_of(reader: &mut Reader<'_>, node: &Node) -> Option<OnBehalfOf> {
    let Value::Map(entries) = &node.value else { return None };
    let find = |key: &str| entries.iter().find(|(found, _)| found.text == key).map(|(_, node)| node);
    let issuer = find("onBehalfOf").filter(|_| find("gateway").is_none())?;
    let issuer = reader.place(issuer, "name", Name::parse)?;
    let mut values = |key: &str| -> Vec<Arc<str>> {
        let Some(node) = find(key) else { return Vec::new() };
        let items = reader.list(node, &format!("`{key}`"));
        items.iter().filter_map(|item| reader.parse(item, key, value::text)).collect()
    };
    Some(OnBehalfOf { issuer, scopes: values("scopes"), groups: values("groups") })
}

fn read_from_gateway(reader: &mut Reader<'_>, map: &Map<'_>, forward_token: bool) -> Option<Caller> {
    let gateway = map.get("gateway")?;
    let gateway = reader.place(gateway, "name", Name::parse)?;
    let mut named = |key| map.get(key).and_then(|node| reader.place(node, "name", Name::parse));
    let (token, key, certificate) = (named("token"), named("apiKey"), named("clientCertificate"));
    let anonymous = flag(reader, map, "anonymous");
    let shown = usize::from(token.is_some()) + usize::from(key.is_some()) + usize::from(anonymous);
    let shown = shown + usize::from(certificate.is_some());
    if shown != 1 {
        let help = "write one of `token: ISSUER`, `apiKey: SET`, `clientCertificate: SET`, and `anonymous: true` to let everyone in";
        reader.error("no-credential", gateway.at, "a rule from a gateway needs one credential".to_owned(), help);
    }
    let is_key = key.is_some() && token.is_none();
    if let (None, true, Some(node)) = (&token, forward_token, map.get("forwardToken")) {
        let help = "leave `forwardToken` out: only a bearer token can be sent on";
        reader.error("not-enforceable", node.at, "there is no token to send on".to_owned(), help);
    }
    let groups_of_key = map.get("groups").filter(|_| is_key);
    if let Some(node) = groups_of_key {
        let help = "write `scopes`, which a key is granted when it is made";
        reader.error("not-enforceable", node.at, "an API key is in no group".to_owned(), help);
    }
    let is_certificate = certificate.is_some() && token.is_none() && key.is_none();
    for node in ["scopes", "groups"].into_iter().filter_map(|key| map.get(key)).filter(|_| is_certificate) {
        let help = "leave it out: say in `when` which `context.user.subject` may";
        reader.error("not-enforceable", node.at, "a certificate grants no scopes and no groups".to_owned(), help);
    }
    let token = token.or(key).or(certificate);
    let scopes = reader.texts(map, "scopes", value::text).unwrap_or_default();
    let groups = reader.texts(map, "groups", value::text).unwrap_or_default();
    if let (None, Some(grant)) = (&token, scopes.first().or(groups.first())) {
        reader.error(
            "not-enforceable",
            grant.at,
            "scopes and groups come with a token".to_owned(),
            "add `token: ISSUER`",
        );
    }
    let values = |grants: Vec<Placed<Arc<str>>>| grants.into_iter().map(|grant| grant.value).collect();
    let hosts = reader.texts(map, "hosts", HostPattern::parse).unwrap_or_default();
    Some(Caller::Gateway {
        gateway,
        hosts,
        token,
        key: is_key,
        certificate: is_certificate,
        scopes: values(scopes),
        groups: values(groups),
    })
}
