//! `workload` of a `Service`: who on a node may claim to be it.

use super::value;
use crate::checked::{SystemdSelector, UnixSelector, Workload};
use crate::reader::Reader;
use crate::tree::Node;
use std::sync::Arc;

/// Hex digits of a SHA-256.
const SHA256_DIGITS: usize = 64;

pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Workload> {
    let map = reader.map(node, "workload", &["unix", "systemd"])?;
    if map.get("unix").is_none() && map.get("systemd").is_none() {
        empty(reader, node, "name at least one of `unix` and `systemd`");
        return None;
    }
    let unix = map.get("unix").map(|node| read_unix(reader, node));
    let systemd = map.get("systemd").map(|node| read_systemd(reader, node));
    // A half that cannot be read was reported; the other alone would select more than was written.
    match (unix, systemd) {
        (Some(None), _) | (_, Some(None)) => None,
        (unix, systemd) => Some(Workload { unix: unix.flatten(), systemd: systemd.flatten() }),
    }
}

fn read_unix(reader: &mut Reader<'_>, node: &Node) -> Option<UnixSelector> {
    let map = reader.map(node, "`unix`", &["uid", "user", "gid", "group", "path", "sha256"])?;
    let selector = UnixSelector {
        uid: map.get("uid").and_then(|node| reader.parse(node, "user id", number)),
        user: map.get("user").and_then(|node| reader.parse(node, "user", value::text)),
        gid: map.get("gid").and_then(|node| reader.parse(node, "group id", number)),
        group: map.get("group").and_then(|node| reader.parse(node, "group", value::text)),
        path: map.get("path").and_then(|node| reader.parse(node, "path", value::text)),
        sha256: map.get("sha256").and_then(|node| reader.parse(node, "digest", sha256)),
    };
    if selector == UnixSelector::default() {
        empty(reader, node, "name at least one of `uid`, `user`, `gid`, `group`, `path` and `sha256`");
    }
    Some(selector)
}

fn read_systemd(reader: &mut Reader<'_>, node: &Node) -> Option<SystemdSelector> {
    let map = reader.map(node, "`systemd`", &["unit"])?;
    let unit = reader.required(&map, "unit")?;
    Some(SystemdSelector { unit: reader.parse(unit, "unit", unit_name)? })
}

fn empty(reader: &mut Reader<'_>, node: &Node, help: &str) {
    reader.error("empty-selector", node.at, "a selector that selects nothing would let anyone in".to_owned(), help);
}

fn number(text: &str) -> Result<u32, &'static str> {
    text.parse().map_err(|_| "write a number")
}

/// The characters and the length of a unit's name are those of systemd.unit(5).
fn unit_name(text: &str) -> Result<Arc<str>, &'static str> {
    let allowed = |b: u8| b.is_ascii_alphanumeric() || b":-_.\\@".contains(&b);
    let ends = [".service", ".scope"].iter().any(|end| text.len() > end.len() && text.ends_with(end));
    if !ends || text.len() > 255 || !text.bytes().all(allowed) {
        return Err("write the full name of a service or scope, such as `orders.service`");
    }
    Ok(text.into())
}

fn sha256(text: &str) -> Result<[u8; 32], &'static str> {
    const HELP: &str = "write the 64 hex digits that `sha256sum` prints";
    if text.len() != SHA256_DIGITS || !text.bytes().all(|b| b.is_ascii_hexdigit()) {
        return Err(HELP);
    }
    let mut digest = [0; 32];
    for (index, byte) in digest.iter_mut().enumerate() {
        let digits = text.get(index * 2..index * 2 + 2).ok_or(HELP)?;
        *byte = u8::from_str_radix(digits, 16).map_err(|_| HELP)?;
    }
    Ok(digest)
}
