//! Header fields in the order of arrival, kept as they will be written: `name: value CR LF`, one after the other.
//!
//! So a head is read with two allocations, and what is left of it after its hop is written in a few copies.

use crate::HeadError;
use crate::kind::{Kind, Kinds};

/// Fields: names in lower case, values trimmed and without control characters.
#[derive(Debug, Clone, Default)]
pub struct Fields {
    text: Vec<u8>,
    items: Vec<Item>,
    /// Kinds that may be among the items: removing one does not take its kind from here.
    seen: Kinds,
    /// Kinds that occurred more than once.
    repeated: Kinds,
}

/// Where a field is in the text.
#[derive(Debug, Clone, Copy)]
struct Item {
    at: u32,
    name: u32,
    value: u32,
    kind: Kind,
}

/// What most heads need.
const USUAL_BYTES: usize = 1024;
const USUAL_FIELDS: usize = 16;
/// `: ` after a name, and CR LF after a value.
const GLUE: &[u8; 2] = b": ";
const END: &[u8; 2] = b"\r\n";

impl Item {
    fn name<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        let start = self.at as usize;
        text.get(start..start + self.name as usize).unwrap_or_default()
    }

    fn value<'a>(&self, text: &'a [u8]) -> &'a [u8] {
        let start = self.at as usize + self.name as usize + GLUE.len();
        text.get(start..start + self.value as usize).unwrap_or_default()
    }

    /// Where the field begins and ends.
    fn bounds(&self) -> (usize, usize) {
        let start = self.at as usize;
        (start, start + self.name as usize + GLUE.len() + self.value as usize + END.len())
    }
}

impl Fields {
    /// No fields, with room for those of a usual head.
    pub(crate) fn usual() -> Fields {
        Fields {
            text: Vec::with_capacity(USUAL_BYTES),
            items: Vec::with_capacity(USUAL_FIELDS),
            seen: Kinds::default(),
            repeated: Kinds::default(),
        }
    }

