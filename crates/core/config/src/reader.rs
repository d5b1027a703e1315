//! Reading a tree with known keys: every error is noted, none stops the reading of the rest.

use crate::Diagnostic;
use crate::lines::Lines;
use crate::tree::{At, Key, Node, Value};
use std::fmt::Display;
use std::sync::Arc;

/// A value with the place where it was written.
#[derive(Debug, Clone)]
pub(crate) struct Placed<T> {
    pub(crate) value: T,
    pub(crate) file: Arc<str>,
    pub(crate) at: At,
}

impl<T> Placed<T> {
    /// An error about this value.
    pub(crate) fn error(&self, code: &'static str, message: String, help: impl Into<String>) -> Diagnostic {
        diagnostic(code, &self.file, self.at, message, help.into())
    }
}

/// A map with keys that are values: how errors call it.
pub(crate) struct Keyed<'a> {
    /// The map, such as "`issuers`".
    pub(crate) what: &'a str,
    /// Its entries, such as "a name to an issuer".
    pub(crate) entries: &'a str,
    /// A key, such as "name of an issuer".
    pub(crate) key: &'a str,
    /// What to write.
    pub(crate) help: &'a str,
}

/// Notes errors for one file.
pub(crate) struct Reader<'a> {
    pub(crate) file: Arc<str>,
    /// The whole file.
    pub(crate) lines: &'a Lines<'a>,
    pub(crate) found: &'a mut Vec<Diagnostic>,
}

fn diagnostic(code: &'static str, file: &Arc<str>, at: At, message: String, help: String) -> Diagnostic {
    Diagnostic { code, file: file.clone(), line: at.line, column: at.column, width: at.width, message, help }
}

impl Reader<'_> {
    pub(crate) fn error(&mut self, code: &'static str, at: At, message: String, help: impl Into<String>) {
        self.found.push(diagnostic(code, &self.file, at, message, help.into()));
    }

    pub(crate) fn placed<T>(&self, value: T, at: At) -> Placed<T> {
        Placed { value, file: self.file.clone(), at }
    }

    /// Opens a map whose keys are all known; unknown ones are errors, since a setting that is not enforced must not
    /// look as if it were.
    pub(crate) fn map<'n>(&mut self, node: &'n Node, what: &str, known: &[&str]) -> Option<Map<'n>> {
        let Value::Map(entries) = &node.value else {
            self.error(
                "wrong-type",
                node.at,
                format!("{what} is a map of keys"),
                format!("its keys are: {}", known.join(", ")),
            );
            return None;
        };
        for (key, _) in entries {
            if !known.contains(&key.text.as_str()) {
                let help = match nearest(&key.text, known.iter().copied()) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => format!("the keys of {what} are: {}", known.join(", ")),
                };
                self.error("unknown-key", key.at, format!("{what} has no key `{}`", key.text), help);
            }
        }
        Some(Map { entries, at: node.at, what: what.to_owned() })
    }

    /// The entries of a map whose keys are values themselves. A key that is none is an error, and its entry is left out.
    pub(crate) fn entries<'n, T, E: Display>(
        &mut self,
        node: &'n Node,
        of: &Keyed<'_>,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Vec<(Placed<T>, &'n Node)> {
        let Value::Map(entries) = &node.value else {
            self.error("wrong-type", node.at, format!("{} is a map from {}", of.what, of.entries), of.help);
            return Vec::new();
        };
        let mut found = Vec::new();
        for (key, node) in entries {
            match parse(&key.text) {
                Ok(value) => found.push((self.placed(value, key.at), node)),
                Err(error) => {
                    let message = format!("`{}` is no {}", key.text, of.key);
                    self.error("bad-value", key.at, message, error.to_string());
                }
            }
        }
        found
    }

    /// The key's value, which must be there.
    pub(crate) fn required<'n>(&mut self, map: &Map<'n>, key: &str) -> Option<&'n Node> {
        let found = map.get(key);
        if found.is_none() {
            self.error("missing-key", map.at, format!("{} needs `{key}`", map.what), format!("add `{key}: …`"));
        }
        found
    }

    /// Text, parsed.
    pub(crate) fn parse<T, E: Display>(
        &mut self,
        node: &Node,
        what: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<T> {
        let Value::Text(text) = &node.value else {
            self.error(
                "wrong-type",
                node.at,
                format!("{what} is a text"),
                "write a single value, in quotes if need be",
            );
            return None;
        };
        match parse(text) {
            Ok(value) => Some(value),
            Err(error) => {
                self.error("bad-value", node.at, format!("`{text}` is no {what}"), error.to_string());
                None
            }
        }
    }

    /// As [`Reader::parse`], keeping the place.
    pub(crate) fn place<T, E: Display>(
        &mut self,
        node: &Node,
        what: &str,
        parse: impl Fn(&str) -> Result<T, E>,
    ) -> Option<Placed<T>> {
        let value = self.parse(node, what, parse)?;
        Some(self.placed(value, node.at))
    }

    /// The items of a list that is not empty.
    pub(crate) fn list<'n>(&mut self, node: &'n Node, what: &str) -> &'n [Node] {
        match &node.value {
            Value::List(items) if !items.is_empty() => items,
            _ => {
                self.error(
                    "wrong-type",
                    node.at,
                    format!("{what} is a list with at least one item"),
                    "write it as `[a, b]`",
                );
                &[]
            }
        }
    }

    /// A list of parsed texts; `None` when the key is absent.
    pub(crate) fn texts<T, E: Display>(
        &mut self,
        map: &Map<'_>,
        key: &str,
        parse: impl Fn(&str) -> Result<T, E> + Copy,
    ) -> Option<Vec<Placed<T>>> {
        let node = map.get(key)?;
        Some(self.list(node, &format!("`{key}`")).iter().filter_map(|item| self.place(item, key, parse)).collect())
    }
}

/// A map whose keys were checked.
pub(crate) struct Map<'n> {
    entries: &'n [(Key, Node)],
    pub(crate) at: At,
    what: String,
}

impl<'n> Map<'n> {
    /// The value of a key; an explicit null counts as absent.
    pub(crate) fn get(&self, key: &str) -> Option<&'n Node> {
        let entry = self.entries.iter().find(|(k, _)| k.text == key)?;
        (!matches!(entry.1.value, Value::Null)).then_some(&entry.1)
    }
}

/// The name that was probably meant.
pub(crate) fn nearest<'n>(text: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let scored = names.map(|name| (strsim::damerau_levenshtein(&text.to_lowercase(), &name.to_lowercase()), name));
    scored.filter(|(distance, name)| *distance <= 1 + name.len() / 4).min().map(|(_, name)| name)
}
