//! Header fields in the order of arrival, in one buffer that is reused from request to request.

use crate::HeadError;
use std::ops::Range;

/// Fields: names in lower case, values trimmed and without control characters.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    buffer: Vec<u8>,
    items: Vec<(Range<usize>, Range<usize>)>,
}

impl Fields {
    /// Forgets all fields, and keeps the memory.
    pub fn clear(&mut self) {
        self.buffer.clear();
        self.items.clear();
    }

    /// Adds a field as it was received (RFC 9110 §5).
    ///
    /// # Errors
    /// When the name is no token or the value has a control character.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeadError> {
        if name.is_empty() || !name.iter().all(|b| is_token(*b)) {
            return Err(HeadError::FieldName);
        }
        let value = value.trim_ascii();
        if value.iter().any(|b| (*b < 32 && *b != b'\t') || *b == 127) {
            return Err(HeadError::FieldValue);
        }
        let name_at = self.buffer.len();
        self.buffer.extend(name.iter().map(u8::to_ascii_lowercase));
        let value_at = self.buffer.len();
        self.buffer.extend_from_slice(value);
        self.items.push((name_at..value_at, value_at..self.buffer.len()));
        Ok(())
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.items.iter().map(|(name, value)| (self.text(name), self.buffer.get(value.clone()).unwrap_or_default()))
    }

    /// The values of a name, which is given in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(n, _)| *n == name).map(|(_, value)| value)
    }

    /// The value of a field that may occur once.
    ///
    /// # Errors
    /// [`HeadError::Repeated`] when it occurs more often.
    pub fn single<'a>(&'a self, name: &'a str) -> Result<Option<&'a [u8]>, HeadError> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() { Err(HeadError::Repeated) } else { Ok(first) }
    }

    /// Keeps the fields whose name passes.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        let buffer = &self.buffer;
        self.items.retain(|(name, _)| {
            let name = buffer.get(name.clone()).and_then(|name| std::str::from_utf8(name).ok());
            name.is_some_and(&mut keep)
        });
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    fn text(&self, range: &Range<usize>) -> &str {
        // INVARIANT: names are tokens, so they are ASCII.
        self.buffer.get(range.clone()).and_then(|name| std::str::from_utf8(name).ok()).unwrap_or_default()
    }
}

/// Equal when the fields are; what was removed does not count.
impl PartialEq for Fields {
    fn eq(&self, other: &Fields) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Fields {}

/// RFC 9110 §5.6.2.
pub(crate) fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
