//! Finding the records of one decision in the files of several directories, for `explain`.
//!
//! Files are searched as bytes, a MiB at a time; JSON is parsed in lines that have the id in them, and nowhere else.

use crate::log::{FILE_NAME, ROTATED_KEPT, about, rotated};
use memchr::memmem::Finder;
use selvedge_model::{DecisionId, Record};
use std::cmp::Reverse;
use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Records that one search returns; a request has a handful of hops, and a peer may send one id again and again.
const FOUND_MAX: usize = 1024;
/// The longest line that is searched, in bytes; a longer one is no record of ours and is skipped.
const LINE_BYTES_MAX: usize = 1024 * 1024;
/// Bytes that are read at a time.
const CHUNK_BYTES: usize = 1024 * 1024;

/// The records with this id, in the order of the hops: by the time when they began, the longer first where that is
/// equal. At most 1,024. A line that is no record (torn by a crash, or not ours) is skipped; so is a directory without
/// records.
///
/// # Errors
/// When a file is there and cannot be read; the path is in the message.
pub fn find(dirs: &[PathBuf], id: DecisionId) -> io::Result<Vec<Record>> {
    // All are opened before any is read, the newest first: a rotation meanwhile moves a file towards the older names,
    // so it can be met twice, which the inode shows, but never missed.
    let mut files = Vec::new();
    let mut seen = HashSet::new();
    for path in dirs.iter().flat_map(|dir| paths(dir)) {
        if let Some(file) = open(&path).map_err(|e| about(&e, &path))? {
            let metadata = file.metadata()?;
            if metadata.is_file() && seen.insert((metadata.dev(), metadata.ino())) {
                files.push((file, path));
            }
        }
    }
    let mut search = Search::new(id);
    for (file, path) in files {
        search.file(file).map_err(|e| about(&e, &path))?;
    }
    search.found.sort_by_key(|record| (record.time_ms, Reverse(record.duration_us)));
    Ok(search.found)
}

/// The files of a directory, the newest first.
fn paths(dir: &Path) -> Vec<PathBuf> {
    std::iter::once(dir.join(FILE_NAME)).chain((1..=ROTATED_KEPT).map(|number| rotated(dir, number))).collect()
}

fn open(path: &Path) -> io::Result<Option<File>> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(error),
    }
}

struct Search {
    id: DecisionId,
    text: Finder<'static>,
    found: Vec<Record>,
}

impl Search {
    fn new(id: DecisionId) -> Search {
        Search { id, text: Finder::new(&id.text()).into_owned(), found: Vec::new() }
    }

    fn file(&mut self, mut file: impl Read) -> io::Result<()> {
        let mut held = Vec::with_capacity(2 * CHUNK_BYTES);
        // Whether we are inside a line that is too long, and its rest is to be dropped.
        let mut skip = false;
        while self.found.len() < FOUND_MAX {
            let read = file.by_ref().take(CHUNK_BYTES as u64).read_to_end(&mut held)?;
            let whole = if read == 0 { held.len() } else { memchr::memrchr(b'\n', &held).map_or(0, |at| at + 1) };
            let (lines, _) = held.split_at_checked(whole).unwrap_or_default();
            let past = if skip { memchr::memchr(b'\n', lines).map_or(lines.len(), |at| at + 1) } else { 0 };
            self.lines(lines.get(past..).unwrap_or_default());
            skip = skip && whole == 0;
            held.drain(..whole);
            if held.len() > LINE_BYTES_MAX {
                skip = true;
                held.clear();
            }
            if read == 0 {
                break;
            }
        }
        Ok(())
    }

    fn lines(&mut self, lines: &[u8]) {
        if self.text.find(lines).is_none() {
            return;
        }
        for line in lines.split(|byte| *byte == b'\n').filter(|line| self.text.find(line).is_some()) {
            match serde_json::from_slice::<Record>(line) {
                Ok(record) if record.id == self.id && self.found.len() < FOUND_MAX => self.found.push(record),
                Ok(_) | Err(_) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests;
