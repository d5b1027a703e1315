//! Keywords of objects.

use super::super::context::Spot;
use super::{Builder, Dialect};
use crate::pattern;
use crate::schema::{Additional, ObjectRules, Schema};
use selvedge_config::data::DataValue;

impl<'a> Builder<'a> {
    pub(super) fn object(&mut self, schema: &mut Schema, key: &str, value: Spot<'a>) -> bool {
        let is_new = self.dialect == Dialect::V31;
        let rules: &mut ObjectRules = match key {
            "properties" | "required" | "additionalProperties" | "minProperties" | "maxProperties" => {
                schema.object.get_or_insert_default()
            }
            "patternProperties" | "propertyNames" | "dependentRequired" | "dependentSchemas" if is_new => {
                schema.object.get_or_insert_default()
            }
            _ => return false,
        };
        match key {
            "properties" => {
                rules.properties = value.entries().map(|(name, spot)| (name.into(), self.schema(spot))).collect();
                rules.properties.sort();
            }
            "required" => rules.required = self.names(value),
            "additionalProperties" => {
                rules.additional = match &value.data.value {
                    DataValue::Bool(true) => None,
                    DataValue::Bool(false) => Some(Additional::Refused),
                    _ => Some(Additional::Like(self.schema(value))),
                };
            }
            "minProperties" => rules.count_min = self.count(value),
            "maxProperties" => rules.count_max = Some(self.count(value)),
            "patternProperties" => {
                for (text, spot) in value.entries() {
                    match pattern::compile(text) {
                        Ok(regex) => rules.patterns.push((regex, self.schema(spot))),
                        Err(help) => {
                            self.context.error(spot, "bad-pattern", "the pattern is not taken".to_owned(), help);
                        }
                    }
                }
            }
            "propertyNames" => rules.names = Some(self.schema(value)),
            "dependentRequired" => {
                let read = value.entries().map(|(name, names)| (name.into(), self.names(names)));
                rules.dependent_required = read.collect();
            }
            _ => {
                let read = value.entries().map(|(name, spot)| (name.into(), self.schema(spot)));
                rules.dependent_schemas = read.collect();
            }
        }
        true
    }

    fn names(&mut self, value: Spot<'a>) -> Vec<Box<str>> {
        let names: Vec<Box<str>> = value.items().filter_map(|item| item.data.text()).map(Box::from).collect();
        if names.len() != value.data.items().len() || !matches!(value.data.value, DataValue::List(_)) {
            self.context.wrong(value, "this is a list of names");
        }
        names
    }
}
