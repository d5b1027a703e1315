//! Follows the decision log: records as they are written, by every node below one state directory.

use selvedge_model::Record;
use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The file that a decision log writes.
const FILE_NAME: &str = "records.jsonl";
/// Directories within directories.
const DEPTH_MAX: usize = 4;
/// Bytes that one look takes from one file; the rest waits for the next.
const READ_BYTES_MAX: u64 = 8 * 1024 * 1024;
/// Bytes of a line that has not ended; one that is longer is given up.
const LINE_BYTES_MAX: usize = 64 * 1024;

/// A reader of every decision log below a directory.
#[derive(Debug)]
pub(crate) struct Tail {
    root: PathBuf,
    files: BTreeMap<PathBuf, Position>,
}

#[derive(Debug, Default)]
struct Position {
    /// Which file it is: after a rotation, another one has the name.
    inode: u64,
    read_to: u64,
    /// A line that has not ended.
    begun: Vec<u8>,
}

impl Tail {
    /// Follows what is below `root`, from the beginning.
    pub(crate) fn new(root: &Path) -> Tail {
        Tail { root: root.to_path_buf(), files: BTreeMap::new() }
    }

    /// The records since the last look. What cannot be read now is read at the next; a line that is no record is passed
    /// over.
    pub(crate) fn read(&mut self) -> Vec<Record> {
        let files = &mut self.files;
        find(&self.root, 0, &mut |path| {
            files.entry(path).or_default();
        });
        let mut records = Vec::new();
        for (path, position) in &mut self.files {
            // A file that is being rotated is there again at the next look.
            let _ = position.read(path, &mut records);
        }
        records
    }
}

impl Position {
    fn read(&mut self, path: &Path, records: &mut Vec<Record>) -> std::io::Result<()> {
        let mut file = std::fs::File::open(path)?;
        let metadata = file.metadata()?;
        if metadata.ino() != self.inode || metadata.len() < self.read_to {
            *self = Position { inode: metadata.ino(), ..Position::default() };
        }
        file.seek(SeekFrom::Start(self.read_to))?;
        self.read_to += file.take(READ_BYTES_MAX).read_to_end(&mut self.begun)? as u64;
        let Some(end) = self.begun.iter().rposition(|byte| *byte == b'\n') else {
            if self.begun.len() > LINE_BYTES_MAX {
                self.begun.clear();
            }
            return Ok(());
        };
        let rest = self.begun.split_off(end + 1);
        let lines = std::mem::replace(&mut self.begun, rest);
        records.extend(lines.split(|byte| *byte == b'\n').filter_map(|line| serde_json::from_slice(line).ok()));
        Ok(())
    }
}

fn find(directory: &Path, depth: usize, found: &mut dyn FnMut(PathBuf)) {
    for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else { continue };
        if kind.is_dir() && depth < DEPTH_MAX {
            find(&entry.path(), depth + 1, found);
        } else if kind.is_file() && entry.file_name() == FILE_NAME {
            found(entry.path());
        }
    }
}

#[cfg(test)]
mod tests;
