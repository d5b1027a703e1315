//! A JSON schema in the form that is validated: every reference resolved, every keyword either here or refused.

use crate::format::Format;
use crate::json::Number;
use regex::Regex;

/// Where a schema is in [`Store`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id(pub(crate) u32);

/// All schemas of one OpenAPI description.
#[derive(Debug, Default)]
pub(crate) struct Store(pub(crate) Vec<Schema>);

impl Store {
    pub(crate) fn get(&self, id: Id) -> Option<&Schema> {
        self.0.get(id.0 as usize)
    }
}

/// A set of types (JSON Schema 2020-12 validation §6.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Types(pub(crate) u8);

impl Types {
    pub(crate) const NULL: Types = Types(1);
    pub(crate) const BOOLEAN: Types = Types(2);
    pub(crate) const OBJECT: Types = Types(4);
    pub(crate) const ARRAY: Types = Types(8);
    pub(crate) const STRING: Types = Types(16);
    pub(crate) const INTEGER: Types = Types(32);
    /// Integers too.
    pub(crate) const NUMBER: Types = Types(32 | 64);
    pub(crate) const ALL: Types = Types(127);

    pub(crate) fn has(self, other: Types) -> bool {
        self.0 & other.0 == other.0
    }

    pub(crate) fn any(self, other: Types) -> bool {
        self.0 & other.0 != 0
    }

    pub(crate) fn named(name: &str) -> Option<Types> {
        Some(match name {
            "null" => Types::NULL,
            "boolean" => Types::BOOLEAN,
            "object" => Types::OBJECT,
            "array" => Types::ARRAY,
            "string" => Types::STRING,
            "integer" => Types::INTEGER,
            "number" => Types::NUMBER,
            _ => return None,
        })
    }

    /// For messages.
    pub(crate) fn expected(self) -> &'static str {
        match self {
            Types::NULL => "must be null",
            Types::BOOLEAN => "must be true or false",
            Types::OBJECT => "must be an object",
            Types::ARRAY => "must be an array",
            Types::STRING => "must be a string",
            Types::INTEGER => "must be an integer",
            Types::NUMBER => "must be a number",
            _ => "is of another type than is accepted",
        }
    }
}

/// One schema. What it has no keyword for costs one test of an option.
#[derive(Debug)]
pub(crate) struct Schema {
    /// Whether it is `false`: nothing is valid.
    pub(crate) never: bool,
    pub(crate) types: Types,
    pub(crate) values: Option<Box<Values>>,
    pub(crate) number: Option<Box<NumberRules>>,
    pub(crate) text: Option<Box<TextRules>>,
    pub(crate) array: Option<Box<ArrayRules>>,
    pub(crate) object: Option<Box<ObjectRules>>,
    pub(crate) logic: Option<Box<Logic>>,
    pub(crate) read_only: bool,
    pub(crate) write_only: bool,
}

/// `enum` and `const`.
#[derive(Debug, Default)]
pub(crate) struct Values {
    /// Those that are texts.
    pub(crate) texts: Vec<Box<str>>,
    /// The others in their one form, as [`crate::validate::same::one_form`] writes it.
    pub(crate) others: Vec<String>,
}

#[derive(Debug, Default)]
pub(crate) struct NumberRules {
    pub(crate) minimum: Option<Bound>,
    pub(crate) maximum: Option<Bound>,
    pub(crate) multiple_of: Option<Box<str>>,
    pub(crate) format: Option<Format>,
}

/// An end of a range.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bound {
    pub(crate) value: Number,
    pub(crate) is_exclusive: bool,
}

#[derive(Debug, Default)]
pub(crate) struct TextRules {
    /// In characters.
    pub(crate) length_min: u64,
    pub(crate) length_max: Option<u64>,
    pub(crate) pattern: Option<Regex>,
    pub(crate) format: Option<Format>,
    /// Bytes, which say nothing as text.
    pub(crate) is_binary: bool,
}

#[derive(Debug, Default)]
pub(crate) struct ArrayRules {
    pub(crate) first: Vec<Id>,
    pub(crate) items: Option<Id>,
    pub(crate) count_min: u64,
    pub(crate) count_max: Option<u64>,
    pub(crate) unique: bool,
    pub(crate) contains: Option<Contains>,
}

#[derive(Debug)]
pub(crate) struct Contains {
    pub(crate) schema: Id,
    pub(crate) count_min: u64,
    pub(crate) count_max: Option<u64>,
}

#[derive(Debug, Default)]
pub(crate) struct ObjectRules {
    /// Sorted by name.
    pub(crate) properties: Vec<(Box<str>, Id)>,
    pub(crate) patterns: Vec<(Regex, Id)>,
    /// For members that neither of the former names; `None`: they are accepted.
    pub(crate) additional: Option<Additional>,
    pub(crate) names: Option<Id>,
    pub(crate) required: Vec<Box<str>>,
    pub(crate) count_min: u64,
    pub(crate) count_max: Option<u64>,
    pub(crate) dependent_required: Vec<(Box<str>, Vec<Box<str>>)>,
    pub(crate) dependent_schemas: Vec<(Box<str>, Id)>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Additional {
    Refused,
    Like(Id),
}

/// Schemas for the same value.
#[derive(Debug, Default)]
pub(crate) struct Logic {
    pub(crate) all_of: Vec<Id>,
    pub(crate) any_of: Vec<Id>,
    pub(crate) one_of: Vec<Id>,
    pub(crate) not: Option<Id>,
    /// `if`, `then`, `else`.
    pub(crate) condition: Option<(Id, Option<Id>, Option<Id>)>,
    /// Tells which of `any_of` or `one_of` is meant.
    pub(crate) discriminator: Option<Discriminator>,
}

#[derive(Debug)]
pub(crate) struct Discriminator {
    pub(crate) property: Box<str>,
    /// By value.
    pub(crate) kinds: Vec<(Box<str>, Id)>,
}

impl Schema {
    pub(crate) fn any() -> Schema {
        Schema {
            never: false,
            types: Types::ALL,
            values: None,
            number: None,
            text: None,
            array: None,
            object: None,
            logic: None,
            read_only: false,
            write_only: false,
        }
    }

    /// Schemas that see the same value as this one.
    pub(crate) fn in_place(&self) -> impl Iterator<Item = Id> {
        let logic = self.logic.iter().flat_map(|logic| {
            let condition = logic.condition.iter().flat_map(|(a, b, c)| [Some(*a), *b, *c].into_iter().flatten());
            let lists = [&logic.all_of, &logic.any_of, &logic.one_of].into_iter().flatten().copied();
            let kinds = logic.discriminator.iter().flat_map(|kinds| kinds.kinds.iter().map(|(_, id)| *id));
            lists.chain(logic.not).chain(condition).chain(kinds)
        });
        let dependent = self.object.iter().flat_map(|object| object.dependent_schemas.iter().map(|(_, id)| *id));
        logic.chain(dependent)
    }
}

impl ObjectRules {
    pub(crate) fn property(&self, name: &str) -> Option<Id> {
        let at = self.properties.binary_search_by(|(known, _)| (**known).cmp(name)).ok()?;
        self.properties.get(at).map(|(_, id)| *id)
    }
}
