//! Limits on a Cedar text before Cedar reads it: parsers and checkers recurse as deep as a text nests.

use std::ops::Range;

/// Brackets within brackets.
const DEPTH_MAX: usize = 32;
/// Tokens of one expression or policy, roughly: a chain of `&&` or `.` is as deep a tree as it is long.
const TOKENS_MAX: usize = 2_000;
/// Policies in a file.
const POLICIES_MAX: usize = 1_000;

/// Why a text is not read at all, and where.
pub(super) struct Exceeded {
    pub(super) at: Range<usize>,
    pub(super) message: String,
}

/// Checks a text with any number of policies, or one expression.
pub(super) fn check(text: &str) -> Result<(), Exceeded> {
    let (mut depth, mut tokens, mut policies) = (0_usize, 0_usize, 0_usize);
    let mut scan = Scan { text, at: 0 };
    while let Some((at, token)) = scan.next() {
        match token {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ';' => (tokens, policies) = (0, policies + 1),
            _ => {}
        }
        tokens += 1;
        let message = match (depth > DEPTH_MAX, tokens > TOKENS_MAX, policies > POLICIES_MAX) {
            (true, _, _) => format!("this is more than {DEPTH_MAX} brackets deep"),
            (_, true, _) => format!("this has more than {TOKENS_MAX} words and signs"),
            (_, _, true) => format!("a file has at most {POLICIES_MAX} policies"),
            (false, false, false) => continue,
        };
        return Err(Exceeded { at: at..at + token.len_utf8(), message });
    }
    Ok(())
}

/// Walks over tokens: a word, a literal text, or one sign each. Comments and space are passed over.
struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl Scan<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip(&mut self, while_: impl Fn(char) -> bool) {
        let rest = self.rest();
        self.at += rest.find(|c| !while_(c)).unwrap_or(rest.len());
    }

    /// Passes over a text in quotes, from after the first.
    fn skip_text(&mut self) {
        let mut escaped = false;
        for c in self.rest().to_owned().chars() {
            self.at += c.len_utf8();
            match (escaped, c) {
                (false, '"') => return,
                (false, '\\') => escaped = true,
                _ => escaped = false,
            }
        }
    }

    /// The place and first character of the next token.
    fn next(&mut self) -> Option<(usize, char)> {
        loop {
            self.skip(char::is_whitespace);
            if !self.rest().starts_with("//") {
                break;
            }
            self.skip(|c| c != '\n');
        }
        let (at, first) = (self.at, self.rest().chars().next()?);
        self.at += first.len_utf8();
        match first {
            '"' => self.skip_text(),
            c if is_word(c) => self.skip(is_word),
            _ => {}
        }
        Some((at, first))
    }
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn what_is_too_deep_or_too_long_is_refused_before_it_is_parsed() {
        assert!(check(&format!("{}true{}", "(".repeat(32), ")".repeat(32))).is_ok());
        assert!(check(&"(".repeat(33)).is_err());
        assert!(check(&"true && ".repeat(700)).is_err());
        assert!(check(&"forbid(principal, action, resource);".repeat(1_000)).is_ok());
        assert!(check(&"forbid(principal, action, resource);".repeat(1_001)).is_err());
    }

    #[test]
    fn brackets_in_texts_and_comments_do_not_count() {
        assert!(check(&format!("context.path == \"{}\\\"(\" // {}", "(".repeat(99), "[".repeat(99))).is_ok());
        assert!(check("\"unclosed ((((").is_ok());
    }
}
