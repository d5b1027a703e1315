//! `application/x-www-form-urlencoded` bodies: pairs of names and values, made an object by the schema.

use super::{check_json, malformed};
use crate::api::{Field, Fields};
use crate::escape::decode_text;
use crate::json::{self, JsonLimits, quote};
use crate::schema::Types;
use crate::validate::Validator;
use crate::violation::Violation;
use std::collections::BTreeMap;

/// Pairs in one body or query.
pub(crate) const PAIRS_MAX: usize = 256;

/// An object under way.
pub(crate) struct Object<'f> {
    fields: &'f Fields,
    members: BTreeMap<String, Vec<String>>,
}

pub(crate) fn check(bytes: &[u8], fields: &Fields, validator: &Validator<'_>) -> Result<(), Violation> {
    let text = std::str::from_utf8(bytes).map_err(|_| malformed("is not UTF-8"))?;
    if !text.bytes().all(|b| (b'!'..=b'~').contains(&b)) {
        return Err(malformed("is no form"));
    }
    let mut object = Object::new(fields);
    for pair in text.split('&').filter(|_| !text.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or_else(|| malformed("is no form"))?;
        let decoded = decode_text(name, true).zip(decode_text(value, true));
        let (name, value) = decoded.ok_or_else(|| malformed("is no form"))?;
        object.add_text(name, &value)?;
    }
    object.check(validator)
}

impl<'f> Object<'f> {
    pub(crate) fn new(fields: &'f Fields) -> Object<'f> {
        Object { fields, members: BTreeMap::new() }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&'f Field> {
        self.fields.known.get(name)
    }

    /// Adds a field whose value is a text.
    pub(crate) fn add_text(&mut self, name: String, value: &str) -> Result<(), Violation> {
        let field = self.field(&name);
        let types = field.and_then(|field| field.items.or(field.types)).unwrap_or(Types::STRING);
        let mut written = String::new();
        write_scalar(types, value, &mut written);
        self.add(name, written)
    }

    /// Adds a field whose value is JSON already.
    pub(crate) fn add(&mut self, name: String, json: String) -> Result<(), Violation> {
        let is_list = self.field(&name).is_some_and(|field| field.items.is_some());
        let is_full = self.members.len() >= PAIRS_MAX;
        let values = self.members.entry(name).or_default();
        if is_full || values.len() >= PAIRS_MAX {
            return Err(malformed("has too many fields"));
        }
        if !values.is_empty() && !is_list {
            return Err(malformed("has a field twice"));
        }
        values.push(json);
        Ok(())
    }

    /// Holds what was added against the schema.
    pub(crate) fn check(self, validator: &Validator<'_>) -> Result<(), Violation> {
        let mut json = String::from("{");
        for (name, values) in &self.members {
            if json.len() > 1 {
                json.push(',');
            }
            quote(name, &mut json);
            json.push(':');
            if self.field(name).is_some_and(|field| field.items.is_some()) {
                json.push('[');
                json.push_str(&values.join(","));
                json.push(']');
            } else {
                values.iter().for_each(|value| json.push_str(value));
            }
        }
        json.push('}');
        check_json(json.as_bytes(), self.fields.schema, validator)
    }
}

/// Writes a text as the JSON value that it stands for, by the types that are accepted.
pub(crate) fn write_scalar(types: Types, text: &str, out: &mut String) {
    let is_json = || json::parse(text.as_bytes(), &JsonLimits::default()).is_ok();
    let begins = |with: fn(u8) -> bool| text.bytes().next().is_some_and(with);
    let is_number =
        || begins(|b| b.is_ascii_digit() || b == b'-') && text.bytes().all(|b| !b.is_ascii_whitespace()) && is_json();
    if types == Types::ALL || types == Types::STRING {
        return quote(text, out);
    }
    let is_bool = types.any(Types::BOOLEAN) && matches!(text, "true" | "false");
    let is_null = types.any(Types::NULL) && text == "null" && !types.any(Types::STRING);
    // An object in a form is JSON (OpenAPI 3.1 §4.8.15).
    let is_object = || types.any(Types::OBJECT) && !types.any(Types::STRING) && begins(|b| b == b'{') && is_json();
    if is_bool || is_null || (types.any(Types::NUMBER) && is_number()) || is_object() {
        out.push_str(text);
    } else {
        quote(text, out);
    }
}
