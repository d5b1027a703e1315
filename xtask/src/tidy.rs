//! The rules of layout and style that no compiler checks: layers, owners of dependencies, module docs, sizes, words.

use std::fmt;
use std::path::{Path, PathBuf};

/// Lines of product code in one file.
const FILE_LINES_MAX: usize = 500;

/// Dependencies that one crate alone may name.
const OWNERS: &[(&str, &str)] = &[
    ("serde-saphyr", "crates/core/config"),
    ("cedar-policy", "crates/core/policy"),
    ("jsonwebtoken", "crates/core/authn"),
    ("webpki", "crates/core/identity"),
    ("rustls", "crates/io/net"),
    ("tokio-rustls", "crates/io/net"),
    ("prometheus-client", "crates/io/telemetry"),
];

/// Words that may not stand in Rust code, each with what to do; in two parts, so that this file does not have them.
const WORDS: &[(&str, &str)] = &[
    (concat!("#[", "allow("), "use `#[expect(lint, reason = \"…\")]`"),
    (concat!("#![", "allow("), "use `#[expect(lint, reason = \"…\")]`"),
    (concat!("todo", "!("), "finish it, or open an issue"),
    (concat!("unimplemented", "!("), "finish it, or open an issue"),
];

/// A broken rule and where.
#[derive(Debug, PartialEq, Eq)]
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

/// Checks the repository at `root`.
pub(crate) fn check(root: &Path) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in files_below(root, root) {
        let Ok(text) = std::fs::read_to_string(root.join(&file)) else { continue };
        if file.ends_with("Cargo.toml") && file.starts_with("crates") {
            check_manifest(&file, &text, &mut found);
        }
        if file.extension().is_some_and(|e| e == "rs") {
            check_source(&file, &text, &mut found);
        }
    }
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

/// Arrows go down: `app → io → core`; `core/model` is the ground; `proxy` and `control` never name each other.
fn check_manifest(file: &Path, text: &str, found: &mut Vec<Finding>) {
    let home = file.parent().unwrap_or(file).to_string_lossy().replace('\\', "/");
    for (index, line) in text.lines().enumerate() {
        let mut refuse = |message: String| found.push(Finding { file: file.into(), line: index + 1, message });
        let Some((dependency, rest)) = line.split_once(['.', ' ']).filter(|(_, rest)| rest.contains('=')) else {
            continue;
        };
        if let Some((_, owner)) = OWNERS.iter().find(|(name, owner)| *name == dependency && *owner != home) {
            refuse(format!("`{dependency}` belongs to {owner}: call that crate instead"));
        }
        if let Some(name) = dependency.strip_prefix("selvedge-") {
            let (from, to) = (layer(&home), layer_of_crate(name));
            if to > from
                || (home.ends_with("core/model"))
                || matches!((home.as_str(), name), ("crates/app/proxy", "control") | ("crates/app/control", "proxy"))
            {
                refuse(format!("`{home}` may not name `{dependency}`: arrows go down, app → io → core → model"));
            }
        }
        if rest.contains("version")
            && !home.is_empty()
            && !line.starts_with("version")
            && !line.starts_with("rust-version")
        {
            refuse(format!("declare the version of `{dependency}` once, in the workspace"));
        }
    }
}

fn layer(home: &str) -> u8 {
    match home.split('/').nth(1) {
        Some("core") => 0,
        Some("io") => 1,
        _ => 2,
    }
}

fn layer_of_crate(name: &str) -> u8 {
    match name {
        "net" | "link" | "telemetry" | "state" => 1,
        "proxy" | "control" | "console" => 2,
        _ => 0,
    }
}

fn check_source(file: &Path, text: &str, found: &mut Vec<Finding>) {
    let mut refuse =
        |line: usize, message: &str| found.push(Finding { file: file.into(), line, message: message.into() });
    let is_test = file.ends_with("tests.rs") || file.components().any(|part| part.as_os_str() == "tests");
    if file.ends_with("mod.rs") {
        refuse(1, "no `mod.rs`: put `foo.rs` beside `foo/`");
    }
    if !is_test && !text.starts_with("//!") {
        refuse(1, "begin the file with `//!`: what it is and why");
    }
    if !is_test && text.lines().count() > FILE_LINES_MAX {
        refuse(FILE_LINES_MAX, "over 500 lines: split it by idea");
    }
    for (index, line) in text.lines().enumerate() {
        if let Some((word, remedy)) = WORDS.iter().find(|(word, _)| line.contains(word)) {
            refuse(index + 1, &format!("`{word}` may not stand here: {remedy}"));
        }
    }
}

#[cfg(test)]
mod tests;
