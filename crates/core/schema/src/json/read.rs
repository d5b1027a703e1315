//! Reading a JSON text (RFC 8259), iteratively: a deep text cannot use up a stack.

use super::number::is_held;
use super::text::unescape;
use super::{Json, JsonError, JsonLimits, Kind, Node};
use std::borrow::Cow;

/// Objects of up to so many members are compared pair by pair, larger ones by sorting their names.
const PAIRWISE_MAX: u32 = 12;
/// Bytes of text for each value, in a usual body: for the first allocation.
const BYTES_PER_VALUE: usize = 12;

/// An array or object that is open.
#[derive(Clone, Copy)]
struct Open {
    node: u32,
    count: u32,
    is_object: bool,
}

struct Reader<'a, 'l> {
    text: &'a str,
    bytes: &'a [u8],
    at: usize,
    nodes: Vec<Node>,
    open: Vec<Open>,
    limits: &'l JsonLimits,
}

/// Reads a whole JSON text.
///
/// # Errors
/// When it breaks the grammar, is over a limit, or two parsers could read it differently.
pub fn parse<'a>(bytes: &'a [u8], limits: &JsonLimits) -> Result<Json<'a>, JsonError> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(JsonError::ByteOrderMark);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| JsonError::NotUtf8)?;
    // Places are 32 bits wide.
    if u32::try_from(text.len()).is_err() {
        return Err(JsonError::StringLength);
    }
    let nodes = Vec::with_capacity((text.len() / BYTES_PER_VALUE + 4).min(limits.values_max as usize));
    let mut reader = Reader { text, bytes, at: 0, nodes, open: Vec::new(), limits };
    reader.whole()?;
    Ok(Json { text, nodes: reader.nodes })
}

impl Reader<'_, '_> {
    fn whole(&mut self) -> Result<(), JsonError> {
        loop {
            self.blank();
            // A value is due here; an opened array or object may close at once.
            if self.value()? {
                continue;
            }
            if !self.after_value()? {
                break;
            }
        }
        self.blank();
        if self.at == self.bytes.len() { Ok(()) } else { Err(JsonError::Grammar) }
    }

    /// Reads a value; `true` when it is open and its first item is due.
    fn value(&mut self) -> Result<bool, JsonError> {
        let start = self.at;
        match self.peek() {
            b'{' | b'[' => return self.enter(),
            b'"' => self.string()?,
            b't' => self.word("true", Kind::True)?,
            b'f' => self.word("false", Kind::False)?,
            b'n' => self.word("null", Kind::Null)?,
            b'-' | b'0'..=b'9' => {
                self.number()?;
                self.push(Kind::Number, start, self.at)?;
            }
            _ => return Err(JsonError::Grammar),
        }
        Ok(false)
    }

    /// Goes past `,` and closing brackets; `true` when another value is due.
    fn after_value(&mut self) -> Result<bool, JsonError> {
        loop {
            let Some(open) = self.open.last_mut() else { return Ok(false) };
            open.count += 1;
            let open = *open;
            if open.is_object && open.count > self.limits.members_max {
                return Err(JsonError::Members);
            }
            self.blank();
            match self.peek() {
                b',' => {
                    self.at += 1;
                    if open.is_object {
                        self.blank();
                        self.name()?;
                    }
                    return Ok(true);
                }
                b'}' if open.is_object => self.close(open)?,
                b']' if !open.is_object => self.close(open)?,
                _ => return Err(JsonError::Grammar),
            }
        }
    }

    fn enter(&mut self) -> Result<bool, JsonError> {
        let is_object = self.peek() == b'{';
        if self.open.len() >= self.limits.depth_max as usize {
            return Err(JsonError::Depth);
        }
        let node = self.nodes.len() as u32;
        self.push(if is_object { Kind::Object } else { Kind::Array }, self.at, self.at)?;
        self.at += 1;
        self.blank();
        let open = Open { node, count: 0, is_object };
        let closing = if is_object { b'}' } else { b']' };
        if self.peek() == closing {
            self.open.push(open);
            self.close(open)?;
            return Ok(false);
        }
        self.open.push(open);
        if is_object {
            self.name()?;
        }
        Ok(true)
    }

    fn close(&mut self, open: Open) -> Result<(), JsonError> {
        self.at += 1;
        self.open.pop();
        let (next, end) = (self.nodes.len() as u32, self.at as u32);
        if let Some(node) = self.nodes.get_mut(open.node as usize) {
            (node.next, node.count, node.end) = (next, open.count, end);
        }
        if open.is_object { self.unique(open) } else { Ok(()) }
    }

    /// A member's name and the colon after it.
    fn name(&mut self) -> Result<(), JsonError> {
        if self.peek() != b'"' {
            return Err(JsonError::Grammar);
        }
        self.string()?;
        self.blank();
        if self.peek() != b':' {
            return Err(JsonError::Grammar);
        }
        self.at += 1;
        Ok(())
    }

