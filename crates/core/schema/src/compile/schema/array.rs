//! Keywords of arrays.

use super::super::context::Spot;
use super::{Builder, Dialect};
use crate::schema::{Contains, Schema};

impl<'a> Builder<'a> {
    pub(super) fn array(&mut self, schema: &mut Schema, key: &str, value: Spot<'a>, whole: Spot<'a>) -> bool {
        let is_new = self.dialect == Dialect::V31;
        match key {
            "items" => schema.array.get_or_insert_default().items = Some(self.schema(value)),
            "prefixItems" if is_new => schema.array.get_or_insert_default().first = self.list(value),
            "minItems" => schema.array.get_or_insert_default().count_min = self.count(value),
            "maxItems" => schema.array.get_or_insert_default().count_max = Some(self.count(value)),
            "uniqueItems" => schema.array.get_or_insert_default().unique = self.bool(value),
            "contains" if is_new => {
                let count_min = whole.get("minContains").map_or(1, |count| self.count(count));
                let count_max = whole.get("maxContains").map(|count| self.count(count));
                let contains = Contains { schema: self.schema(value), count_min, count_max };
                schema.array.get_or_insert_default().contains = Some(contains);
            }
            // Without `contains` they say nothing.
            "minContains" | "maxContains" if is_new => {}
            _ => return false,
        }
        true
    }
}
