//! Keywords of numbers and texts.

use super::super::context::Spot;
use super::{Builder, Dialect};
use crate::format::Format;
use crate::json::Number;
use crate::pattern;
use crate::schema::{Bound, Schema};
use selvedge_config::data::{Data, DataValue};
use std::cmp::Ordering;

impl<'a> Builder<'a> {
    pub(super) fn scalar(&mut self, schema: &mut Schema, key: &str, value: Spot<'a>, whole: Spot<'a>) -> bool {
        match key {
            "minimum" | "maximum" => self.bound(schema, key == "minimum", value, whole),
            "exclusiveMinimum" | "exclusiveMaximum" => self.exclusive(schema, key == "exclusiveMinimum", value),
            "multipleOf" => match number(value.data) {
                Some(text) if Number::read(text).float() > 0.0 => {
                    schema.number.get_or_insert_default().multiple_of = Some(text.into());
                }
                _ => self.context.wrong(value, "`multipleOf` is a number greater than 0"),
            },
            "minLength" => schema.text.get_or_insert_default().length_min = self.count(value),
            "maxLength" => schema.text.get_or_insert_default().length_max = Some(self.count(value)),
            "pattern" => match value.data.text().map(pattern::compile) {
                Some(Ok(regex)) => schema.text.get_or_insert_default().pattern = Some(regex),
                Some(Err(help)) => {
                    self.context.error(value, "bad-pattern", "the pattern is not taken".to_owned(), help)
                }
                None => self.context.wrong(value, "a pattern is a text"),
            },
            "contentMediaType" => {
                let media = value.data.text().unwrap_or_default();
                let is_text = media.starts_with("text/") || media == "application/json";
                if !is_text && whole.get("contentEncoding").is_none() {
                    schema.text.get_or_insert_default().is_binary = true;
                }
            }
            "format" if value.data.text() == Some("binary") => {
                schema.text.get_or_insert_default().is_binary = true;
                if let Some(other) = ["minLength", "maxLength", "pattern"].iter().find_map(|key| whole.get(key)) {
                    self.context.unenforced(other, "a rule for the text of a binary value", "leave it out");
                }
            }
            "format" => match value.data.text() {
                Some(name) => match Format::named(name) {
                    Some(format) if format.is_numeric() => {
                        schema.number.get_or_insert_default().format = Some(format);
                    }
                    Some(format) => schema.text.get_or_insert_default().format = Some(format),
                    None => {}
                },
                None => self.context.wrong(value, "a format is a text"),
            },
            _ => return false,
        }
        true
    }

    fn bound(&mut self, schema: &mut Schema, is_min: bool, value: Spot<'a>, whole: Spot<'a>) {
        let Some(text) = number(value.data) else { return self.context.wrong(value, "this is a number") };
        let exclusive = if is_min { "exclusiveMinimum" } else { "exclusiveMaximum" };
        let is_exclusive = self.dialect == Dialect::V30 && whole.flag(exclusive);
        stricter(schema, is_min, Bound { value: Number::read(text), is_exclusive });
    }

    fn exclusive(&mut self, schema: &mut Schema, is_min: bool, value: Spot<'a>) {
        match (self.dialect, number(value.data)) {
            (Dialect::V30, None) => drop(self.bool(value)),
            (Dialect::V31, Some(text)) => {
                stricter(schema, is_min, Bound { value: Number::read(text), is_exclusive: true });
            }
            (Dialect::V30, Some(_)) => self.context.wrong(value, "in OpenAPI 3.0 this is `true` or `false`"),
            (Dialect::V31, None) => self.context.wrong(value, "in OpenAPI 3.1 this is a number"),
        }
    }
}

pub(super) fn number(data: &Data) -> Option<&str> {
    if let DataValue::Number(text) = &data.value { Some(text) } else { None }
}

/// Keeps the narrower of two bounds on the same side.
fn stricter(schema: &mut Schema, is_min: bool, bound: Bound) {
    let rules = schema.number.get_or_insert_default();
    let slot = if is_min { &mut rules.minimum } else { &mut rules.maximum };
    let narrower = if is_min { Ordering::Greater } else { Ordering::Less };
    let replaces = slot.is_none_or(|old| match bound.value.compare(old.value) {
        Some(Ordering::Equal) => bound.is_exclusive,
        order => order == Some(narrower),
    });
    if replaces {
        *slot = Some(bound);
    }
}
