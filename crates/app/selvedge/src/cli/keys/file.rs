//! A file of `ApiKey` documents, changed line by line: what people wrote beside them stays as it is.

use anyhow::{Context, Result, bail};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Such a file.
pub(super) struct KeyFile {
    path: PathBuf,
    text: String,
}

impl KeyFile {
    /// Reads it; empty where there is none.
    pub(super) fn open(directory: &Path, name: &str) -> Result<KeyFile> {
        let path = directory.join(name);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(error).with_context(|| format!("cannot read `{}`", path.display())),
        };
        Ok(KeyFile { path, text })
    }

    /// Adds a document at the end.
    pub(super) fn append(mut self, document: &str) -> Result<()> {
        if !self.text.is_empty() && !self.text.ends_with('\n') {
            self.text.push('\n');
        }
        self.text.push_str(document);
        self.write()
    }

    /// Sets a field of the document of a key, as `keys create` wrote it.
    pub(super) fn set(mut self, id: &str, field: &str, value: &str) -> Result<()> {
        let changed = set(&self.text, id, field, value);
        let Some(text) = changed else {
            bail!(
                "`{}` writes the key `{id}` in a way of its own: set `{field}: {value}` there by hand",
                self.path.display()
            );
        };
        self.text = text;
        self.write()
    }

    /// Whole or not at all: a torn file would take every key back.
    fn write(self) -> Result<()> {
        let cannot = || format!("cannot write `{}`", self.path.display());
        let fresh = self.path.with_extension("yaml.new");
        let mut file = std::fs::File::create(&fresh).with_context(cannot)?;
        file.write_all(self.text.as_bytes()).and_then(|()| file.sync_all()).with_context(cannot)?;
        std::fs::rename(&fresh, &self.path).with_context(cannot)
    }
}

/// The text with the field set, right after the line with the key's id. `None`: there is no such line.
fn set(text: &str, id: &str, field: &str, value: &str) -> Option<String> {
    let documents: Vec<&str> = text.split_inclusive('\n').collect();
    let wanted = format!("  id: \"{id}\"");
    let at = documents.iter().position(|line| line.trim_end() == wanted)?;
    let ends = |line: &&str| line.trim_end() == "---";
    let start = documents.get(..at)?.iter().rposition(ends).map_or(0, |line| line + 1);
    let end = documents.get(at..)?.iter().position(ends).map_or(documents.len(), |ahead| at + ahead);
    let key = format!("  {field}:");
    let mut changed = String::with_capacity(text.len() + 32);
    for (index, line) in documents.iter().enumerate() {
        if (start..end).contains(&index) && line.starts_with(&key) {
            continue;
        }
        changed.push_str(line);
        if index == at {
            changed.push_str(&format!("{key} {value}\n"));
        }
    }
    Some(changed)
}

#[cfg(test)]
mod tests {
    use super::set;

    const TEXT: &str = "# ours\n---\nspec:\n  id: \"a\"\n  expires: \"x\"\n---\nspec:\n  id: \"b\"\n  expires: \"y\"\n";

    #[test]
    fn one_field_of_one_document_changes_and_nothing_else() {
        let changed = set(TEXT, "b", "expires", "\"z\"").unwrap_or_default();
        assert_eq!(changed, TEXT.replace("\"y\"", "\"z\""));
        let revoked = set(TEXT, "a", "revoked", "true").unwrap_or_default();
        assert_eq!(revoked, TEXT.replace("\"a\"\n", "\"a\"\n  revoked: true\n"));
        assert_eq!(set(&revoked, "a", "revoked", "true"), Some(revoked));
        assert_eq!(set(TEXT, "c", "revoked", "true"), None);
    }
}
