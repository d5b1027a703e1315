//! From an OpenAPI description to operations that requests are held against.

pub(crate) mod context;
mod form;
mod operation;
mod parameter;
mod schema;
mod shape;

use crate::api::Api;
use context::{Context, Spot};
use schema::{Builder, Dialect};
use selvedge_config::Diagnostic;
use selvedge_config::data::SchemaFile;

/// Compiles one description. References may lead to the other files.
///
/// # Errors
/// Everything in it that is wrong or could not be enforced.
pub(crate) fn compile<'a>(file: &'a SchemaFile, files: &'a [SchemaFile]) -> Result<Api, Vec<Diagnostic>> {
    let root = Spot { file, data: &file.root };
    let mut context = Context { files, found: Vec::new() };
    let dialect = match root.text("openapi").unwrap_or_default() {
        version if version.starts_with("3.0.") => Dialect::V30,
        version if version.starts_with("3.1.") => Dialect::V31,
        _ => {
            let at = root.get("openapi").or(root.get("swagger")).unwrap_or(root);
            context.error(
                at,
                "bad-schema",
                "this is no OpenAPI 3.0 or 3.1".to_owned(),
                "write `openapi: 3.1.0`, in quotes if need be",
            );
            return Err(context.found);
        }
    };
    if let Some(other) = root.get("jsonSchemaDialect") {
        context.unenforced(other, "another language of schemas", "leave `jsonSchemaDialect` out");
    }
    let mut builder = Builder::new(context, dialect);
    let mut outline = operation::Outline::default();
    outline.read(&mut builder, root);
    let store = builder.finish();
    let api = outline.finish(&mut builder, store);
    if builder.context.found.is_empty() { Ok(api) } else { Err(builder.context.found) }
}
