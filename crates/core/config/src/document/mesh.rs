//! `Mesh`: the trust domain, the issuers, how long certificates live.

use super::{client, federation, introspection, key, value};
use crate::checked::{Issuer, Mesh, Reach};
use crate::reader::{Keyed, Placed, Reader};
use crate::tree::{Key, Node, Value};
use selvedge_model::{Name, Source, TrustDomain};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Certificates of workloads live an hour unless the document says otherwise (DESIGN §5).
const WORKLOAD_TTL_MS: u64 = 3_600_000;
/// Keys that each table of limits has room for: 4.5 MiB.
const LIMIT_KEYS: u32 = 1 << 18;

pub(super) fn read(reader: &mut Reader<'_>, spec: &Node, name: &Placed<Name>) -> Option<Mesh> {
    let map = reader.map(
        spec,
        "the spec of a Mesh",
        &["trustDomain", "issuers", "apiKeys", "clientCertificates", "limits", "authority", "federatesWith", "allow"],
    )?;
    let domain = reader.required(&map, "trustDomain")?;
    let trust_domain = reader.parse(domain, "trust domain", TrustDomain::parse)?;
    let issuers = map.get("issuers").map(|node| read_issuers(reader, node)).unwrap_or_default();
    let authority = map.get("authority").and_then(|node| reader.map(node, "authority", &["workloadTtl"]));
    let ttl = authority.and_then(|map| map.get("workloadTtl"));
    let ttl_ms = ttl.and_then(|node| reader.parse(node, "lifetime of a certificate", workload_ttl));
    let workload_ttl_s = ttl_ms.unwrap_or(WORKLOAD_TTL_MS) / 1_000;
    let api_keys = map.get("apiKeys").map(|node| key::read_sets(reader, node, &issuers)).unwrap_or_default();
    let certificates = map.get("clientCertificates");
    let client_sets = certificates.map(|node| client::read_sets(reader, node, &issuers, &api_keys)).unwrap_or_default();
    let limits = map.get("limits").and_then(|node| reader.map(node, "limits", &["keys"]));
    let keys = limits.and_then(|map| map.get("keys"));
    let keys = keys.and_then(|node| reader.parse(node, "number of keys", limit_keys));
    let limit_keys = keys.unwrap_or(LIMIT_KEYS);
    let federated = map.get("federatesWith").map(|node| federation::read(reader, node, &trust_domain));
    let federates_with = federated.unwrap_or_default();
    let name = name.value.clone();
    Some(Mesh { name, trust_domain, issuers, workload_ttl_s, api_keys, client_sets, limit_keys, federates_with })
}

/// From 10 seconds, for rehearsals, to a day: a longer one would outlive what revokes it.
fn workload_ttl(text: &str) -> Result<u64, &'static str> {
    let ttl = value::duration_ms(text)?;
    if (10_000..=86_400_000).contains(&ttl) { Ok(ttl) } else { Err("write from `10s` to `1d`; `1h` is usual") }
}

/// Each takes 18 bytes, whether it is in use or not.
fn limit_keys(text: &str) -> Result<u32, &'static str> {
    let keys = value::count(text)?;
    if (1_024..=1 << 24).contains(&keys) { Ok(keys) } else { Err("write from `1024` to `16777216`; `262144` is usual") }
}

fn read_issuers(reader: &mut Reader<'_>, node: &Node) -> BTreeMap<Name, Issuer> {
    let of = Keyed {
        what: "`issuers`",
        entries: "a name to an issuer",
        key: "name of an issuer",
        help: "write `name: { issuer: … }`",
    };
    let mut issuers = BTreeMap::new();
    for (written, node) in reader.entries(node, &of, Name::parse) {
        let name = written.value;
        if let Some(issuer) = read_issuer(reader, node, name.clone()) {
            issuers.insert(name, issuer);
        }
    }
    issuers
}

/// Where each issuer is written.
pub(super) fn places(file: &Arc<str>, spec: &Node) -> BTreeMap<Name, Source> {
    let issuers = entries(spec).iter().find(|(key, _)| key.text == "issuers");
    let place =
        |(key, _): &(Key, Node)| Some((Name::parse(&key.text).ok()?, Source { file: file.clone(), line: key.at.line }));
    issuers.into_iter().flat_map(|(_, node)| entries(node)).filter_map(place).collect()
}

fn entries(node: &Node) -> &[(Key, Node)] {
    match &node.value {
        Value::Map(entries) => entries,
        Value::Null | Value::Bool(_) | Value::Text(_) | Value::List(_) => &[],
    }
}

fn read_issuer(reader: &mut Reader<'_>, node: &Node, name: Name) -> Option<Issuer> {
    let known = ["issuer", "audiences", "jwksUri", "claims", "tokenTypes", "reach", "ca", "introspection"];
    let map = reader.map(node, "an issuer", &known)?;
    let url = reader.required(&map, "issuer")?;
    let url = reader.place(url, "URL of an issuer", value::url)?;
    let reach = map.get("reach").and_then(|node| reader.parse(node, "reach", value::reach)).unwrap_or(Reach::Public);
    if url.value.starts_with("http://") && reach != Reach::Loopback {
        let help = "use https; plain http is only for `reach: loopback`, on a laptop or in a test";
        reader.error("plaintext-issuer", url.at, format!("the keys of `{name}` would be fetched in plaintext"), help);
    }
    // Reading goes on without: an issuer that were dropped here would be missed by every rule that names it.
    reader.required(&map, "audiences");
    let audiences = reader.texts(&map, "audiences", value::text).unwrap_or_default();
    let claims = map.get("claims").and_then(|node| reader.map(node, "claims", &["groups"]));
    let groups = claims.and_then(|map| map.get("groups")).and_then(|node| reader.parse(node, "claim path", claim_path));
    let types = reader.texts(&map, "tokenTypes", value::text);
    let jwks_uri = map.get("jwksUri").and_then(|node| reader.parse(node, "URL of a JWKS", value::url));
    let ca = map.get("ca").and_then(|node| reader.parse(node, "file", value::text));
    let introspection = introspection::of_issuer(reader, &map, reach);
    Some(Issuer {
        name,
        url: url.value,
        audiences: audiences.into_iter().map(|audience| audience.value).collect(),
        jwks_uri,
        groups_claim: groups.unwrap_or_else(|| vec!["groups".into()]),
        token_types: types.map_or_else(|| vec!["at+jwt".into(), "jwt".into()], lower_case),
        reach,
        ca,
        introspection,
    })
}

fn lower_case(texts: Vec<Placed<Arc<str>>>) -> Vec<Arc<str>> {
    texts.into_iter().map(|text| text.value.to_ascii_lowercase().into()).collect()
}

fn claim_path(text: &str) -> Result<Vec<Arc<str>>, &'static str> {
    let keys: Vec<Arc<str>> = text.split('.').map(Arc::from).collect();
    if keys.iter().any(|key| key.is_empty()) {
        Err("write the keys with dots, such as `realm_access.roles`")
    } else {
        Ok(keys)
    }
}
