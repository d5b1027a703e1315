//! `Mesh.spec.federatesWith`: other trust domains, by their names.

use super::value;
use crate::checked::{Federation, Profile, Reach, Written};
use crate::reader::{Keyed, Map, Reader};
use crate::tree::Node;
use selvedge_model::{SpiffeId, TrustDomain};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Trust domains: each is polled, and its roots are on every node.
const DOMAINS_MAX: usize = 64;
/// Bytes of a first bundle; a bundle with every root that may be in one has less.
const BUNDLE_BYTES_MAX: usize = 128 * 1024;

pub(super) fn read(reader: &mut Reader<'_>, node: &Node, own: &TrustDomain) -> BTreeMap<TrustDomain, Federation> {
    let of = Keyed {
        what: "`federatesWith`",
        entries: "a trust domain to where its bundle is",
        key: "trust domain",
        help: "write `partner.example: { endpoint: …, profile: https_spiffe, … }`",
    };
    let entries = reader.entries(node, &of, TrustDomain::parse);
    if entries.len() > DOMAINS_MAX {
        let message = format!("a mesh federates with at most {DOMAINS_MAX} others");
        reader.error("bad-value", node.at, message, "leave out those that no rule names");
    }
    let mut found = BTreeMap::new();
    for (written, node) in entries {
        let domain = written.value;
        if domain == *own {
            let message = format!("`{domain}` is the trust domain of this very mesh");
            let help = "name another: who is of this one is verified by its own roots alone";
            reader.error("own-trust-domain", written.at, message, help);
            continue;
        }
        if let Some(federation) = read_one(reader, node, &domain) {
            found.insert(domain, federation);
        }
    }
    found
}

fn read_one(reader: &mut Reader<'_>, node: &Node, domain: &TrustDomain) -> Option<Federation> {
    let known = ["endpoint", "profile", "endpointId", "bundle", "reach", "ca"];
    let map = reader.map(node, "a federated trust domain", &known)?;
    let (endpoint, profile) = (reader.required(&map, "endpoint"), reader.required(&map, "profile"));
    let endpoint = endpoint.and_then(|node| reader.place(node, "URL of a bundle endpoint", value::url));
    let reach = map.get("reach").and_then(|node| reader.parse(node, "reach", value::reach)).unwrap_or(Reach::Public);
    if let Some(endpoint) = endpoint.as_ref().filter(|endpoint| endpoint.value.starts_with("http://")) {
        let help = "write an https URL: whoever serves the bundle is everybody of that trust domain";
        reader.error("plaintext-bundle", endpoint.at, "the bundle would be fetched in plaintext".to_owned(), help);
    }
    let profile = reader.parse(profile?, "profile of a bundle endpoint", |text| match text {
        "https_web" => Ok(false),
        "https_spiffe" => Ok(true),
        _ => Err("write `https_web` or `https_spiffe`"),
    })?;
    let first = map.get("bundle").and_then(|node| read_bundle(reader, node));
    let profile = if profile { spiffe(reader, &map, domain)? } else { web(reader, &map) };
    Some(Federation { trust_domain: domain.clone(), endpoint: endpoint?.value, profile, first, reach })
}

fn spiffe(reader: &mut Reader<'_>, map: &Map<'_>, domain: &TrustDomain) -> Option<Profile> {
    if let Some(node) = map.get("ca") {
        let help = "leave `ca` out, or write `profile: https_web`";
        reader.error("not-enforceable", node.at, "this endpoint is verified by the bundle".to_owned(), help);
    }
    // Without it nobody could be told from anybody at the first fetch.
    reader.required(map, "bundle");
    let id = reader.required(map, "endpointId")?;
    let endpoint_id = reader.place(id, "SPIFFE ID of a bundle endpoint", SpiffeId::parse)?;
    if endpoint_id.value.trust_domain() != domain.as_str() {
        let help = format!("write a SPIFFE ID of `{domain}`, whose bundle verifies it");
        reader.error(
            "not-enforceable",
            endpoint_id.at,
            "the endpoint would be of another trust domain".to_owned(),
            help,
        );
    }
    Some(Profile::Spiffe { endpoint_id: endpoint_id.value })
}

fn web(reader: &mut Reader<'_>, map: &Map<'_>) -> Profile {
    if let Some(node) = map.get("endpointId") {
        let help = "leave `endpointId` out, or write `profile: https_spiffe`";
        reader.error("not-enforceable", node.at, "this endpoint shows a certificate of the web".to_owned(), help);
    }
    Profile::Web { ca: map.get("ca").and_then(|node| reader.parse(node, "file", value::text)) }
}

/// The text of a first bundle. Whether it is one is found where identities are known.
fn read_bundle(reader: &mut Reader<'_>, node: &Node) -> Option<Written> {
    let text = reader.parse(node, "SPIFFE bundle", |text| match text {
        text if text.trim().is_empty() => Err("write the JSON of the bundle, as a block after `|`"),
        text if text.len() > BUNDLE_BYTES_MAX => Err("a bundle has at most 131072 bytes"),
        text => Ok(Arc::<str>::from(text)),
    })?;
    Some(Written::find(reader.file.clone(), reader.lines, (node.at.line, node.at.column), &text))
}
