//! Every file says what it is, is short, stands where it should, and has no word that hides unfinished work.

use super::{Finding, Source};

/// Lines of one file; tests are not counted (STYLE 2).
const FILE_LINES_MAX: usize = 500;

/// Words that may not stand in Rust code, each with what to do; in two parts, so that this file does not have them.
const WORDS: &[(&str, &str)] = &[
    (concat!("#[", "allow("), "use `#[expect(lint, reason = \"…\")]`"),
    (concat!("#![", "allow("), "use `#[expect(lint, reason = \"…\")]`"),
    (concat!("todo", "!("), "finish it, or open an issue"),
    (concat!("unimplemented", "!("), "finish it, or open an issue"),
];

/// Checks one file, tests included.
pub(super) fn check(source: &Source, found: &mut Vec<Finding>) {
    let mut refuse = |line: usize, message: &str| {
        found.push(Finding { file: source.file.clone(), line, message: message.into() });
    };
    if source.file.ends_with("mod.rs") {
        refuse(1, "no `mod.rs`: put `foo.rs` beside `foo/`");
    }
    if !source.is_test && !source.text.starts_with("//!") {
        refuse(1, "begin the file with `//!`: what it is and why");
    }
    if !source.is_test && source.text.lines().count() > FILE_LINES_MAX {
        refuse(FILE_LINES_MAX, "over 500 lines: split it by idea");
    }
    for (index, line) in source.text.lines().enumerate() {
        if let Some((word, remedy)) = WORDS.iter().find(|(word, _)| line.contains(word)) {
            refuse(index + 1, &format!("`{word}` may not stand here: {remedy}"));
        }
    }
}

#[cfg(test)]
mod tests;
