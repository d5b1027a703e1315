//! Schemas of a description, compiled one after another: a reference is the place in [`Store`] of what it leads to, so
//! cycles need no care, but for those that would never look at another value.

mod array;
mod logic;
mod object;
mod scalar;

use super::context::{Context, Spot};
use crate::schema::{Id, Schema, Store, Types};
use selvedge_config::data::DataValue;
use std::collections::{BTreeMap, VecDeque};

/// Schemas of one description.
const SCHEMAS_MAX: usize = 20_000;
/// Schemas that see one value through each other.
const IN_PLACE_MAX: usize = 32;

/// Keywords that say nothing about which values are valid.
const ANNOTATIONS: &[&str] = &[
    "title",
    "description",
    "default",
    "example",
    "examples",
    "deprecated",
    "externalDocs",
    "xml",
    "$comment",
    "$schema",
    "$id",
    "$defs",
    "definitions",
    "contentEncoding",
    "contentMediaType",
    "contentSchema",
];

/// Which of the two languages of schemas is spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    /// OpenAPI 3.0: `nullable`, Boolean `exclusiveMinimum`, nothing beside `$ref`.
    V30,
    /// OpenAPI 3.1: JSON Schema 2020-12.
    V31,
}

/// Compiles schemas as they are asked for.
pub(crate) struct Builder<'a> {
    pub(crate) context: Context<'a>,
    pub(crate) dialect: Dialect,
    store: Vec<Schema>,
    spots: Vec<Spot<'a>>,
    ids: BTreeMap<usize, Id>,
    queue: VecDeque<Id>,
}

