//! Parameters: where they are, and by which style their text is read.

use super::context::Spot;
use super::schema::Builder;
use super::shape;
use crate::api::{Between, Form, Parameter};
use crate::schema::{Id, Store, Types};
use crate::violation::Place;
use selvedge_model::{PathPattern, Segment};

const KEYS: &[&str] = &[
    "name",
    "in",
    "description",
    "required",
    "deprecated",
    "allowEmptyValue",
    "style",
    "explode",
    "allowReserved",
    "schema",
    "example",
    "examples",
    "content",
];
/// Header fields that are described elsewhere (OpenAPI 3.1 §4.8.12.1).
const NOT_OURS: &[&str] = &["accept", "content-type", "authorization"];

/// A parameter before its schema is compiled.
pub(super) struct ParameterOutline<'a> {
    spot: Spot<'a>,
    name: Box<str>,
    place: Place,
    schema: Id,
    is_json: bool,
}

/// The parameters of an operation: its own, and those of its path that it does not replace.
pub(super) fn all<'a>(
    builder: &mut Builder<'a>,
    pattern: &PathPattern,
    item: Spot<'a>,
    operation: Spot<'a>,
) -> Vec<ParameterOutline<'a>> {
    let mut found: Vec<ParameterOutline<'a>> = Vec::new();
    for (owner, replaced) in [(operation, false), (item, true)] {
        let mut own = Vec::new();
        for spot in owner.get("parameters").into_iter().flat_map(Spot::items) {
            let Some(spot) = builder.context.resolve(spot) else { continue };
            let Some(parameter) = read(builder, pattern, spot) else { continue };
            let same = |other: &ParameterOutline<'_>| other.name == parameter.name && other.place == parameter.place;
            if own.iter().any(same) {
                builder.context.wrong(spot, "another parameter here has this name and place");
            } else if !(replaced && found.iter().any(same)) {
                own.push(parameter);
            }
        }
        found.extend(own);
    }
    for segment in pattern.segments() {
        if let Segment::Any(name) = segment
            && !found.iter().any(|parameter| parameter.place == Place::Path && *parameter.name == **name)
        {
            let message = format!("the path names `{{{name}}}`, and no parameter describes it");
            let help = format!("add a parameter `{name}` with `in: path` and `required: true`");
            builder.context.error(operation, "bad-schema", message, help);
        }
    }
    found
}

fn read<'a>(builder: &mut Builder<'a>, pattern: &PathPattern, spot: Spot<'a>) -> Option<ParameterOutline<'a>> {
    for (key, value) in spot.entries().filter(|(key, _)| !KEYS.contains(key) && !key.starts_with("x-")) {
        builder.context.error(
            value,
            "unknown-key",
            format!("a parameter has no key `{key}`"),
            "leave it out, or correct it",
        );
    }
    let name = spot.text("name").filter(|name| !name.is_empty());
    let place = match spot.text("in").unwrap_or_default() {
        "path" => Some(Place::Path),
        "query" => Some(Place::Query),
        "header" => Some(Place::Header),
        "cookie" => Some(Place::Cookie),
        _ => None,
    };
    let (Some(name), Some(place)) = (name, place) else {
        builder.context.wrong(spot, "a parameter has a `name`, and `in` is path, query, header or cookie");
        return None;
    };
    let name = if place == Place::Header { name.to_ascii_lowercase() } else { name.to_owned() };
    if place == Place::Header && NOT_OURS.contains(&name.as_str()) {
        return None;
    }
    let is_known = |segment: &Segment| matches!(segment, Segment::Any(known) if **known == *name);
    if place == Place::Path && (!pattern.segments().iter().any(is_known) || !spot.flag("required")) {
        builder.context.wrong(spot, "a path parameter is named in the path, and is `required: true`");
    }
    let json = spot.get("content").and_then(|content| content.get("application/json"));
    if spot.get("content").is_some() && json.is_none() {
        let help = "write `application/json`, or `schema` in place of `content`";
        builder.context.unenforced(spot, "`content` of a parameter that is no JSON", help);
        return None;
    }
    let schema = json.map_or(spot.get("schema"), |json| json.get("schema"));
    let Some(schema) = schema else {
        builder.context.wrong(spot, "a parameter has a `schema`");
        return None;
    };
    let schema = builder.schema(schema);
    Some(ParameterOutline { spot, name: name.into(), place, schema, is_json: json.is_some() })
}

impl<'a> ParameterOutline<'a> {
    /// The parameter; `None`: an error was noted.
    pub(super) fn finish(self, builder: &mut Builder<'a>, store: &Store) -> Option<Parameter> {
        let ParameterOutline { spot, name, place, schema, is_json } = self;
        let form = if is_json { Some(Form::Json) } else { self::form(builder, store, (spot, place), schema) };
        Some(Parameter { name, place, is_required: spot.flag("required"), schema, form: form? })
    }
}

fn form<'a>(builder: &mut Builder<'a>, store: &Store, (spot, place): (Spot<'a>, Place), schema: Id) -> Option<Form> {
    let types = shape::types(store, schema);
    let usual = if matches!(place, Place::Query | Place::Cookie) { "form" } else { "simple" };
    let style = spot.text("style").unwrap_or(usual);
    let explode = if spot.get("explode").is_some() { spot.flag("explode") } else { style == "form" };
    let is_label = style == "label";
    let known = match style {
        "simple" => matches!(place, Place::Path | Place::Header),
        "label" => place == Place::Path,
        "form" => matches!(place, Place::Query | Place::Cookie),
        "spaceDelimited" | "pipeDelimited" | "deepObject" => place == Place::Query,
        "matrix" => {
            let help =
                "write another style: in a canonical path there is no `;`, whose meaning differs between servers";
            builder.context.unenforced(spot, "the style `matrix`", help);
            return None;
        }
        _ => false,
    };
    let is_typed = types != Types::ALL;
    let (is_list, is_object) = (is_typed && types.any(Types::ARRAY), is_typed && types.any(Types::OBJECT));
    let between = match (style, explode, is_object && !is_list) {
        ("form", true, _) => Between::Pairs,
        ("deepObject", _, true) => Between::Brackets,
        ("spaceDelimited", false, _) => Between::Space,
        ("pipeDelimited", false, _) => Between::Pipe,
        ("spaceDelimited" | "pipeDelimited", true, false) => Between::Pairs,
        ("label", true, false) => Between::Dot,
        ("label", true, true) => Between::DotPairs,
        ("simple", true, true) => Between::CommaPairs,
        _ => Between::Comma,
    };
    let fits = match style {
        "deepObject" => is_object && !is_list,
        "spaceDelimited" => is_list,
        "pipeDelimited" => is_list || (is_object && !explode),
        _ => true,
    };
    if !known || !fits || (place == Place::Cookie && between == Between::Pairs && (is_list || is_object)) {
        let help = "write a style that OpenAPI has for this place and type; in cookies with `explode: false`";
        builder.context.unenforced(spot, &format!("the style `{style}`"), help);
        return None;
    }
    Some(if is_list {
        Form::List { items: shape::items(store, schema), between, is_label }
    } else if is_object {
        Form::Object { members: shape::members(store, schema), between, is_label }
    } else {
        Form::Scalar { types, may_be_empty: spot.flag("allowEmptyValue"), is_label }
    })
}
