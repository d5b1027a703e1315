//! The demo's mesh repository: documents with places for what only the machine knows, filled in; and two changes to it.

use anyhow::{Result, bail};
use selvedge_config::SourceFile;
use std::collections::BTreeMap;
use std::path::Path;

/// The host that the gateway serves.
pub(crate) const EDGE_HOST: &str = "shop.localhost";
/// The audience that the gateway accepts tokens for.
pub(crate) const AUDIENCE: &str = "https://shop.localhost";

/// The documents, by name.
const DOCUMENTS: &[(&str, &str)] = &[
    ("access.yaml", include_str!("../../../../../demo/mesh/access.yaml")),
    ("mesh.yaml", include_str!("../../../../../demo/mesh/mesh.yaml")),
    ("services.yaml", include_str!("../../../../../demo/mesh/services.yaml")),
];

/// A document that is written into a running mesh's repository.
#[derive(Debug)]
pub(crate) struct Change {
    /// The file.
    pub(crate) name: &'static str,
    text: &'static str,
}

/// Opens `/offers`, which was not found before.
pub(crate) const OFFERS: Change =
    Change { name: "offers.yaml", text: include_str!("../../../../../demo/changes/offers.yaml") };
/// Would open everything, and names a service that does not exist.
pub(crate) const BROKEN: Change =
    Change { name: "broken.yaml", text: include_str!("../../../../../demo/changes/broken.yaml") };

/// What stands in the places, by name.
#[derive(Debug, Default)]
pub(crate) struct Places(BTreeMap<String, String>);

impl Places {
    /// Fills one place.
    ///
    /// # Errors
    /// When the value cannot stand between quotes in YAML: a temporary directory with a strange name.
    pub(crate) fn set(&mut self, name: &str, value: &str) -> Result<()> {
        if value.contains(['"', '\\', '$']) || value.chars().any(char::is_control) {
            bail!("`{}` cannot stand in a document: set TMPDIR to a plain path", value.escape_debug());
        }
        self.0.insert(name.to_owned(), value.to_owned());
        Ok(())
    }

    /// The repository with every place filled.
    ///
    /// # Errors
    /// When a place has no value.
    pub(crate) fn files(&self) -> Result<Vec<SourceFile>> {
        DOCUMENTS.iter().map(|(name, text)| self.file(name, text)).collect()
    }

    fn file(&self, name: &str, text: &str) -> Result<SourceFile> {
        let fill = |text: String, (place, value): (&String, &String)| text.replace(&format!("${{{place}}}"), value);
        let filled = self.0.iter().fold(text.to_owned(), fill);
        let code = |line: &&str| !line.trim_start().starts_with('#') && line.contains("${");
        if let Some(line) = filled.lines().find(code) {
            bail!("a place in `{name}` has no value: `{}`", line.trim());
        }
        Ok(SourceFile { name: name.into(), text: filled.into() })
    }
}

/// Writes the files into a directory.
///
/// # Errors
/// When one cannot be written.
pub(crate) fn write(directory: &Path, files: &[SourceFile]) -> std::io::Result<()> {
    std::fs::create_dir_all(directory)?;
    files.iter().try_for_each(|file| std::fs::write(directory.join(&*file.name), file.text.as_bytes()))
}

impl Change {
    /// Writes the change; whoever watches sees it whole, since it is renamed into place.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(crate) fn make(&self, directory: &Path) -> std::io::Result<()> {
        let unfinished = directory.join(format!("{}.new", self.name));
        std::fs::write(&unfinished, self.text)?;
        std::fs::rename(&unfinished, directory.join(self.name))
    }

    /// Takes the change back.
    ///
    /// # Errors
    /// When the file cannot be removed.
    pub(crate) fn undo(&self, directory: &Path) -> std::io::Result<()> {
        std::fs::remove_file(directory.join(self.name))
    }
}

#[cfg(test)]
mod tests;
