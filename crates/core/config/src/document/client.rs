//! `Mesh.spec.clientCertificates`: sets of clients that show a certificate.

use super::value;
use crate::checked::{CertificateName, ClientSet, Issuer, KeySet};
use crate::reader::{Keyed, Reader};
use crate::tree::Node;
use selvedge_model::Name;
use std::collections::BTreeMap;

/// Sets by name. A set has no name of an issuer or of a set of API keys: rules tell all of them apart by it.
pub(super) fn read_sets(
    reader: &mut Reader<'_>,
    node: &Node,
    issuers: &BTreeMap<Name, Issuer>,
    keys: &BTreeMap<Name, KeySet>,
) -> BTreeMap<Name, ClientSet> {
    let of = Keyed {
        what: "`clientCertificates`",
        entries: "a name to a set",
        key: "name of a set",
        help: "write `name: { ca: FILE, subject: spiffe }`",
    };
    let mut sets = BTreeMap::new();
    for (written, node) in reader.entries(node, &of, Name::parse) {
        let name = written.value;
        if issuers.contains_key(&name) || keys.contains_key(&name) {
            let message = format!("`{name}` is the name of an issuer or of a set of API keys too");
            reader.error("duplicate-name", written.at, message, "rename one of them: rules tell them apart by it");
        }
        if let Some(set) = read_set(reader, node, &name) {
            sets.insert(name, set);
        }
    }
    sets
}

fn read_set(reader: &mut Reader<'_>, node: &Node, name: &Name) -> Option<ClientSet> {
    let map = reader.map(node, "a set of client certificates", &["ca", "crls", "subject"])?;
    let (ca, subject) = (reader.required(&map, "ca"), reader.required(&map, "subject"));
    let crls = reader.texts(&map, "crls", value::text).unwrap_or_default();
    Some(ClientSet {
        name: name.clone(),
        ca: ca.and_then(|node| reader.parse(node, "file", value::text))?,
        crls: crls.into_iter().map(|file| file.value).collect(),
        subject: subject.and_then(|node| reader.parse(node, "kind of name", kind))?,
    })
}

fn kind(text: &str) -> Result<CertificateName, &'static str> {
    match text {
        "spiffe" => Ok(CertificateName::Spiffe),
        "uri" => Ok(CertificateName::Uri),
        "dns" => Ok(CertificateName::Dns),
        "email" => Ok(CertificateName::Email),
        _ => Err("write `spiffe`, `uri`, `dns` or `email`: which name of a certificate is the user"),
    }
}
