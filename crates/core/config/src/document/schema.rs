//! `schema` of a rule: an OpenAPI description in the repository, and which part of it.

use super::value;
use crate::checked::Written;
use crate::reader::{Placed, Reader};
use crate::tree::{Node, Value};
use std::sync::Arc;

/// `schema` as written.
#[derive(Debug)]
pub(crate) struct Schema {
    /// The file, relative to the document's folder.
    pub(crate) file: Placed<Arc<str>>,
    pub(crate) written: Written,
    pub(crate) operation: Option<Written>,
    pub(crate) body_bytes_max: Option<u64>,
}

/// A file name, or a map with one.
pub(super) fn read(reader: &mut Reader<'_>, node: &Node) -> Option<Schema> {
    let Value::Map(_) = &node.value else {
        let (file, written) = file(reader, node)?;
        return Some(Schema { file, written, operation: None, body_bytes_max: None });
    };
    let map = reader.map(node, "`schema`", &["file", "operation", "bodyBytes"])?;
    let file_node = reader.required(&map, "file");
    let operation = map.get("operation").and_then(|node| {
        let text = reader.parse(node, "operation", value::text)?;
        Some(Written::find(reader.file.clone(), reader.lines, (node.at.line, node.at.column), &text))
    });
    let body_bytes_max = map.get("bodyBytes").and_then(|node| reader.parse(node, "size", held_bytes));
    let (file, written) = file(reader, file_node?)?;
    Some(Schema { file, written, operation, body_bytes_max })
}

/// Every worker holds that many of them at once, so they are bounded more closely than what only passes through.
fn held_bytes(text: &str) -> Result<u64, &'static str> {
    const HELD_BYTES_MAX: u64 = 16 * 1024 * 1024;
    let bytes = value::bytes(text)?;
    if bytes > HELD_BYTES_MAX { Err("a body that is checked has at most 16MiB") } else { Ok(bytes) }
}

fn file(reader: &mut Reader<'_>, node: &Node) -> Option<(Placed<Arc<str>>, Written)> {
    let text = reader.place(node, "file name", value::text)?;
    let place = (node.at.line, node.at.column);
    let written = Written::find(reader.file.clone(), reader.lines, place, &text.value);
    Some((text, written))
}
