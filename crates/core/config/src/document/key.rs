//! `Mesh.spec.apiKeys`, and `ApiKey`: one API key, of which only a hash is written.

use super::{flag, limit, value};
use crate::checked::{ApiKey, Issuer, KeySet};
use crate::reader::{Keyed, Placed, Reader};
use crate::tree::Node;
use selvedge_model::{Name, Source};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Fields that carry something else.
const TAKEN: &[&str] = &["cookie", "host", "connection", "content-length", "content-type", "transfer-encoding", "te"];

/// An `ApiKey` document as written.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) set: Placed<Name>,
    pub(crate) key: ApiKey,
    pub(crate) id: Placed<Arc<str>>,
}

/// Sets by name. A set has no name of an issuer, so that the owner of a key is never taken for a user.
pub(super) fn read_sets(
    reader: &mut Reader<'_>,
    node: &Node,
    issuers: &BTreeMap<Name, Issuer>,
) -> BTreeMap<Name, KeySet> {
    let of = Keyed {
        what: "`apiKeys`",
        entries: "a name to a set",
        key: "name of a set",
        help: "write `name: { header: X-API-Key }`, or `name: {}`",
    };
    let mut sets = BTreeMap::new();
    for (written, node) in reader.entries(node, &of, Name::parse) {
        let name = written.value;
        if issuers.contains_key(&name) {
            let message = format!("`{name}` is the name of an issuer too");
            reader.error("duplicate-name", written.at, message, "rename one of them: rules tell them apart by it");
        }
        let Some(map) = reader.map(node, "a set of API keys", &["header"]) else { continue };
        let header = map.get("header").and_then(|node| reader.parse(node, "field for API keys", header));
        let header = header.unwrap_or_else(|| "authorization".into());
        sets.insert(name.clone(), KeySet { name, header, keys: BTreeMap::new() });
    }
    sets
}

fn header(text: &str) -> Result<Arc<str>, &'static str> {
    let name = limit::field_name(text)?;
    let ours = ["selvedge-", "x-selvedge-", "x-forwarded-", "proxy-"].iter().any(|prefix| name.starts_with(prefix));
    if ours || TAKEN.contains(&&*name) {
        Err("this field carries something else: `X-API-Key` is usual")
    } else {
        Ok(name)
    }
}

pub(super) fn read(reader: &mut Reader<'_>, spec: &Node, name: &Placed<Name>) -> Option<Key> {
    let known = ["set", "owner", "id", "sha256", "scopes", "expires", "revoked", "allow"];
    let map = reader.map(spec, "the spec of an ApiKey", &known)?;
    let required = ["set", "owner", "id", "sha256", "expires"].map(|key| reader.required(&map, key));
    let [set, owner, id, sha256, expires] = required;
    let set = reader.place(set?, "name", Name::parse)?;
    let id = reader.place(id?, "id of an API key", hex::<8>)?;
    let sha256 = reader.parse(sha256?, "SHA-256 of an API key's secret", hex::<32>)?;
    let scopes = reader.texts(&map, "scopes", scope).unwrap_or_default();
    let text: String = id.value.iter().map(|byte| format!("{byte:02x}")).collect();
    let text: Arc<str> = text.into();
    let key = ApiKey {
        id: text.clone(),
        owner: reader.parse(owner?, "owner", owner_name)?,
        scopes: scopes.into_iter().map(|scope| scope.value).collect(),
        sha256,
        expires_s: reader.parse(expires?, "time", value::time_s)?,
        revoked: flag(reader, &map, "revoked"),
        source: Source { file: name.file.clone(), line: name.at.line },
    };
    let id = Placed { value: text, file: id.file, at: id.at };
    Some(Key { set, key, id })
}

fn owner_name(text: &str) -> Result<Arc<str>, &'static str> {
    let printable = |c: char| !c.is_control();
    if text.is_empty() || text.len() > 255 || !text.chars().all(printable) {
        return Err("write up to 255 bytes without control characters");
    }
    Ok(text.into())
}

/// A scope is one word (RFC 6749 §3.3).
fn scope(text: &str) -> Result<Arc<str>, &'static str> {
    let legal = |b: u8| b == 0x21 || (0x23..=0x5b).contains(&b) || (0x5d..=0x7e).contains(&b);
    if !text.is_empty() && text.bytes().all(legal) {
        Ok(text.into())
    } else {
        Err("write one word, such as `orders:read`")
    }
}

fn hex<const N: usize>(text: &str) -> Result<[u8; N], String> {
    let help = || format!("write {} hexadecimal digits in lower case; `selvedge keys create` does", 2 * N);
    let digit = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
    if text.len() != 2 * N || !text.bytes().all(digit) {
        return Err(help());
    }
    let mut bytes = [0; N];
    for (byte, at) in bytes.iter_mut().zip((0..text.len()).step_by(2)) {
        let pair = text.get(at..at + 2).and_then(|pair| u8::from_str_radix(pair, 16).ok());
        *byte = pair.ok_or_else(help)?;
    }
    Ok(bytes)
}
