//! YAML as a tree of values with their places: the only file that knows the YAML library.

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::{Location, Spanned};
use std::fmt;

/// A place in a file: line and column from 1, and how many characters it spans.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// How many characters it spans, at least 1.
    pub width: u32,
}

/// A value of any type and where it stands.
pub(crate) struct Located<T> {
    pub(crate) value: T,
    pub(crate) at: At,
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Located<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Located<T>, D::Error> {
        let spanned = Spanned::<T>::deserialize(deserializer)?;
        Ok(Located { at: at(spanned.referenced, 1), value: spanned.value })
    }
}

/// A value and where it stands.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) value: Value,
    pub(crate) at: At,
}

/// A YAML value. Numbers keep their text, since the reader knows what they should be.
#[derive(Debug)]
pub(crate) enum Value {
    Null,
    Bool(bool),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

/// A key and where it stands.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) text: String,
    pub(crate) at: At,
}

/// Reads every document of a YAML file. Sizes, depth and aliases are bounded by the library's budget.
///
/// # Errors
/// The library's message and the place, when the text is not YAML.
pub(crate) fn documents(text: &str) -> Result<Vec<Node>, (String, At)> {
    read(text)
}

/// As [`documents`], into a type that reads itself.
pub(crate) fn read<T: serde::de::DeserializeOwned>(text: &str) -> Result<Vec<T>, (String, At)> {
    serde_saphyr::from_multiple::<T>(text).map_err(|error| {
        let at = error.location().map_or(At { line: 1, column: 1, width: 1 }, |location| at(location, 1));
        let message = error.without_snippet().to_string();
        (message.lines().next().unwrap_or_default().to_owned(), at)
    })
}

fn at(location: Location, width: usize) -> At {
    let number = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).max(1);
    At { line: number(location.line()), column: number(location.column()), width: number(width as u64) }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Node, D::Error> {
        let spanned = Spanned::<Value>::deserialize(deserializer)?;
        let width = match &spanned.value {
            Value::Text(text) => text.lines().next().map_or(1, |line| line.chars().count()),
            Value::Bool(_) => 4,
            Value::Null | Value::List(_) | Value::Map(_) => 1,
        };
        Ok(Node { at: at(spanned.referenced, width), value: spanned.value })
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(AnyValue)
    }
}

struct AnyValue;

impl<'de> Visitor<'de> for AnyValue {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Text(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(Value::Text(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Spanned<String>>()? {
            let width = key.value.chars().count();
            map.push((Key { at: at(key.referenced, width), text: key.value }, entries.next_value()?));
        }
        Ok(Value::Map(map))
    }
}