    fn string(&mut self) -> Result<(), JsonError> {
        let start = self.at + 1;
        let (mut at, mut escaped) = (start, false);
        loop {
            match self.bytes.get(at).copied().unwrap_or_default() {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    at += self.escape(at)?;
                }
                // Control characters, and the end.
                0..=0x1f => return Err(JsonError::Grammar),
                _ => at += 1,
            }
        }
        if at - start > self.limits.string_bytes_max as usize {
            return Err(JsonError::StringLength);
        }
        self.at = at + 1;
        self.push(Kind::Text(escaped), start, at)
    }

    /// How long the escape at `at` is. Surrogates come in pairs: half of one is no character.
    fn escape(&self, at: usize) -> Result<usize, JsonError> {
        match self.bytes.get(at + 1).copied().unwrap_or_default() {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Ok(2),
            b'u' => match self.unit(at)? {
                0xd800..=0xdbff => match self.unit(at + 6) {
                    Ok(0xdc00..=0xdfff) => Ok(12),
                    Ok(_) | Err(_) => Err(JsonError::Surrogate),
                },
                0xdc00..=0xdfff => Err(JsonError::Surrogate),
                _ => Ok(6),
            },
            _ => Err(JsonError::Grammar),
        }
    }

    /// The value of `\uXXXX` at `at`.
    fn unit(&self, at: usize) -> Result<u16, JsonError> {
        let escape = self.bytes.get(at..at + 6).and_then(|escape| escape.strip_prefix(b"\\u"));
        let digits = escape.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit)).ok_or(JsonError::Grammar)?;
        let digits = std::str::from_utf8(digits).map_err(|_| JsonError::Grammar)?;
        u16::from_str_radix(digits, 16).map_err(|_| JsonError::Grammar)
    }

    fn number(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        self.at += usize::from(self.peek() == b'-');
        match self.peek() {
            b'0' => self.at += 1,
            b'1'..=b'9' => self.digits()?,
            _ => return Err(JsonError::Grammar),
        }
        if self.peek() == b'.' {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), b'e' | b'E') {
            self.at += 1;
            self.at += usize::from(matches!(self.peek(), b'+' | b'-'));
            self.digits()?;
        }
        let text = self.text.get(start..self.at).unwrap_or_default();
        if text.len() > self.limits.number_chars_max as usize || !is_held(text) {
            return Err(JsonError::Number);
        }
        Ok(())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let start = self.at;
        while self.peek().is_ascii_digit() {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(JsonError::Grammar) }
    }

    fn word(&mut self, word: &str, kind: Kind) -> Result<(), JsonError> {
        let start = self.at;
        if !self.bytes.get(start..).is_some_and(|rest| rest.starts_with(word.as_bytes())) {
            return Err(JsonError::Grammar);
        }
        self.at += word.len();
        self.push(kind, start, self.at)
    }

    fn push(&mut self, kind: Kind, start: usize, end: usize) -> Result<(), JsonError> {
        let next = self.nodes.len() as u32 + 1;
        if next > self.limits.values_max {
            return Err(JsonError::Values);
        }
        self.nodes.push(Node { kind, start: start as u32, end: end as u32, next, count: 0 });
        Ok(())
    }

    /// Whether no name of an object occurs twice, however it is written.
    fn unique(&self, open: Open) -> Result<(), JsonError> {
        let (mut at, mut names) = (open.node + 1, Vec::new());
        if open.count > 1 {
            names.reserve_exact(open.count as usize);
        }
        for _ in 0..open.count {
            let (Some(name), Some(value)) = (self.nodes.get(at as usize), self.nodes.get(at as usize + 1)) else {
                break;
            };
            let raw = self.text.get(name.start as usize..name.end as usize).unwrap_or_default();
            let name = if name.kind == Kind::Text(true) { Cow::Owned(unescape(raw)) } else { Cow::Borrowed(raw) };
            if open.count <= PAIRWISE_MAX && names.contains(&name) {
                return Err(JsonError::Repeated);
            }
            names.push(name);
            at = value.next;
        }
        if open.count > PAIRWISE_MAX {
            names.sort_unstable();
            if names.array_windows().any(|[a, b]| a == b) {
                return Err(JsonError::Repeated);
            }
        }
        Ok(())
    }

    fn blank(&mut self) {
        while matches!(self.peek(), b' ' | b'\t' | b'\n' | b'\r') {
            self.at += 1;
        }
    }

    /// The next byte; zero, which begins nothing, at the end.
    fn peek(&self) -> u8 {
        self.bytes.get(self.at).copied().unwrap_or_default()
    }
}
