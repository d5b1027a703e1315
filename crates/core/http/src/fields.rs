//! Header fields in the order of arrival, names in one buffer and values in another.

use crate::HeadError;
use std::ops::Range;

/// Fields: names in lower case, values trimmed and without control characters.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    names: String,
    values: Vec<u8>,
    items: Vec<(Range<usize>, Range<usize>)>,
}

/// What most heads need, so that one is read with three allocations.
const USUAL_NAME_BYTES: usize = 256;
const USUAL_VALUE_BYTES: usize = 768;
const USUAL_FIELDS: usize = 16;

impl Fields {
    /// No fields, with room for those of a usual head.
    pub(crate) fn usual() -> Fields {
        Fields {
            names: String::with_capacity(USUAL_NAME_BYTES),
            values: Vec::with_capacity(USUAL_VALUE_BYTES),
            items: Vec::with_capacity(USUAL_FIELDS),
        }
    }

    /// Forgets all fields, and keeps the memory.
    pub fn clear(&mut self) {
        self.names.clear();
        self.values.clear();
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
        let name = std::str::from_utf8(name).map_err(|_| HeadError::FieldName)?;
        let value = trim(value);
        // Looked at to its end, without a way out: so the compiler takes many bytes at once.
        if value.iter().fold(false, |bad, b| bad | ((*b < 32) & (*b != b'\t')) | (*b == 127)) {
            return Err(HeadError::FieldValue);
        }
        let (name_at, value_at) = (self.names.len(), self.values.len());
        self.names.push_str(name);
        self.names.get_mut(name_at..).into_iter().for_each(str::make_ascii_lowercase);
        self.values.extend_from_slice(value);
        self.items.push((name_at..self.names.len(), value_at..self.values.len()));
        Ok(())
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.items.iter().map(|(name, value)| {
            (self.names.get(name.clone()).unwrap_or_default(), self.values.get(value.clone()).unwrap_or_default())
        })
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
        let names = &self.names;
        self.items.retain(|(name, _)| names.get(name.clone()).is_some_and(&mut keep));
    }

    /// How many fields there are.
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

/// Equal when the fields are; what was removed does not count.
impl PartialEq for Fields {
    fn eq(&self, other: &Fields) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Fields {}

/// Without the optional white space around it: spaces and tabs alone (RFC 9110 §5.6.3). A form feed is none.
pub(crate) fn trim(value: &[u8]) -> &[u8] {
    let blank = |b: &u8| matches!(b, b' ' | b'\t');
    let start = value.iter().position(|b| !blank(b)).unwrap_or(value.len());
    let end = value.iter().rposition(|b| !blank(b)).map_or(start, |at| at + 1);
    value.get(start..end).unwrap_or_default()
}

/// RFC 9110 §5.6.2.
#[inline]
pub(crate) fn is_token(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9')
        || matches!(
            byte,
            b'!' | b'#' | b'$' | b'%' | b'&' | b'\'' | b'*' | b'+' | b'-' | b'.' | b'^' | b'_' | b'`' | b'|' | b'~'
        )
}
