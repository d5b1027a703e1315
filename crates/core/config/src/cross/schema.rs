//! `schema` of a rule: the file exists in the repository, and the rule is for HTTP.

use super::World;
use crate::Diagnostic;
use crate::checked::RuleSchema;
use crate::data::{SchemaFile, beside};
use crate::document::schema::Schema;
use crate::reader::nearest;

/// Finds the file; `None`: an error was noted.
pub(super) fn resolve(
    schema: Schema,
    is_http: bool,
    world: &World<'_>,
    found: &mut Vec<Diagnostic>,
) -> Option<RuleSchema> {
    if !is_http {
        let message = "a TCP port has no operations".to_owned();
        found.push(schema.file.error(
            "not-enforceable",
            message,
            "leave `schema` out, or name an HTTP port in `ports`",
        ));
        return None;
    }
    let written: &str = &schema.file.value;
    let Some(name) = beside(&schema.file.file, written) else {
        let help = "name a file inside the repository, relative to this document";
        found.push(schema.file.error("bad-value", format!("`{written}` leads out of the repository"), help));
        return None;
    };
    if !SchemaFile::is_named(&name) {
        let help = "let its name end in `.openapi.yaml`, `.openapi.yml` or `.openapi.json`";
        found.push(schema.file.error("bad-value", format!("`{written}` is no name of an OpenAPI description"), help));
        return None;
    }
    let file = world.schemas.iter().find(|file| *file.name == *name);
    let Some(file) = file else {
        let names: Vec<&str> = world.schemas.iter().map(|file| &*file.name).collect();
        let help = match nearest(&name, names.iter().copied()) {
            Some(near) => format!("did you mean `{near}`?"),
            None if names.is_empty() => "there is no OpenAPI description yet".to_owned(),
            None => format!("there are: {}", names.join(", ")),
        };
        found.push(schema.file.error("unknown-name", format!("there is no file `{name}`"), help));
        return None;
    };
    Some(RuleSchema {
        written: schema.written,
        file: file.name.clone(),
        operation: schema.operation,
        body_bytes_max: schema.body_bytes_max.unwrap_or(RuleSchema::BODY_BYTES_MAX),
    })
}
