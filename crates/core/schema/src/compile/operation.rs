//! Paths and operations of a description.

use super::context::Spot;
use super::parameter::ParameterOutline;
use super::schema::Builder;
use super::{form, parameter};
use crate::api::{Api, ApiPath, BodyRules, Content, Operation};
use crate::media::MediaRange;
use crate::schema::{Id, Store};
use selvedge_config::data::DataValue;
use selvedge_model::{PathPattern, Segment};

const METHODS: &[&str] = &["get", "put", "post", "delete", "options", "head", "patch"];
/// Keys of a path that are no methods.
const PATH_KEYS: &[&str] = &["summary", "description", "servers", "parameters", "$ref", "trace"];
const OPERATION_KEYS: &[&str] = &[
    "tags",
    "summary",
    "description",
    "externalDocs",
    "operationId",
    "parameters",
    "requestBody",
    "responses",
    "callbacks",
    "deprecated",
    "security",
    "servers",
];

/// Operations, before their schemas are compiled.
#[derive(Default)]
pub(super) struct Outline<'a> {
    operations: Vec<OperationOutline<'a>>,
    paths: Vec<ApiPath>,
}

struct OperationOutline<'a> {
    name: Option<&'a str>,
    parameters: Vec<ParameterOutline<'a>>,
    body: Option<BodyOutline<'a>>,
}

struct BodyOutline<'a> {
    is_required: bool,
    contents: Vec<(MediaRange, Spot<'a>, Option<Id>)>,
}

impl<'a> Outline<'a> {
    /// Reads all paths, and asks for their schemas.
    pub(super) fn read(&mut self, builder: &mut Builder<'a>, root: Spot<'a>) {
        let Some(paths) = root.get("paths") else { return builder.context.wrong(root, "a description has `paths`") };
        for (template, item) in paths.entries().filter(|(template, _)| !template.starts_with("x-")) {
            let Some(item) = builder.context.resolve(item) else { continue };
            for prefix in prefixes(builder, item.get("servers").or(root.get("servers"))) {
                match PathPattern::parse(&format!("{prefix}{template}")) {
                    Ok(pattern) if !pattern.takes_rest() => self.path(builder, pattern, item),
                    Ok(_) => builder.context.wrong(item, "a path of OpenAPI has no `/**`"),
                    Err(error) => {
                        let message = format!("the path `{template}` cannot be enforced");
                        builder.context.error(item, "not-enforceable", message, error.to_string());
                    }
                }
            }
        }
    }

    fn path(&mut self, builder: &mut Builder<'a>, pattern: PathPattern, item: Spot<'a>) {
        if self.paths.iter().any(|known| known.pattern.contains(&pattern) && pattern.contains(&known.pattern)) {
            return builder.context.wrong(item, "another path here takes the same requests");
        }
        let mut methods = Vec::new();
        for (key, value) in item.entries() {
            if METHODS.contains(&key) {
                methods.push((key.to_ascii_uppercase().into(), self.operations.len()));
                let outline = operation(builder, &pattern, item, value);
                self.operations.push(outline);
            } else if !PATH_KEYS.contains(&key) && !key.starts_with("x-") {
                builder
                    .context
                    .wrong(value, "a path has methods in lower case, `parameters`, `summary` and `description`");
            }
        }
        self.paths.push(ApiPath { pattern, methods });
    }

    /// The operations, with what their schemas say of text.
    pub(super) fn finish(self, builder: &mut Builder<'a>, store: Store) -> Api {
        let mut api = Api { store, ..Api::default() };
        for outline in self.operations {
            let parameters = outline.parameters.into_iter();
            let parameters = parameters.filter_map(|parameter| parameter.finish(builder, &api.store)).collect();
            let body = outline.body.map(|body| BodyRules {
                is_required: body.is_required,
                contents: body
                    .contents
                    .into_iter()
                    .filter_map(|content| finish(builder, &api.store, content))
                    .collect(),
            });
            api.operations.push(Operation { name: outline.name.map(Box::from), parameters, body });
        }
        for path in self.paths {
            api.paths.entry(path.pattern.segments().len()).or_default().push(path);
        }
        let literal = |segment: &Segment| u8::from(matches!(segment, Segment::Any(_)));
        for paths in api.paths.values_mut() {
            paths.sort_by_key(|path| path.pattern.segments().iter().map(literal).collect::<Vec<u8>>());
        }
        api
    }
}

