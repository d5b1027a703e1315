//! `allow` in any spec: findings that are accepted for that document, each with its reason.

use super::value;
use crate::checked::Allow;
use crate::reader::{Placed, Reader};
use crate::tree::{Node, Value};
use selvedge_model::{Name, Source};

/// The `allow` of a document's spec. The spec itself is checked by who reads the kind.
pub(super) fn read(reader: &mut Reader<'_>, spec: &Node, kind: &'static str, name: &Placed<Name>) -> Vec<Allow> {
    let Value::Map(entries) = &spec.value else { return Vec::new() };
    let Some((_, node)) = entries.iter().find(|(key, _)| key.text == "allow") else { return Vec::new() };
    let items = reader.list(node, "`allow`");
    items.iter().filter_map(|item| read_one(reader, item, kind, name)).collect()
}

fn read_one(reader: &mut Reader<'_>, node: &Node, kind: &'static str, name: &Placed<Name>) -> Option<Allow> {
    let map = reader.map(node, "an accepted finding", &["finding", "reason"])?;
    let (finding, reason) = (reader.required(&map, "finding"), reader.required(&map, "reason"));
    let finding = finding.and_then(|node| reader.parse(node, "code of a finding", code));
    let reason = reason.and_then(|node| reader.parse(node, "reason", value::text))?;
    let source = Source { file: reader.file.clone(), line: node.at.line };
    Some(Allow { kind, document: name.value.clone(), source, finding: finding?, reason })
}

/// The codes of all findings, sorted. They are named here since documents name them; `core/policy` finds them.
pub const FINDINGS: &[&str] = &[
    "audience-shared",
    "contradictory-rule",
    "duplicate-rule",
    "exposure-without-credential",
    "exposure-without-limit",
    "exposure-without-schema",
    "observe-mode",
    "overlapping-exposures",
    "plaintext-accepted",
    "service-open-to-all",
    "shadowed-by-guardrail",
    "unreachable-rule",
    "unreachable-service",
    "unused-issuer",
    "unused-label",
    "unused-service",
    "weak-tls",
];

fn code(text: &str) -> Result<std::sync::Arc<str>, &'static str> {
    if FINDINGS.contains(&text) {
        Ok(text.into())
    } else {
        Err("write a code that `selvedge check` prints, such as `unused-label`")
    }
}
