//! Files of others in a mesh repository, YAML or JSON, as typed values with their places: OpenAPI descriptions.
//!
//! Unlike in documents of our own, a number and a text that looks like one are told apart here.

use crate::Diagnostic;
use crate::tree::{At, Located};
use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use std::fmt;
use std::sync::Arc;

/// A value and where it stands. Equal values print alike wherever they stand, so that a plan's hash follows the content.
#[derive(Clone)]
pub struct Data {
    /// The value.
    pub value: DataValue,
    /// Where it stands.
    pub at: At,
}

/// The name, relative to the repository, of what a file calls `written`. `None`: it leads out of the repository.
pub fn beside(file: &str, written: &str) -> Option<Arc<str>> {
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    if written.starts_with('/') || written.contains(['\\', ':']) {
        return None;
    }
    for part in written.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/").into())
}

/// A value of YAML or JSON.
#[derive(Debug, Clone)]
pub enum DataValue {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// A finite number in JSON's grammar.
    Number(Box<str>),
    /// A text.
    Text(Box<str>),
    /// A list.
    List(Vec<Data>),
    /// A map, in the order written, no key twice.
    Map(Vec<(DataKey, Data)>),
}

/// A key and where it stands.
#[derive(Clone)]
pub struct DataKey {
    /// The key.
    pub text: Box<str>,
    /// Where it stands.
    pub at: At,
}

/// One OpenAPI description, as it stands in the repository.
#[derive(Debug, Clone)]
pub struct SchemaFile {
    /// Its name, relative to the repository.
    pub name: Arc<str>,
    /// What is in it.
    pub root: Arc<Data>,
}

impl SchemaFile {
    /// Reads a description that stands alone.
    ///
    /// # Errors
    /// A message when it is no YAML or JSON, or not one document.
    pub fn read(name: &str, text: &str) -> Result<SchemaFile, String> {
        SchemaFile::parse(name.into(), text).map_err(|(_, message, _)| message)
    }

    /// As [`SchemaFile::read`], with a code for the error and its place.
    pub(crate) fn parse(name: Arc<str>, text: &str) -> Result<SchemaFile, (&'static str, String, At)> {
        let mut read: Vec<Data> = crate::tree::read(text).map_err(|(message, at)| ("not-yaml", message, at))?;
        match (read.pop(), read.is_empty()) {
            (Some(root), true) => Ok(SchemaFile { name, root: root.into() }),
            _ => {
                let start = At { line: 1, column: 1, width: 1 };
                Err(("bad-schema", "a file holds one OpenAPI description".to_owned(), start))
            }
        }
    }

    /// Whether a file of this name is an OpenAPI description, and no document of ours.
    pub fn is_named(name: &str) -> bool {
        [".openapi.yaml", ".openapi.yml", ".openapi.json"].iter().any(|ending| name.ends_with(ending))
    }

    /// An error about a place in it.
    pub fn error(&self, code: &'static str, at: At, message: String, help: impl Into<String>) -> Diagnostic {
        let At { line, column, width } = at;
        Diagnostic { code, file: self.name.clone(), line, column, width, message, help: help.into() }
    }
}

impl Data {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Data> {
        self.entries().iter().find(|(k, _)| *k.text == *key).map(|(_, value)| value)
    }

    /// The entries of a map; none of anything else.
    pub fn entries(&self) -> &[(DataKey, Data)] {
        if let DataValue::Map(entries) = &self.value { entries } else { &[] }
    }

    /// The items of a list; none of anything else.
    pub fn items(&self) -> &[Data] {
        if let DataValue::List(items) = &self.value { items } else { &[] }
    }

    /// A text.
    pub fn text(&self) -> Option<&str> {
        if let DataValue::Text(text) = &self.value { Some(text) } else { None }
    }
}

impl fmt::Debug for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.value, f)
    }
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl<'de> Deserialize<'de> for Data {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Data, D::Error> {
        let Located { value, mut at } = Located::<DataValue>::deserialize(deserializer)?;
        if let DataValue::Text(text) | DataValue::Number(text) = &value {
            at.width = width(text);
        }
        Ok(Data { value, at })
    }
}

fn width(text: &str) -> u32 {
    let characters = text.lines().next().map_or(1, |line| line.chars().count());
    u32::try_from(characters).unwrap_or(1).max(1)
}

impl<'de> Deserialize<'de> for DataValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DataValue, D::Error> {
        deserializer.deserialize_any(AnyData)
    }
}

struct AnyData;

impl<'de> Visitor<'de> for AnyData {
    type Value = DataValue;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<DataValue, E> {
        Ok(DataValue::Null)
    }

    fn visit_none<E>(self) -> Result<DataValue, E> {
        Ok(DataValue::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<DataValue, E> {
        Ok(DataValue::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<DataValue, E> {
        Ok(DataValue::Number(value.to_string().into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<DataValue, E> {
        Ok(DataValue::Number(value.to_string().into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<DataValue, E> {
        if !value.is_finite() {
            return Err(E::custom("a number is finite"));
        }
        Ok(DataValue::Number(value.to_string().into()))
    }

    fn visit_str<E>(self, value: &str) -> Result<DataValue, E> {
        Ok(DataValue::Text(value.into()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<DataValue, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(DataValue::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<DataValue, A::Error> {
        let mut map = Vec::new();
        while let Some(key) = entries.next_key::<Located<String>>()? {
            let at = At { width: width(&key.value), ..key.at };
            map.push((DataKey { at, text: key.value.into() }, entries.next_value()?));
        }
        Ok(DataValue::Map(map))
    }
}