    /// Forgets all fields, and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.items.clear();
        (self.seen, self.repeated) = (Kinds::default(), Kinds::default());
    }

    /// Adds a field as it was received (RFC 9110 §5).
    ///
    /// # Errors
    /// When the name is no token or the value has a control character.
    pub fn push(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeadError> {
        if name.is_empty() || !name.iter().all(|b| is_token(*b)) {
            return Err(HeadError::FieldName);
        }
        self.push_token(name, value)
    }

    /// As [`Fields::push`], for a name that is a token.
    pub(crate) fn push_token(&mut self, name: &[u8], value: &[u8]) -> Result<(), HeadError> {
        let value = trim(value);
        // Looked at to its end, without a way out: so the compiler takes many bytes at once.
        if value.iter().fold(false, |bad, b| bad | ((*b < 32) & (*b != b'\t')) | (*b == 127)) {
            return Err(HeadError::FieldValue);
        }
        let at = self.text.len();
        let size = name.len() + GLUE.len() + value.len() + END.len();
        if u32::try_from(at + size).is_err() {
            return Err(HeadError::TooLarge);
        }
        self.text.reserve(size);
        self.text.extend_from_slice(name);
        let name_here = self.text.get_mut(at..).unwrap_or_default();
        name_here.make_ascii_lowercase();
        let usual = |b: &u8| b.is_ascii_lowercase() | b.is_ascii_digit() | (*b == b'-');
        // Looked at to its end, like the value.
        let odd = name_here.iter().fold(false, |odd, b| odd | !usual(b));
        let kind = if odd { Kind::Odd } else { Kind::of(name_here) };
        self.text.extend_from_slice(GLUE);
        self.text.extend_from_slice(value);
        self.text.extend_from_slice(END);
        // All three were compared with the greatest `u32` above.
        self.items.push(Item { at: at as u32, name: name.len() as u32, value: value.len() as u32, kind });
        self.note(kind);
        Ok(())
    }

    fn note(&mut self, kind: Kind) {
        if self.seen.has(kind) {
            self.repeated.add(kind);
        }
        self.seen.add(kind);
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        // A token is ASCII.
        let text = |name| std::str::from_utf8(name).unwrap_or_default();
        self.items.iter().map(move |item| (text(item.name(&self.text)), item.value(&self.text)))
    }

    /// Kinds and names.
    pub(crate) fn kinds(&self) -> impl Iterator<Item = (Kind, &[u8])> {
        self.items.iter().map(|item| (item.kind, item.name(&self.text)))
    }

    /// The values of a name, which is given in lower case.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        let is_it = move |item: &&Item| item.name as usize == name.len() && item.name(&self.text) == name.as_bytes();
        self.items.iter().filter(is_it).map(|item| item.value(&self.text))
    }

    /// The values of a kind.
    pub(crate) fn all_of(&self, kind: Kind) -> impl Iterator<Item = &[u8]> {
        let items: &[Item] = if self.seen.has(kind) { &self.items } else { &[] };
        items.iter().filter(move |item| item.kind == kind).map(|item| item.value(&self.text))
    }

    /// The value of a field that may occur once.
    ///
    /// # Errors
    /// [`HeadError::Repeated`] when it occurs more often.
    pub fn single<'a>(&'a self, name: &'a str) -> Result<Option<&'a [u8]>, HeadError> {
        single(self.all(name))
    }

    /// The value of a kind that may occur once; as [`Fields::single`].
    pub(crate) fn single_of(&self, kind: Kind) -> Result<Option<&[u8]>, HeadError> {
        single(self.all_of(kind))
    }

    /// Whether some field that may occur once came more often.
    pub(crate) fn repeats_a_single(&self) -> bool {
        let singles = [Kind::Authorization, Kind::ContentType, Kind::Expect, Kind::Traceparent];
        singles.iter().any(|kind| self.repeated.has(*kind))
    }

    /// Keeps the fields whose name passes.
    pub fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.retain_kinds(|_, name| keep(std::str::from_utf8(name).unwrap_or_default()));
    }

    /// Keeps the fields whose kind and name pass.
    pub(crate) fn retain_kinds(&mut self, mut keep: impl FnMut(Kind, &[u8]) -> bool) {
        let text = &self.text;
        self.items.retain(|item| keep(item.kind, item.name(text)));
    }

    /// Appends the fields as they stand in a head. Those that still lie side by side are one copy.
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        let (mut start, mut end) = (0, 0);
        for item in &self.items {
            let (from, to) = item.bounds();
            if from != end {
                out.extend_from_slice(self.text.get(start..end).unwrap_or_default());
                start = from;
            }
            end = to;
        }
        out.extend_from_slice(self.text.get(start..end).unwrap_or_default());
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

fn single<'a>(mut values: impl Iterator<Item = &'a [u8]>) -> Result<Option<&'a [u8]>, HeadError> {
    let first = values.next();
    if values.next().is_some() { Err(HeadError::Repeated) } else { Ok(first) }
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

/// RFC 9110 §5.6.2, by byte: looked up once for each character of every name.
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        if let Some(slot) = table.split_at_mut(byte as usize).1.first_mut() {
            *slot = byte.is_ascii_alphanumeric()
                || matches!(
                    byte,
                    b'!' | b'#'
                        | b'$'
                        | b'%'
                        | b'&'
                        | b'\''
                        | b'*'
                        | b'+'
                        | b'-'
                        | b'.'
                        | b'^'
                        | b'_'
                        | b'`'
                        | b'|'
                        | b'~'
                );
        }
        byte += 1;
    }
    table
};

/// Whether a byte may stand in a token.
#[inline]
pub(crate) fn is_token(byte: u8) -> bool {
    TOKEN.get(usize::from(byte)).copied().unwrap_or_default()
}
