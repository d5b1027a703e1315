//! Patterns of OpenAPI, which are ECMA-262's, in an engine that takes linear time.
//!
//! What that engine cannot do (look-around, back references) is an error when the description is checked. Where the same
//! text means something else in it, it is written anew: `\d` and `\w` are ASCII, and a class has no operators.

use regex::{Regex, RegexBuilder};

/// Bytes of a compiled pattern: counted repetitions of large ones would take far more.
const SIZE_MAX: usize = 512 * 1024;
/// Bytes of the tables that matching builds as it goes, for each thread.
const TABLES_MAX: usize = 256 * 1024;
/// Characters of a pattern.
const CHARACTERS_MAX: usize = 2048;

/// Compiles a pattern.
///
/// # Errors
/// What to do about it.
pub(crate) fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.chars().count() > CHARACTERS_MAX {
        return Err(format!("write a pattern of at most {CHARACTERS_MAX} characters"));
    }
    let anew = anew(pattern);
    let built = RegexBuilder::new(&anew).size_limit(SIZE_MAX).dfa_size_limit(TABLES_MAX).nest_limit(64).build();
    built.map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => "write smaller counts: the pattern takes too much memory".to_owned(),
        _ if ["(?=", "(?!", "(?<=", "(?<!"].iter().any(|look| pattern.contains(look)) => {
            "write it without look-around: patterns are matched in linear time".to_owned()
        }
        _ => "write an ECMA-262 pattern without back references: patterns are matched in linear time".to_owned(),
    })
}

/// ECMA-262's meaning in the syntax of the engine.
fn anew(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let (mut chars, mut in_class) = (pattern.chars().peekable(), false);
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('d') => out.push_str(if in_class { "0-9" } else { "[0-9]" }),
                Some('D') => out.push_str("[^0-9]"),
                Some('w') => out.push_str(if in_class { "A-Za-z0-9_" } else { "[A-Za-z0-9_]" }),
                Some('W') => out.push_str("[^A-Za-z0-9_]"),
                Some('b') if !in_class => out.push_str("(?-u:\\b)"),
                Some('B') if !in_class => out.push_str("\\B"),
                Some('b') => out.push_str("\\x08"),
                Some('0') => out.push_str("\\x00"),
                Some(c) => out.extend(['\\', c]),
                None => out.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                // ECMA-262's empty class matches nothing, and its negation anything.
                match (chars.clone().next(), chars.clone().nth(1)) {
                    (Some(']'), _) => out.push_str("^\\x00-\\x{10FFFF}"),
                    (Some('^'), Some(']')) => {
                        chars.next();
                        out.push_str("\\x00-\\x{10FFFF}");
                    }
                    (Some('^'), _) => out.extend(chars.next()),
                    _ => {}
                }
            }
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            // The engine's nested classes and set operators.
            '[' | '&' | '~' if in_class => out.extend(['\\', c]),
            '-' if in_class && chars.peek() == Some(&'-') => out.push_str("\\-"),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::compile;

    #[test]
    fn a_pattern_means_what_it_does_in_ecma_262() {
        for (pattern, right, wrong) in [
            (r"^\d{3}$", "123", "١٢٣"),
            (r"^\w+$", "a_1", "é"),
            (r"^[\w.-]+$", "a.b-c", "a b"),
            (r"^[\d-]+$", "1-2", "a"),
            (r"^a\/b$", "a/b", "a\\/b"),
            (r"^[[&&]+$", "[&", "]"),
            (r"^[^]$", "x", ""),
            (r"^\u0041$", "A", "u0041"),
            (r"^[\D]$", "x", "1"),
            (r"b", "abc", "ac"),
            (r"^(a|b)$", "a", "a\n"),
        ] {
            let regex = compile(pattern).unwrap_or_else(|error| panic!("{pattern}: {error}"));
            assert!(regex.is_match(right), "{pattern} {right}");
            assert!(!regex.is_match(wrong), "{pattern} {wrong}");
        }
    }

    #[test]
    fn what_takes_more_than_linear_time_or_much_memory_is_refused() {
        for pattern in [r"(?=a)", r"(?<!a)b", r"(a)\1", r"(", r"[a", r"(((a{100}){100}){100}){100}", r"a{999999}"] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
