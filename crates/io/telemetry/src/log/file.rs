//! `records.jsonl`: appended to, rotated by size, and whole lines only, whatever a crash left behind.
//!
//! Nothing is synced: what was written outlives the process, however it ends, but not a power failure. Syncing 256 MiB
//! at a rotation would hold the writer for seconds on a slow disk, and the queue would overflow meanwhile.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The file that is written; rotated ones have `.1` (the newest) to `.4` after it.
pub(crate) const FILE_NAME: &str = "records.jsonl";
/// Rotated files that are kept.
pub(crate) const ROTATED_KEPT: u32 = 4;
/// Bytes from which a file is rotated: five files of it are the most that records take on a disk.
pub(super) const FILE_BYTES_MAX: u64 = 256 * 1024 * 1024;

/// The file and how far it may grow.
pub(super) struct RecordsFile {
    dir: PathBuf,
    bytes_max: u64,
    file: File,
    /// Half a line stands at the end, since a write failed and its rest could not be cut off.
    torn: bool,
}

impl RecordsFile {
    /// Opens or makes the file, and the directory when there is none.
    pub(super) fn open(dir: &Path, bytes_max: u64) -> io::Result<RecordsFile> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(|e| about(&e, dir))?;
        Ok(RecordsFile { dir: dir.into(), bytes_max, file: append_to(&dir.join(FILE_NAME))?, torn: false })
    }

    /// Appends whole lines in one write; after an error none of them is in the file.
    pub(super) fn append(&mut self, lines: &[u8]) -> io::Result<()> {
        let path = self.dir.join(FILE_NAME);
        let mut now = self.file.metadata()?;
        if now.nlink() == 0 {
            // Somebody removed it: go on in a file that can be found.
            self.file = append_to(&path)?;
            now = self.file.metadata()?;
        }
        if now.len() > 0 && now.len().saturating_add(lines.len() as u64) > self.bytes_max {
            self.rotate(&path)?;
            now = self.file.metadata()?;
        }
        if self.torn {
            self.file.write_all(b"\n").map_err(|e| about(&e, &path))?;
            self.torn = false;
        }
        self.file.write_all(lines).map_err(|error| {
            // A disk that fills up takes half a buffer.
            self.torn = self.file.set_len(now.len()).is_err();
            about(&error, &path)
        })
    }

    fn rotate(&mut self, path: &Path) -> io::Result<()> {
        for number in (1..ROTATED_KEPT).rev() {
            rename(&rotated(&self.dir, number), &rotated(&self.dir, number + 1))?;
        }
        rename(path, &rotated(&self.dir, 1))?;
        self.file = append_to(path)?;
        Ok(())
    }
}

/// Where the rotated file of this number is.
pub(crate) fn rotated(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{FILE_NAME}.{number}"))
}

/// Opens for appending, for us alone to read. A torn last line is ended, so that no record continues it.
fn append_to(path: &Path) -> io::Result<File> {
    let open = || {
        let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file: remove it"));
        }
        file.set_permissions(Permissions::from_mode(0o600))?;
        if metadata.len() > 0 {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != [b'\n'] {
                file.write_all(b"\n")?;
            }
        }
        Ok(file)
    };
    open().map_err(|e: io::Error| about(&e, path))
}

fn rename(from: &Path, to: &Path) -> io::Result<()> {
    match fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(about(&error, from)),
        _ => Ok(()),
    }
}

/// The error with the path that it is about.
pub(crate) fn about(error: &io::Error, path: &Path) -> io::Error {
    io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))
}
