//! A mesh repository on disk: every YAML and Cedar file below a directory, read once and within limits.

use anyhow::{Context, Result, bail};
use selvedge_config::SourceFile;
use selvedge_config::data::SchemaFile;
use std::path::Path;

/// Files in one repository.
const FILES_MAX: usize = 10_000;
/// Bytes of all files together.
const BYTES_MAX: u64 = 16 * 1024 * 1024;
/// Folders within folders.
const DEPTH_MAX: usize = 16;

/// Reads the `*.yaml`, `*.yml`, `*.cedar` and `*.openapi.json` files below `directory`, in order of name. Hidden folders and links are passed over:
/// a link could lead out of the repository.
///
/// # Errors
/// When the directory or a file cannot be read, a limit is exceeded, or there is no document at all.
pub(crate) fn read(directory: &Path) -> Result<Vec<SourceFile>> {
    let mut reading = Reading { root: directory, files: Vec::new(), bytes: 0 };
    reading.folder(directory, 0)?;
    if reading.files.is_empty() {
        bail!(
            "`{}` has no YAML files: name a mesh repository, or run `selvedge init` to make one",
            directory.display()
        );
    }
    reading.files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(reading.files)
}

/// What belongs to a mesh repository: YAML, Cedar, and OpenAPI descriptions in JSON.
pub(crate) fn is_document(path: &Path) -> bool {
    let ending = path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "cedar");
    ending || path.file_name().and_then(|name| name.to_str()).is_some_and(SchemaFile::is_named)
}

struct Reading<'a> {
    root: &'a Path,
    files: Vec<SourceFile>,
    bytes: u64,
}

impl Reading<'_> {
    fn folder(&mut self, folder: &Path, depth: usize) -> Result<()> {
        if depth > DEPTH_MAX {
            bail!("`{}` is more than {DEPTH_MAX} folders deep: flatten the repository", folder.display());
        }
        let unreadable = || format!("cannot read `{}`", folder.display());
        for entry in std::fs::read_dir(folder).with_context(unreadable)? {
            let entry = entry.with_context(unreadable)?;
            let kind = entry.file_type().with_context(unreadable)?;
            let path = entry.path();
            if kind.is_dir() && !entry.file_name().to_string_lossy().starts_with('.') {
                self.folder(&path, depth + 1)?;
            } else if kind.is_file() && is_document(&path) {
                self.file(&path)?;
            }
        }
        Ok(())
    }

    fn file(&mut self, path: &Path) -> Result<()> {
        let unreadable = || format!("cannot read `{}`", path.display());
        self.bytes += std::fs::metadata(path).with_context(unreadable)?.len();
        if self.bytes > BYTES_MAX || self.files.len() >= FILES_MAX {
            bail!("the repository has over {FILES_MAX} files or {} MiB: keep other files elsewhere", BYTES_MAX >> 20);
        }
        let text = std::fs::read_to_string(path).with_context(unreadable)?;
        let name = path.strip_prefix(self.root).unwrap_or(path).to_string_lossy();
        self.files.push(SourceFile { name: name.as_ref().into(), text: text.into() });
        Ok(())
    }
}
