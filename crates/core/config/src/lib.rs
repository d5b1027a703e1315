//! Documents as people write them, checked into configuration that the rest of the system can trust.
//!
//! [`check`] is the only way in: it reads every document, reports everything that is wrong at once, and gives a
//! [`Checked`] value only when nothing is.

pub mod checked;
mod cross;
pub mod data;
mod diagnostic;
mod document;
mod lines;
mod reader;
mod template;
mod tree;

pub use checked::Checked;
pub use diagnostic::{Diagnostic, render};
pub use document::FINDINGS;
pub use template::template;
pub use tree::At;

use std::sync::Arc;

/// One file of a mesh repository.
#[derive(Debug, Clone)]
pub struct SourceFile {
    /// Its path, relative to the repository.
    pub name: Arc<str>,
    /// Its content.
    pub text: Arc<str>,
}

/// Checks a whole mesh repository.
///
/// # Errors
/// Everything that is wrong, sorted by file, line and column.
pub fn check(files: &[SourceFile]) -> Result<Checked, Vec<Diagnostic>> {
    check_with(files, |_| Ok(())).map(|(checked, ())| checked)
}

/// As [`check`], with a further step on what is right so far, so that its errors are reported together with the others.
/// The step may see a part of the repository; its outcome counts only when nothing is wrong.
///
/// # Errors
/// Everything that is wrong, sorted by file, line and column.
pub fn check_with<T>(
    files: &[SourceFile],
    further: impl FnOnce(&Checked) -> Result<T, Vec<Diagnostic>>,
) -> Result<(Checked, T), Vec<Diagnostic>> {
    let mut found = Vec::new();
    let documents = document::read(files, &mut found);
    let checked = cross::check(documents, &mut found);
    let further = checked.and_then(|checked| match further(&checked) {
        Ok(outcome) => Some((checked, outcome)),
        Err(more) => {
            found.extend(more);
            None
        }
    });
    match further {
        Some(outcome) if found.is_empty() => Ok(outcome),
        _ => {
            found.sort_by(|a, b| (&a.file, a.line, a.column).cmp(&(&b.file, b.line, b.column)));
            Err(found)
        }
    }
}

#[cfg(test)]
mod tests;
