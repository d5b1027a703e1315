//! The rules of layout and style that no compiler checks (DESIGN §9, STYLE). One file under `tidy/` is one rule.

mod code;
mod cycles;
mod functions;
mod manifest;
mod names;
mod paths;
mod source;

use std::fmt;
use std::path::{Path, PathBuf};

/// A broken rule and where.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    file: PathBuf,
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file.display(), self.line, self.message)
    }
}

/// A Rust file.
struct Source {
    /// Relative to the repository.
    file: PathBuf,
    text: String,
    /// The text with comments, literals and test code blanked out: what the product does, line by line.
    code: String,
    /// Whether all of it is tests.
    is_test: bool,
}

impl Source {
    fn new(file: PathBuf, text: String) -> Source {
        let folders = ["tests", "benches"];
        let is_test = file.ends_with("tests.rs")
            || file.components().any(|part| folders.iter().any(|folder| part.as_os_str() == *folder));
        Source { code: code::product(&text), file, text, is_test }
    }

    /// The path with `/`, for comparing.
    fn place(&self) -> String {
        self.file.to_string_lossy().replace('\\', "/")
    }
}

/// Checks the repository at `root`.
pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let (mut found, mut sources) = (Vec::new(), Vec::new());
    for file in files_below(root, root) {
        let is_manifest = file.ends_with("Cargo.toml") && file.starts_with("crates");
        let is_source = file.extension().is_some_and(|ending| ending == "rs");
        if !is_manifest && !is_source {
            continue;
        }
        let Ok(text) = std::fs::read_to_string(root.join(&file)) else {
            found.push(Finding { file, line: 1, message: "cannot be read as text".to_owned() });
            continue;
        };
        if is_manifest {
            manifest::check(&file, &text, &mut found);
        } else {
            sources.push(Source::new(file, text));
        }
    }
    for source in &sources {
        source::check(source, &mut found);
        if !source.is_test {
            functions::check(source, &mut found);
            names::check(source, &mut found);
        }
    }
    cycles::check(&sources, &mut found);
    found.sort();
    found
}

fn files_below(root: &Path, folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|e| e.path()).collect();
    entries.sort();
    for path in entries {
        let name = path.file_name().and_then(|n| n.to_str()).unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') && name != "target" && name != "node_modules" {
            files.extend(files_below(root, &path));
        } else if path.is_file() {
            files.push(path.strip_prefix(root).unwrap_or(&path).to_path_buf());
        }
    }
    files
}

#[cfg(test)]
mod tests;
