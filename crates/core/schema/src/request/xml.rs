//! The structure of an XML body: well-formed tags within limits, and no document type, so that nothing is expanded and
//! nothing is fetched. Its content is not held against a schema.

/// Elements within elements.
const DEPTH_MAX: usize = 64;
/// Elements in all.
const ELEMENTS_MAX: usize = 100_000;
/// Attributes of one element.
const ATTRIBUTES_MAX: usize = 64;
/// Bytes of a name.
const NAME_BYTES_MAX: usize = 256;

struct Reader<'t> {
    rest: &'t str,
    open: Vec<&'t str>,
    elements: usize,
}

/// Whether the text is XML that is accepted.
///
/// # Errors
/// What is wrong.
pub(crate) fn check(bytes: &[u8]) -> Result<(), &'static str> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err("begins with a byte order mark");
    }
    let text = std::str::from_utf8(bytes).map_err(|_| "is not UTF-8")?;
    // XML 1.0 §2.2.
    if text.contains(|c: char| (c < ' ' && !matches!(c, '\t' | '\n' | '\r')) || matches!(c, '\u{fffe}' | '\u{ffff}')) {
        return Err("has a character that XML has not");
    }
    let mut reader = Reader { rest: text, open: Vec::new(), elements: 0 };
    reader.declaration()?;
    while !reader.rest.is_empty() {
        reader.step()?;
    }
    if reader.elements == 0 || !reader.open.is_empty() { Err(BROKEN) } else { Ok(()) }
}

const BROKEN: &str = "is not XML";

impl<'t> Reader<'t> {
    /// `<?xml … ?>`, whose encoding could be another than that which is read here.
    fn declaration(&mut self) -> Result<(), &'static str> {
        let rest = self.rest.strip_prefix("<?xml").filter(|rest| rest.starts_with([' ', '\t', '\r', '\n']));
        let Some(rest) = rest else { return Ok(()) };
        let (inner, rest) = rest.split_once("?>").ok_or(BROKEN)?;
        let lower = inner.to_ascii_lowercase();
        if lower.contains("encoding") && !lower.contains("\"utf-8\"") && !lower.contains("'utf-8'") {
            return Err("is in a character set other than utf-8");
        }
        self.rest = rest;
        Ok(())
    }

    fn step(&mut self) -> Result<(), &'static str> {
        let (text, rest) = self.rest.split_at(self.rest.find('<').unwrap_or(self.rest.len()));
        self.text(text)?;
        self.rest = rest;
        if let Some(rest) = rest.strip_prefix("<!--") {
            let (comment, rest) = rest.split_once("-->").ok_or(BROKEN)?;
            self.rest = rest;
            return if comment.contains("--") { Err(BROKEN) } else { Ok(()) };
        }
        if let Some(rest) = rest.strip_prefix("<![CDATA[") {
            self.rest = rest.split_once("]]>").ok_or(BROKEN)?.1;
            return if self.open.is_empty() { Err(BROKEN) } else { Ok(()) };
        }
        if rest.starts_with("<!") {
            return Err("has a document type, which is not accepted");
        }
        if rest.starts_with("<?") {
            return Err("has a processing instruction, which is not accepted");
        }
        if let Some(rest) = rest.strip_prefix("</") {
            let (name, rest) = rest.split_once('>').ok_or(BROKEN)?;
            self.rest = rest;
            return if self.open.pop() == Some(name.trim_end()) { Ok(()) } else { Err(BROKEN) };
        }
        if rest.is_empty() { Ok(()) } else { self.element() }
    }

    fn element(&mut self) -> Result<(), &'static str> {
        let body = self.rest.strip_prefix('<').ok_or(BROKEN)?;
        let (name, mut rest) = name(body)?;
        self.elements += 1;
        if (self.open.is_empty() && self.elements > 1) || self.elements > ELEMENTS_MAX {
            return Err(if self.open.is_empty() { BROKEN } else { "has too many elements" });
        }
        let mut attributes: Vec<&str> = Vec::new();
        loop {
            let trimmed = rest.trim_start();
            if let Some(after) = trimmed.strip_prefix("/>") {
                self.rest = after;
                return Ok(());
            }
            if let Some(after) = trimmed.strip_prefix('>') {
                self.rest = after;
                break;
            }
            if trimmed.len() == rest.len() {
                return Err(BROKEN);
            }
            let (attribute, after) = self::name(trimmed)?;
            let after = after.trim_start().strip_prefix('=').ok_or(BROKEN)?.trim_start();
            let quote = after.chars().next().filter(|c| matches!(c, '"' | '\'')).ok_or(BROKEN)?;
            let (value, after) = after.get(1..).and_then(|after| after.split_once(quote)).ok_or(BROKEN)?;
            if value.contains('<') || attributes.contains(&attribute) {
                return Err(BROKEN);
            }
            entities(value)?;
            attributes.push(attribute);
            if attributes.len() > ATTRIBUTES_MAX {
                return Err("has an element with too many attributes");
            }
            rest = after;
        }
        self.open.push(name);
        if self.open.len() > DEPTH_MAX { Err("is nested too deeply") } else { Ok(()) }
    }

    fn text(&self, text: &str) -> Result<(), &'static str> {
        if self.open.is_empty() && !text.trim().is_empty() {
            return Err(BROKEN);
        }
        if text.contains("]]>") { Err(BROKEN) } else { entities(text) }
    }
}

fn name(text: &str) -> Result<(&str, &str), &'static str> {
    let inner = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    let (name, rest) = text.split_at(text.find(|c| !inner(c)).unwrap_or(text.len()));
    let begins = name.chars().next().is_some_and(|c| c.is_alphabetic() || matches!(c, '_' | ':'));
    if begins && name.len() <= NAME_BYTES_MAX { Ok((name, rest)) } else { Err(BROKEN) }
}

/// The five entities that need no document type, and characters by number (XML 1.0 §4.6, §4.1).
fn entities(text: &str) -> Result<(), &'static str> {
    for part in text.split('&').skip(1) {
        let (name, _) = part.split_once(';').ok_or(BROKEN)?;
        let number = name.strip_prefix('#').map(|digits| match digits.strip_prefix('x') {
            // No sign may stand before the digits.
            Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => u32::from_str_radix(hex, 16).ok(),
            None if digits.bytes().all(|b| b.is_ascii_digit()) => digits.parse().ok(),
            Some(_) | None => None,
        });
        let known = match number {
            Some(number) => number.and_then(char::from_u32).is_some_and(|c| c >= ' ' || "\t\n\r".contains(c)),
            None => matches!(name, "amp" | "lt" | "gt" | "apos" | "quot"),
        };
        if !known {
            return Err("names an entity that is not accepted");
        }
    }
    Ok(())
}
