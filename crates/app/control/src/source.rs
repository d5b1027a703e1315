//! The source of documents: a directory, read at the start and again whenever it changed and then kept still.

use crate::say;
use selvedge_config::data::SchemaFile;
use selvedge_config::{Checked, SourceFile};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;
use tokio::time::sleep;

/// How often the directory is looked at.
const POLL: Duration = Duration::from_millis(300);
/// How long it must keep still before it is read: an editor or `git checkout` writes several files.
const QUIET: Duration = Duration::from_millis(100);
/// A directory that never keeps still is read after so many looks all the same.
const LOOKS_MAX: usize = 50;
/// Entries that are looked at.
const ENTRIES_MAX: usize = 50_000;
/// Folders within folders.
const DEPTH_MAX: usize = 16;

/// Reads the files of a mesh repository; the error is a message for the operator.
pub type ReadFiles = Arc<dyn Fn(&Path) -> Result<Vec<SourceFile>, String> + Send + Sync>;

/// Documents that check clean.
#[derive(Debug, Clone)]
pub(crate) struct Documents {
    pub(crate) files: Vec<SourceFile>,
    pub(crate) checked: Checked,
}

/// A directory and how it is read.
#[derive(Clone)]
pub(crate) struct Source {
    pub(crate) directory: PathBuf,
    pub(crate) read_files: ReadFiles,
}

/// What is seen of a directory without reading its files.
#[derive(Debug, PartialEq, Eq, Default)]
pub(crate) struct Look(Vec<(PathBuf, [i64; 6])>);

impl Source {
    /// Reads and checks the directory.
    ///
    /// # Errors
    /// Everything that is wrong, as text for a terminal.
    pub(crate) async fn read(&self) -> Result<Documents, String> {
        let source = self.clone();
        let read = spawn_blocking(move || check((source.read_files)(&source.directory)?));
        read.await.map_err(|_| "checking the documents failed: this is a fault of the program".to_owned())?
    }

    /// Looks at the directory.
    pub(crate) async fn look(&self) -> Look {
        let directory = self.directory.clone();
        spawn_blocking(move || look(&directory)).await.unwrap_or_default()
    }

    /// Watches the directory from what was seen at the start, and sends each reading of a change. A reading that failed
    /// is sent once for each change, not for each look.
    pub(crate) async fn watch(self, mut seen: Look, to: mpsc::Sender<Result<Documents, String>>) {
        loop {
            sleep(POLL).await;
            let mut now = self.look().await;
            if now == seen {
                continue;
            }
            for _ in 0..LOOKS_MAX {
                sleep(QUIET).await;
                let again = self.look().await;
                if again == now {
                    break;
                }
                now = again;
            }
            seen = now;
            let reading = self.read().await;
            if let Err(errors) = &reading {
                say(&format!("the changed documents are refused, and the last good ones stay in force:\n{errors}"));
            }
            if to.send(reading).await.is_err() {
                return;
            }
        }
    }
}

/// Checks files; the error is everything that is wrong, as text for a terminal.
pub(crate) fn check(files: Vec<SourceFile>) -> Result<Documents, String> {
    match selvedge_plan::check(&files) {
        Ok((checked, _)) => Ok(Documents { files, checked }),
        Err(found) => Err(selvedge_config::render(&found, &files, false)),
    }
}

fn look(directory: &Path) -> Look {
    let mut entries = Vec::new();
    collect(directory, 0, &mut entries);
    entries.sort();
    Look(entries)
}

/// Sizes, times and inodes of YAML files; folders count too, since a rename changes them alone. What cannot be read is
/// left out here: reading says so.
fn collect(folder: &Path, depth: usize, entries: &mut Vec<(PathBuf, [i64; 6])>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        let Ok(found) = entry.metadata() else { continue };
        let is_document = path.extension().is_some_and(|e| e == "yaml" || e == "yml" || e == "cedar")
            || entry.file_name().to_str().is_some_and(SchemaFile::is_named);
        if entries.len() >= ENTRIES_MAX || !(is_document || found.is_dir() && !hidden) {
            continue;
        }
        let size = i64::try_from(found.len()).unwrap_or(i64::MAX);
        let inode = i64::from_ne_bytes(found.ino().to_ne_bytes());
        let times = [found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()];
        let [mtime, mtime_ns, ctime, ctime_ns] = times;
        let is_dir = found.is_dir();
        entries.push((path.clone(), [size, inode, mtime, mtime_ns, ctime, ctime_ns]));
        if is_dir && depth < DEPTH_MAX {
            collect(&path, depth + 1, entries);
        }
    }
}