impl<'a> Builder<'a> {
    pub(crate) fn new(context: Context<'a>, dialect: Dialect) -> Builder<'a> {
        let (store, spots, ids, queue) = Default::default();
        Builder { context, dialect, store, spots, ids, queue }
    }

    /// The place of a schema; it is compiled later.
    pub(crate) fn schema(&mut self, spot: Spot<'a>) -> Id {
        let mut at = spot;
        // A reference with nothing of its own beside it is what it leads to.
        for _ in 0..IN_PLACE_MAX {
            let alone = self.dialect == Dialect::V30 || at.data.entries().len() == 1;
            match at.get("$ref").filter(|_| alone) {
                Some(reference) => {
                    self.check_beside(at);
                    match self.context.target(reference) {
                        Some(target) => at = target,
                        None => break,
                    }
                }
                None => break,
            }
        }
        if let Some(id) = self.ids.get(&at.identity()) {
            return *id;
        }
        let id = Id(self.store.len() as u32);
        if self.store.len() >= SCHEMAS_MAX {
            self.context.wrong(at, "a description has at most 20000 schemas");
            return Id(0);
        }
        self.store.push(Schema::any());
        self.spots.push(at);
        self.ids.insert(at.identity(), id);
        self.queue.push_back(id);
        id
    }

    /// In 3.0, what stands beside `$ref` is ignored: that must not look like a rule.
    fn check_beside(&mut self, at: Spot<'a>) {
        let mut beside = at.entries().filter(|(key, _)| *key != "$ref" && !is_annotation(key));
        if let Some((key, value)) = beside.next() {
            let help = "put the reference into `allOf`: OpenAPI 3.0 ignores what stands beside `$ref`";
            self.context.unenforced(value, &format!("`{key}` beside `$ref`"), help);
        }
    }

    /// Compiles everything that was asked for.
    pub(crate) fn finish(&mut self) -> Store {
        while let Some(id) = self.queue.pop_front() {
            let Some(spot) = self.spots.get(id.0 as usize).copied() else { continue };
            let schema = self.compile(spot);
            if let Some(slot) = self.store.get_mut(id.0 as usize) {
                *slot = schema;
            }
        }
        let store = Store(std::mem::take(&mut self.store));
        self.check_in_place(&store);
        store
    }

    fn compile(&mut self, spot: Spot<'a>) -> Schema {
        let mut schema = Schema::any();
        match &spot.data.value {
            DataValue::Bool(allowed) => schema.never = !allowed,
            DataValue::Map(_) => {
                for (key, value) in spot.entries() {
                    let known = self.general(&mut schema, key, value, spot)
                        || self.scalar(&mut schema, key, value, spot)
                        || self.array(&mut schema, key, value, spot)
                        || self.object(&mut schema, key, value)
                        || self.logic(&mut schema, key, value);
                    if !known && !is_annotation(key) {
                        self.unknown(key, value);
                    }
                }
                self.kinds(&mut schema, spot);
                if let Some(logic) = schema.logic.as_mut().filter(|_| spot.get("if").is_none()) {
                    // `then` and `else` say nothing without `if`.
                    logic.condition = None;
                }
            }
            _ => self.context.wrong(spot, "a schema is a map of keywords"),
        }
        schema
    }

    fn unknown(&mut self, key: &str, value: Spot<'a>) {
        let help = match key {
            "unevaluatedProperties" => "write `additionalProperties` where the properties are",
            "unevaluatedItems" => "write `items` where the items are",
            "nullable" => "in OpenAPI 3.1, add `null` to `type`",
            "const" | "if" | "then" | "else" | "prefixItems" | "contains" | "patternProperties" | "propertyNames"
            | "dependentRequired" | "dependentSchemas" => "write `openapi: 3.1.0` to use it",
            _ => "leave it out, or begin its name with `x-` if it is for other tools",
        };
        self.context.unenforced(value, &format!("the keyword `{key}`"), help);
    }

    fn general(&mut self, schema: &mut Schema, key: &str, value: Spot<'a>, whole: Spot<'a>) -> bool {
        match key {
            "type" => schema.types = self.types(value, whole),
            "nullable" if self.dialect == Dialect::V30 => {}
            "readOnly" => schema.read_only = self.bool(value),
            "writeOnly" => schema.write_only = self.bool(value),
            "enum" => {
                let values = schema.values.get_or_insert_default();
                value.items().for_each(|item| values.add(item.data));
                if value.data.items().is_empty() {
                    self.context.wrong(value, "`enum` is a list with at least one value");
                }
            }
            "const" if self.dialect == Dialect::V31 && whole.get("enum").is_some() => {
                self.context.unenforced(value, "`const` beside `enum`", "keep one of them");
            }
            "const" if self.dialect == Dialect::V31 => schema.values.get_or_insert_default().add(value.data),
            _ => return false,
        }
        true
    }

    fn types(&mut self, value: Spot<'a>, whole: Spot<'a>) -> Types {
        let mut types = Types(0);
        let listed = self.dialect == Dialect::V31 && matches!(value.data.value, DataValue::List(_));
        let names: Vec<Spot<'a>> = if listed { value.items().collect() } else { vec![value] };
        for name in names {
            match name.data.text().and_then(Types::named) {
                Some(named) if named != Types::NULL || self.dialect == Dialect::V31 => types.0 |= named.0,
                _ => self.context.wrong(name, "a type is one of object, array, string, integer, number and boolean"),
            }
        }
        if self.dialect == Dialect::V30 && whole.flag("nullable") {
            types.0 |= Types::NULL.0;
        }
        types
    }

    pub(crate) fn bool(&mut self, value: Spot<'a>) -> bool {
        if !matches!(value.data.value, DataValue::Bool(_)) {
            self.context.wrong(value, "this is `true` or `false`");
        }
        matches!(value.data.value, DataValue::Bool(true))
    }

    fn count(&mut self, value: Spot<'a>) -> u64 {
        let number = if let DataValue::Number(number) = &value.data.value { number.parse().ok() } else { None };
        number.unwrap_or_else(|| {
            self.context.wrong(value, "this is a whole number from 0");
            0
        })
    }

    fn list(&mut self, value: Spot<'a>) -> Vec<Id> {
        if value.data.items().is_empty() {
            self.context.wrong(value, "this is a list of schemas");
        }
        value.items().map(|item| self.schema(item)).collect()
    }

    /// A schema may lead to itself through values inside it, but not without looking at another value: that would
    /// never end.
    fn check_in_place(&mut self, store: &Store) {
        // How deep each goes; 0 is not known yet, and `usize::MAX` is being looked at.
        let mut depths = vec![0_usize; store.0.len()];
        for start in 0..store.0.len() {
            let mut open = vec![(Id(start as u32), false)];
            while let Some((id, done)) = open.pop() {
                let (Some(depth), Some(schema)) = (depths.get(id.0 as usize).copied(), store.get(id)) else { continue };
                if done {
                    let inner = schema.in_place().filter_map(|id| depths.get(id.0 as usize)).max();
                    let deep = inner.copied().unwrap_or_default().saturating_add(1);
                    if deep > IN_PLACE_MAX {
                        let Some(spot) = self.spots.get(id.0 as usize).copied() else { continue };
                        self.context.wrong(spot, "schemas for one value lead to each other without end, or too deeply");
                    }
                    if let Some(slot) = depths.get_mut(id.0 as usize) {
                        *slot = deep.min(IN_PLACE_MAX + 1);
                    }
                } else if depth == 0 {
                    if let Some(slot) = depths.get_mut(id.0 as usize) {
                        *slot = usize::MAX;
                    }
                    open.push((id, true));
                    open.extend(schema.in_place().map(|id| (id, false)));
                }
            }
        }
    }
}

fn is_annotation(key: &str) -> bool {
    key.starts_with("x-") || ANNOTATIONS.contains(&key)
}
