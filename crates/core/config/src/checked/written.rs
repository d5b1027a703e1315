//! A text in another language, Cedar, as it stands in a file: what is wrong inside it is shown at its place.

use crate::Diagnostic;
use crate::lines::Lines;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A text with the place of each of its characters. Equal texts print alike wherever they stand, so that a plan's hash
/// follows the content.
#[derive(Clone)]
pub struct Written {
    text: Arc<str>,
    file: Arc<str>,
    /// Runs of characters that stand side by side on one line; the first begins where the text does.
    runs: Arc<[Run]>,
}

#[derive(Debug, Clone, Copy)]
struct Run {
    /// The byte of the text where the run begins.
    at: usize,
    line: u32,
    column: u32,
}

impl Written {
    /// A text that is the whole of a file.
    pub fn of_file(file: &str, text: &str) -> Written {
        Written::find(file.into(), &Lines::of(text), (1, 1), text)
    }

    /// Finds the value of a YAML scalar in its file, where it begins at a line and column, from 1. Characters of the
    /// value stand there in order, with nothing between them but white space and what quoting adds.
    pub(crate) fn find(file: Arc<str>, source: &Lines<'_>, (line, column): (u32, u32), value: &str) -> Written {
        let mut cursor = Cursor { rest: source.from(line, column), line, column };
        let mut runs = vec![Run { at: 0, line, column }];
        let mut expected = None;
        for (at, c) in value.char_indices() {
            if !c.is_whitespace() {
                if !cursor.seek(c) {
                    break;
                }
                if expected != Some((cursor.line, cursor.column)) {
                    let run = Run { at, line: cursor.line, column: cursor.column };
                    if at == 0 {
                        runs = vec![run]
                    } else {
                        runs.push(run)
                    }
                    expected = Some((cursor.line, cursor.column));
                }
                cursor.step();
            }
            expected = expected.map(|(line, column)| (line, column + 1));
        }
        Written { text: value.into(), file, runs: runs.into() }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The file, relative to the repository.
    pub fn file(&self) -> &Arc<str> {
        &self.file
    }

    /// Line and column, from 1, of a byte of the text.
    pub fn place(&self, at: usize) -> (u32, u32) {
        let index = self.runs.partition_point(|run| run.at <= at).saturating_sub(1);
        let Some(run) = self.runs.get(index) else { return (1, 1) };
        let before = self.text.get(run.at..at).map_or(0, |text| text.chars().count());
        (run.line, run.column + u32::try_from(before).unwrap_or(0))
    }

    /// An error about a part of the text, given in bytes.
    pub fn error(
        &self,
        code: &'static str,
        part: Range<usize>,
        message: String,
        help: impl Into<String>,
    ) -> Diagnostic {
        let (line, column) = self.place(part.start);
        let marked = self.text.get(part).and_then(|text| text.lines().next()).map_or(0, |text| text.chars().count());
        let width = u32::try_from(marked).unwrap_or(1).max(1);
        Diagnostic { code, file: self.file.clone(), line, column, width, message, help: help.into() }
    }
}

/// Walks through the source.
struct Cursor<'a> {
    rest: &'a str,
    line: u32,
    column: u32,
}

impl Cursor<'_> {
    /// Goes to the next place of the character; `false` when there is none.
    fn seek(&mut self, c: char) -> bool {
        loop {
            match self.rest.chars().next() {
                Some(found) if found == c => return true,
                Some(_) => self.step(),
                None => return false,
            }
        }
    }

    fn step(&mut self) {
        let mut chars = self.rest.chars();
        match chars.next() {
            Some('\n') => (self.line, self.column) = (self.line + 1, 1),
            Some(_) => self.column += 1,
            None => {}
        }
        self.rest = chars.as_str();
    }
}

impl fmt::Debug for Written {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

#[cfg(test)]
mod tests;
