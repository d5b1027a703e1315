//! The files of a mesh repository at a Git revision, through the `git` program. Objects are read as they are: nothing is
//! checked out, so no hook or filter runs and nothing of the user's checkout changes.

use anyhow::{Context, Result, bail};
use selvedge_config::SourceFile;
use selvedge_config::data::SchemaFile;
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;
use std::process::{Command, Stdio};

/// Bytes of all files together, as for a directory.
const BYTES_MAX: usize = 16 * 1024 * 1024;

/// Reads what is below `directory` at `revision`.
///
/// # Errors
/// When `directory` is in no Git checkout, there is no such revision, or it has no documents.
pub(super) fn read(directory: &Path, revision: &str) -> Result<Vec<SourceFile>> {
    if revision.starts_with('-') {
        bail!("`{revision}` is no revision");
    }
    let tree = git(directory, &["ls-tree", "-r", "-z", revision], Stdio::null()).with_context(|| {
        format!("`{revision}` is neither a directory nor a Git revision of `{}`", directory.display())
    })?;
    let entries: Vec<(&str, &str)> = tree.split('\0').filter_map(document).collect();
    if entries.is_empty() {
        bail!("`{}` has no documents at `{revision}`", directory.display());
    }
    // The names of the objects are more than a pipe holds, while git already answers: so they are in a file.
    let mut wanted = tempfile::tempfile()?;
    for (object, _) in &entries {
        writeln!(wanted, "{object}")?;
    }
    wanted.seek(SeekFrom::Start(0))?;
    let objects = git(directory, &["cat-file", "--batch"], wanted.into())?;
    let mut rest = objects.as_str();
    let mut files = Vec::new();
    for (_, name) in entries {
        let torn = || format!("git gave `{name}` in part");
        let (head, body) = rest.split_once('\n').with_context(torn)?;
        let size: usize = head.rsplit(' ').next().and_then(|size| size.parse().ok()).with_context(torn)?;
        let text = body.get(..size).with_context(torn)?;
        rest = body.get(size + 1..).with_context(torn)?;
        files.push(SourceFile { name: name.into(), text: text.into() });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

/// The object and the name of an entry that is a document: a plain file, in no hidden folder.
fn document(entry: &str) -> Option<(&str, &str)> {
    let (head, name) = entry.split_once('\t')?;
    let mut words = head.split(' ');
    let plain = words.next()?.starts_with("100") && words.next()? == "blob";
    let (folders, file) = name.rsplit_once('/').unwrap_or(("", name));
    let hidden = folders.split('/').any(|folder| folder.starts_with('.'));
    let ending = file.rsplit_once('.')?.1;
    (plain && !hidden && (matches!(ending, "yaml" | "yml" | "cedar") || SchemaFile::is_named(file)))
        .then_some((words.next()?, name))
}

fn git(directory: &Path, arguments: &[&str], input: Stdio) -> Result<String> {
    let mut command = Command::new("git");
    command.arg("-C").arg(directory).args(arguments).stdin(input);
    let done = command.output().context("cannot run `git`: install it, or compare with a directory")?;
    if !done.status.success() {
        bail!("git: {}", String::from_utf8_lossy(&done.stderr).trim());
    }
    if done.stdout.len() > BYTES_MAX {
        bail!("the repository has over {} MiB: keep other files elsewhere", BYTES_MAX >> 20);
    }
    String::from_utf8(done.stdout).context("a document is not UTF-8")
}
