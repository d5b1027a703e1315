//! Documents as written, read key by key. What one document alone can get wrong is found here.

mod access;
mod allow;
mod client;
pub(crate) mod expectation;
mod federation;
mod gateway;
mod introspection;
mod key;
mod limit;
mod mesh;
pub(crate) mod schema;
mod service;
mod traffic;
mod value;
mod workload;

pub use allow::FINDINGS;

use crate::checked::{Allow, Gateway, Guardrail, Mesh, Service, Written};
use crate::data::SchemaFile;
use crate::lines::Lines;
use crate::reader::{Map, Placed, Reader, nearest};
use crate::tree::{self, At, Node};
use crate::{Diagnostic, SourceFile};
use selvedge_model::{Name, Source};
use std::collections::BTreeMap;

pub(crate) use access::{Access, Caller, Rule};
use expectation::Expectation;
pub(crate) use key::Key;

const KINDS: &[&str] = &["Mesh", "Gateway", "Service", "Access", "ApiKey", "Expectation"];
/// The longest file of guardrails, in bytes.
const GUARDRAIL_BYTES_MAX: usize = 256 * 1024;
/// The longest OpenAPI description, in bytes.
const SCHEMA_BYTES_MAX: usize = 4 * 1024 * 1024;

/// Every document that could be read, each with the place of its name.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    pub(crate) meshes: Vec<Placed<Mesh>>,
    pub(crate) gateways: Vec<Placed<Gateway>>,
    pub(crate) services: Vec<Placed<Service>>,
    pub(crate) access: Vec<Placed<Access>>,
    pub(crate) expectations: Vec<Placed<Expectation>>,
    pub(crate) guardrails: Vec<Guardrail>,
    pub(crate) schemas: Vec<SchemaFile>,
    pub(crate) allow: Vec<Allow>,
    pub(crate) issuers: BTreeMap<Name, Source>,
    pub(crate) keys: Vec<Key>,
}

/// Reads all files.
pub(crate) fn read(files: &[SourceFile], found: &mut Vec<Diagnostic>) -> Documents {
    let mut documents = Documents::default();
    for file in files {
        let lines = Lines::of(&file.text);
        let mut reader = Reader { file: file.name.clone(), lines: &lines, found };
        if file.name.ends_with(".cedar") {
            documents.guardrails.extend(read_guardrails(&mut reader));
            continue;
        }
        if SchemaFile::is_named(&file.name) {
            documents.schemas.extend(read_schema(&mut reader));
            continue;
        }
        match tree::documents(&file.text) {
            Ok(nodes) => {
                for node in &nodes {
                    // `None`: too broken to be kept, and noted.
                    let _ = read_one(&mut reader, node, &mut documents);
                }
            }
            Err((message, at)) => reader.error("not-yaml", at, message, "correct the YAML here"),
        }
    }
    documents
}

/// A file of guardrails, which is no YAML.
fn read_guardrails(reader: &mut Reader<'_>) -> Option<Guardrail> {
    let text = reader.lines.text();
    if text.len() > GUARDRAIL_BYTES_MAX {
        let message = format!("a file of guardrails has at most {} KiB", GUARDRAIL_BYTES_MAX >> 10);
        reader.error("file-too-long", At { line: 1, column: 1, width: 1 }, message, "split it");
        return None;
    }
    Some(Guardrail { text: Written::of_file(&reader.file, text) })
}

/// An OpenAPI description. What it says is checked where it is compiled.
fn read_schema(reader: &mut Reader<'_>) -> Option<SchemaFile> {
    let (text, start) = (reader.lines.text(), At { line: 1, column: 1, width: 1 });
    if text.len() > SCHEMA_BYTES_MAX {
        let message = format!("an OpenAPI description has at most {} MiB", SCHEMA_BYTES_MAX >> 20);
        reader.error("file-too-long", start, message, "split it");
        return None;
    }
    match SchemaFile::parse(reader.file.clone(), text) {
        Ok(file) => Some(file),
        Err((code, message, at)) => {
            reader.error(code, at, message, "correct it here");
            None
        }
    }
}

/// One document; `None` when it is too broken to be kept, and then an error was noted.
fn read_one(reader: &mut Reader<'_>, node: &Node, into: &mut Documents) -> Option<()> {
    let map = reader.map(node, "a document", &["apiVersion", "kind", "metadata", "spec"])?;
    if let Some(version) = reader.required(&map, "apiVersion") {
        reader.parse(version, "version that this program knows", |text| match text {
            "selvedge.dev/v1" => Ok(()),
            _ => Err("write `apiVersion: selvedge.dev/v1`"),
        });
    }
    let kind = reader.required(&map, "kind")?;
    let kind = reader.parse(kind, "kind of document", |text| {
        KINDS.iter().find(|kind| **kind == text).copied().ok_or_else(|| match nearest(text, KINDS.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None => format!("the kinds are: {}", KINDS.join(", ")),
        })
    })?;
    let metadata = reader.required(&map, "metadata")?;
    let metadata = reader.map(metadata, "metadata", &["name", "labels"])?;
    let name = reader.required(&metadata, "name")?;
    let name = reader.place(name, "name", Name::parse)?;
    let spec = reader.required(&map, "spec")?;
    into.allow.extend(allow::read(reader, spec, kind, &name));
    match kind {
        "Mesh" => {
            into.issuers.extend(mesh::places(&reader.file, spec));
            into.meshes.push(of(&name, mesh::read(reader, spec, &name)?));
        }
        "Gateway" => into.gateways.push(of(&name, gateway::read(reader, spec, &name)?)),
        "Service" => into.services.push(of(&name, service::read(reader, spec, &metadata, &name)?)),
        "ApiKey" => into.keys.push(key::read(reader, spec, &name)?),
        "Expectation" => into.expectations.push(of(&name, expectation::read(reader, spec, &name)?)),
        _ => into.access.push(of(&name, access::read(reader, spec, &name)?)),
    }
    Some(())
}

fn of<T>(name: &Placed<Name>, value: T) -> Placed<T> {
    Placed { value, file: name.file.clone(), at: name.at }
}

/// A boolean key that may only be true when it is written.
fn flag(reader: &mut Reader<'_>, map: &Map<'_>, key: &str) -> bool {
    match map.get(key).map(|node| (&node.value, node.at)) {
        None => false,
        Some((tree::Value::Bool(true), _)) => true,
        Some((_, at)) => {
            reader.error("bad-value", at, format!("`{key}` is `true` or left out"), format!("write `{key}: true`"));
            false
        }
    }
}
