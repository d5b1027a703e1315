//! The canonical path: the one form that is routed, decided, inspected, recorded and sent upstream.
//!
//! Every spelling that servers are known to read in two ways is refused; every other spelling of one path gives the
//! same text. What is ambiguous is never repaired (CVE-2021-31920 and its family).

use std::fmt;

/// A path in canonical form (RFC 3986 §6.2.2): unreserved characters and delimiters decoded, other escapes in upper
/// case, dot segments resolved, slashes not doubled. It begins with `/`, and has no query.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct CanonicalPath(Box<str>);

/// Why a path has no canonical form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// No leading `/`.
    #[error("a path begins with `/`")]
    NoSlash,
    /// A byte that RFC 3986 §3.3 does not permit unescaped, or one that servers read in two ways: `\` and `;`.
    #[error("the byte 0x{0:02x} may not stand in a path")]
    Character(u8),
    /// A `%` without two hexadecimal digits.
    #[error("a `%` is followed by two hexadecimal digits")]
    Escape,
    /// An escape of `/`, `\`, `;` or a control character.
    #[error("the byte 0x{0:02x} may not be escaped in a path")]
    Escaped(u8),
    /// An escaped `%` before two hexadecimal digits, which a second decoding would read as another path.
    #[error("the path is escaped twice")]
    EscapedTwice,
    /// Escapes that are not UTF-8, such as overlong forms.
    #[error("the escapes of the path are not UTF-8")]
    NotUtf8,
    /// `..` after a doubled slash: whether it goes back over nothing or over a segment differs between servers.
    #[error("`..` follows a doubled slash")]
    ParentOfNothing,
    /// `..` above the root.
    #[error("the path leads above its root")]
    AboveRoot,
    /// Readable, but written in another than the canonical form, where that form is asked for.
    #[error("it is not in canonical form")]
    NotCanonical,
}

impl CanonicalPath {
    /// Finds the canonical form of a raw path, without its query.
    ///
    /// # Errors
    /// When the path is malformed, or can be read in two ways.
    pub fn parse(raw: &str) -> Result<CanonicalPath, PathError> {
        let body = raw.strip_prefix('/').ok_or(PathError::NoSlash)?;
        if is_canonical(body) {
            return Ok(CanonicalPath(raw.into()));
        }
        let mut kept: Vec<String> = Vec::new();
        // Whether the path ends in a slash: after the last segment, nothing, `.` or `..` stand for a directory.
        let mut directory = false;
        // Whether a slash was doubled: the segment that it makes is nothing to us, and something to RFC 3986 §5.2.4.
        let mut doubled = false;
        for segment in body.split('/') {
            let segment = canonical_segment(segment)?;
            directory = matches!(segment.as_str(), "" | "." | "..");
            match segment.as_str() {
                ".." if doubled => return Err(PathError::ParentOfNothing),
                "" | "." => doubled |= segment.is_empty(),
                ".." => drop(kept.pop().ok_or(PathError::AboveRoot)?),
                _ => kept.push(segment),
            }
        }
        let mut text = String::with_capacity(raw.len());
        for segment in &kept {
            text.push('/');
            text.push_str(segment);
        }
        if directory {
            text.push('/');
        }
        Ok(CanonicalPath(text.into()))
    }

    /// The path as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Whether a path without its leading slash is in canonical form already, as most are: nothing escaped, no dot segment,
/// no doubled slash.
fn is_canonical(body: &str) -> bool {
    let mut segments = body.split('/').peekable();
    while let Some(segment) = segments.next() {
        let ends_in_slash = segment.is_empty() && segments.peek().is_none();
        if !ends_in_slash && (matches!(segment, "" | "." | "..") || !segment.bytes().all(plain)) {
            return false;
        }
    }
    true
}

fn canonical_segment(raw: &str) -> Result<String, PathError> {
    let mut decoded: Vec<u8> = Vec::with_capacity(raw.len());
    let mut text = String::with_capacity(raw.len());
    let mut bytes = raw.bytes();
    while let Some(byte) = bytes.next() {
        let value = match byte {
            b'%' => escaped(bytes.next(), bytes.next())?,
            _ if plain(byte) => byte,
            _ => return Err(PathError::Character(byte)),
        };
        decoded.push(value);
        if plain(value) {
            text.push(char::from(value));
        } else {
            push_escape(&mut text, value);
        }
    }
    if std::str::from_utf8(&decoded).is_err() {
        return Err(PathError::NotUtf8);
    }
    if escaped_twice(&decoded) {
        return Err(PathError::EscapedTwice);
    }
    Ok(text)
}

/// The value of an escape, unless it is one that servers disagree about.
fn escaped(high: Option<u8>, low: Option<u8>) -> Result<u8, PathError> {
    let digit = |byte: Option<u8>| byte.and_then(|b| char::from(b).to_digit(16)).ok_or(PathError::Escape);
    let value = u8::try_from(digit(high)? * 16 + digit(low)?).map_err(|_| PathError::Escape)?;
    match value {
        b'/' | b'\\' | b';' | 0..=31 | 127 => Err(PathError::Escaped(value)),
        _ => Ok(value),
    }
}

/// RFC 3986 §3.3 `pchar`, less `;`, whose meaning differs between servers.
fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(
            byte,
            b'-' | b'.'
                | b'_'
                | b'~'
                | b'!'
                | b'$'
                | b'&'
                | b'\''
                | b'('
                | b')'
                | b'*'
                | b'+'
                | b','
                | b'='
                | b':'
                | b'@'
        )
}

fn escaped_twice(decoded: &[u8]) -> bool {
    decoded.windows(3).any(|w| matches!(w, [b'%', high, low] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit()))
}

fn push_escape(text: &mut String, value: u8) {
    let digit = |nibble: u8| char::from_digit(u32::from(nibble), 16).unwrap_or('0').to_ascii_uppercase();
    text.push('%');
    text.push(digit(value >> 4));
    text.push(digit(value & 15));
}

impl fmt::Display for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for CanonicalPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

#[cfg(test)]
mod tests;
