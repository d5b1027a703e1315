//! Strict JSON objects: a key that stands twice, at any level, is an error, since two readers would take different
//! values (RFC 7515 §4, RFC 7519 §4, RFC 7517 §4).

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// Objects and lists inside one another (THREATS).
const DEPTH_MAX: usize = 64;

/// A JSON object in which no key stands twice, nor in any object below.
pub(crate) type Object = Map<String, Value>;

/// A value is there, and is no text.
#[derive(Debug)]
pub(crate) struct NotText;

/// Reads an object that is the whole of `bytes`.
pub(crate) fn object(bytes: &[u8]) -> Option<Object> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let value = Node { depth_max: DEPTH_MAX }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    match value {
        Value::Object(object) => Some(object),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => None,
    }
}

/// The text at a key; none when the key is absent. Anything else there is an error: it is never read as absent.
pub(crate) fn text<'a>(object: &'a Object, key: &str) -> Result<Option<&'a str>, NotText> {
    object.get(key).map(|value| value.as_str().ok_or(NotText)).transpose()
}

/// A value that has at most so many objects and lists inside one another.
#[derive(Clone, Copy)]
struct Node {
    depth_max: usize,
}

impl Node {
    fn below<E: Error>(self) -> Result<Node, E> {
        let depth_max = self.depth_max.checked_sub(1).ok_or_else(|| E::custom("too deep"))?;
        Ok(Node { depth_max })
    }
}

impl<'de> DeserializeSeed<'de> for Node {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(below)? {
            list.push(item);
        }
        Ok(Value::Array(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let below = self.below()?;
        let mut object = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            if object.insert(key, entries.next_value_seed(below)?).is_some() {
                return Err(A::Error::custom("a key stands twice"));
            }
        }
        Ok(Value::Object(object))
    }
}