/// The paths of the servers: what stands before every path.
fn prefixes<'a>(builder: &mut Builder<'a>, servers: Option<Spot<'a>>) -> Vec<String> {
    let mut prefixes: Vec<String> = Vec::new();
    for server in servers.into_iter().flat_map(Spot::items) {
        let url = server.text("url").unwrap_or_default();
        let path = match url.split_once("://") {
            Some((_, rest)) => rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default(),
            None => url,
        };
        if path.contains(['{', '?', '#']) {
            let help = "write out the path of the server; other parts may have variables";
            builder.context.unenforced(server, "a variable in the path of a server", help);
        }
        let path = path.trim_end_matches('/').to_owned();
        if !prefixes.contains(&path) {
            prefixes.push(path);
        }
    }
    if prefixes.is_empty() {
        prefixes.push(String::new());
    }
    prefixes
}

fn operation<'a>(
    builder: &mut Builder<'a>,
    pattern: &PathPattern,
    item: Spot<'a>,
    spot: Spot<'a>,
) -> OperationOutline<'a> {
    for (key, value) in spot.entries().filter(|(key, _)| !OPERATION_KEYS.contains(key) && !key.starts_with("x-")) {
        builder.context.error(
            value,
            "unknown-key",
            format!("an operation has no key `{key}`"),
            "leave it out, or correct it",
        );
    }
    if let Some(servers) = spot.get("servers") {
        builder.context.unenforced(servers, "`servers` of one operation", "write them beside the path");
    }
    let parameters = parameter::all(builder, pattern, item, spot);
    let body = spot.get("requestBody").and_then(|body| builder.context.resolve(body));
    let body = body.map(|body| BodyOutline {
        is_required: body.flag("required"),
        contents: body.get("content").map(|content| contents(builder, content)).unwrap_or_default(),
    });
    if body.as_ref().is_some_and(|body| body.contents.is_empty()) {
        builder.context.wrong(spot, "a body has at least one media type in `content`");
    }
    OperationOutline { name: spot.text("operationId"), parameters, body }
}

fn contents<'a>(builder: &mut Builder<'a>, content: Spot<'a>) -> Vec<(MediaRange, Spot<'a>, Option<Id>)> {
    let mut contents = Vec::new();
    for (range, media) in content.entries().filter(|(range, _)| !range.starts_with("x-")) {
        let essence = range.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        if essence.split('/').count() != 2 {
            builder.context.wrong(media, "a key of `content` is a media type such as `application/json`");
            continue;
        }
        let schema = media.get("schema").map(|schema| builder.schema(schema));
        contents.push((MediaRange(essence.into()), media, schema));
    }
    contents
}

fn finish<'a>(
    builder: &mut Builder<'a>,
    store: &Store,
    (range, media, schema): (MediaRange, Spot<'a>, Option<Id>),
) -> Option<(MediaRange, Content)> {
    let says = media.get("schema").is_some_and(|schema| match &schema.data.value {
        DataValue::Map(entries) => !entries.is_empty(),
        _ => true,
    });
    let content = match &*range.0 {
        "application/x-www-form-urlencoded" => Content::Form(form::fields(builder, store, media, schema)),
        "multipart/form-data" => Content::Multipart(form::fields(builder, store, media, schema)),
        json if json == "application/json" || json.ends_with("+json") => Content::Json(schema),
        xml if xml == "application/xml" || xml == "text/xml" || xml.ends_with("+xml") => {
            if says {
                let help = "leave `schema` out: of XML, the structure alone is checked";
                builder.context.unenforced(media, "a schema of an XML body", help);
            }
            Content::Xml
        }
        text if text.starts_with("text/") => Content::Text(schema),
        _ if schema.is_none_or(|schema| !says || super::shape::is_file(store, schema)) => Content::Opaque,
        other => {
            let message = format!("a schema of a body of type `{other}` cannot be enforced");
            let help = "leave `schema` out to let any bytes through, or name a media type of JSON, forms or text";
            builder.context.error(media, "not-enforceable", message, help);
            return None;
        }
    };
    Some((range, content))
}
