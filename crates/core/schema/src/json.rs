//! JSON read strictly into one flat list of values over the text: no tree, and one reading only.
//!
//! Parsers differ about repeated names, byte order marks, unpaired surrogates, numbers without end and depth (RFC 8259
//! §4, §6, §8.1): whatever two of them could read differently is refused here, so that what was validated is what
//! the service reads.

mod number;
mod read;
mod text;

pub(crate) use number::{Number, is_multiple};
pub use read::parse;
pub(crate) use text::{quote, unescape};

use std::borrow::Cow;

/// Limits on a JSON text; each has a default and no infinite value.
#[derive(Debug, Clone, Copy)]
pub struct JsonLimits {
    /// Values within values: what parsers of services that recurse can take.
    pub depth_max: u32,
    /// Members of one object: attacks on hash tables need many.
    pub members_max: u32,
    /// Values and names in all: memory here is 20 bytes for each.
    pub values_max: u32,
    /// Bytes of one string as written.
    pub string_bytes_max: u32,
    /// Characters of one number: some services take quadratic time to read one.
    pub number_chars_max: u32,
}

impl Default for JsonLimits {
    fn default() -> JsonLimits {
        JsonLimits {
            depth_max: 64,
            members_max: 1024,
            values_max: 100_000,
            string_bytes_max: 1024 * 1024,
            number_chars_max: 64,
        }
    }
}

/// Why a text is not JSON that is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JsonError {
    /// Not UTF-8 (RFC 8259 §8.1).
    NotUtf8,
    /// It begins with a byte order mark (RFC 8259 §8.1).
    ByteOrderMark,
    /// It breaks the grammar.
    Grammar,
    /// A string has an escape for half a character.
    Surrogate,
    /// An object has a name twice.
    Repeated,
    /// Values are nested too deeply.
    Depth,
    /// An object has too many members.
    Members,
    /// There are too many values.
    Values,
    /// A string is too long.
    StringLength,
    /// A number has too many digits, or none of the usual types holds it.
    Number,
}

impl JsonError {
    /// What is wrong, for the caller.
    pub fn as_str(self) -> &'static str {
        match self {
            JsonError::NotUtf8 => "is not UTF-8",
            JsonError::ByteOrderMark => "begins with a byte order mark",
            JsonError::Grammar => "is not JSON",
            JsonError::Surrogate => "has an escape for half a character",
            JsonError::Repeated => "has an object with a name twice",
            JsonError::Depth => "is nested too deeply",
            JsonError::Members => "has an object with too many members",
            JsonError::Values => "has too many values",
            JsonError::StringLength => "has a string that is too long",
            JsonError::Number => "has a number that is too large",
        }
    }
}

/// What kind of value a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Null,
    False,
    True,
    Number,
    /// `true`: with escapes.
    Text(bool),
    Array,
    Object,
}

/// A value; those inside it follow, names before their values.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Node {
    pub(crate) kind: Kind,
    /// Where it stands; a string without its quotes.
    start: u32,
    end: u32,
    /// The index past everything inside it.
    next: u32,
    /// Items, or members.
    count: u32,
}

/// A JSON text that was read.
#[derive(Debug)]
pub struct Json<'a> {
    text: &'a str,
    nodes: Vec<Node>,
}

/// One value of a text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'j> {
    json: &'j Json<'j>,
    at: u32,
    pub(crate) node: Node,
}

impl<'a> Json<'a> {
    /// The whole value.
    pub(crate) fn root(&'a self) -> Option<Value<'a>> {
        self.at(0)
    }

    fn at(&'a self, at: u32) -> Option<Value<'a>> {
        Some(Value { json: self, at, node: *self.nodes.get(at as usize)? })
    }
}

impl<'j> Value<'j> {
    /// The bytes of a number, or of a string as written.
    pub(crate) fn raw(&self) -> &'j str {
        self.json.text.get(self.node.start as usize..self.node.end as usize).unwrap_or_default()
    }

    /// A string's value.
    pub(crate) fn text(&self) -> Cow<'j, str> {
        match self.node.kind {
            Kind::Text(true) => Cow::Owned(unescape(self.raw())),
            _ => Cow::Borrowed(self.raw()),
        }
    }

    /// How many values it is, with all inside it; and one more for every 64 bytes of a text.
    pub(crate) fn weight(&self) -> u32 {
        (self.node.next - self.at).saturating_add((self.node.end - self.node.start) / 64)
    }

    /// How many items or members it has.
    pub(crate) fn count(&self) -> u32 {
        self.node.count
    }

    /// The items of an array.
    pub(crate) fn items(&self) -> impl Iterator<Item = Value<'j>> + use<'j> {
        let (json, mut at, mut left) = (self.json, self.at + 1, self.node.count);
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let item = json.at(at)?;
            at = item.node.next;
            Some(item)
        })
    }

    /// The members of an object.
    pub(crate) fn members(&self) -> impl Iterator<Item = (Value<'j>, Value<'j>)> + use<'j> {
        let (json, mut at, mut left) = (self.json, self.at + 1, self.node.count);
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let name = json.at(at)?;
            let value = json.at(at + 1)?;
            at = value.node.next;
            Some((name, value))
        })
    }

    /// The member of a name.
    pub(crate) fn member(&self, name: &str) -> Option<Value<'j>> {
        self.members().find(|(key, _)| key.text() == name).map(|(_, value)| value)
    }
}

#[cfg(test)]
mod tests;
