//! What is wrong with a document: where, what, and what to do.

use crate::SourceFile;
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};
use std::sync::Arc;

/// One error in a mesh repository.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Diagnostic {
    /// A stable word for the kind of error.
    pub code: &'static str,
    /// The file, relative to the repository.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: u32,
    /// The column, from 1, in characters.
    pub column: u32,
    /// How many characters are marked.
    pub width: u32,
    /// What is wrong, with the user's value in backticks.
    pub message: String,
    /// What to do.
    pub help: String,
}

/// Renders diagnostics for a terminal: file, line, caret, help.
pub fn render(found: &[Diagnostic], files: &[SourceFile], color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut text = String::new();
    for diagnostic in found {
        let source = files.iter().find(|file| file.name == diagnostic.file).map_or("", |file| &file.text);
        let span = byte_span(source, diagnostic);
        let title = Level::ERROR.primary_title(diagnostic.message.as_str()).id(diagnostic.code);
        let snippet = Snippet::source(source).path(&*diagnostic.file).annotation(AnnotationKind::Primary.span(span));
        let mut group = title.element(snippet);
        if !diagnostic.help.is_empty() {
            group = group.element(Level::HELP.message(diagnostic.help.as_str()));
        }
        text.push_str(&renderer.render(&[group]));
        text.push_str("\n\n");
    }
    text
}

/// The bytes that a diagnostic marks.
fn byte_span(source: &str, diagnostic: &Diagnostic) -> std::ops::Range<usize> {
    let lines = source.split_inclusive('\n').take(diagnostic.line.saturating_sub(1) as usize);
    let line_at: usize = lines.map(str::len).sum();
    let line = source.get(line_at..).unwrap_or_default().lines().next().unwrap_or_default();
    let byte_of = |column: u32| line.char_indices().nth(column as usize).map_or(line.len(), |(at, _)| at);
    let column = diagnostic.column.saturating_sub(1);
    line_at + byte_of(column)..line_at + byte_of(column + diagnostic.width)
}
