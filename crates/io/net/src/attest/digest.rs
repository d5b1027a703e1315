//! SHA-256 of a program, read once for each file as it stands.

use aws_lc_rs::digest::{Context, SHA256};
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// Larger programs are not read: a digest of them would hold up the others.
const PROGRAM_BYTES_MAX: u64 = 1 << 30;
/// Programs that are remembered; the oldest goes first.
const KNOWN_MAX: usize = 256;

/// A file as it stands: a change of its content changes one of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stand {
    device: u64,
    inode: u64,
    bytes: u64,
    modified: (i64, i64),
    /// Nobody can set this one back.
    changed: (i64, i64),
}

/// Guards what was read; held for a look or an entry, not while a file is read.
static KNOWN: Mutex<Vec<(Stand, [u8; 32])>> = Mutex::new(Vec::new());

/// The digest of the file at `path`. `None` when it cannot be read, is too large, or changed meanwhile.
pub(super) fn of(path: &Path) -> Option<[u8; 32]> {
    // Opened before it is looked at: what is hashed is what stands there.
    let mut file = File::open(path).ok()?;
    let stand = stand(&file)?;
    let known = |known: &Vec<(Stand, [u8; 32])>| known.iter().find(|(of, _)| *of == stand).map(|(_, digest)| *digest);
    if let Some(digest) = known(&KNOWN.lock().unwrap_or_else(PoisonError::into_inner)) {
        return Some(digest);
    }
    let digest = read(&mut file)?;
    if self::stand(&file)? != stand {
        return None;
    }
    let mut kept = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= KNOWN_MAX {
        kept.remove(0);
    }
    kept.push((stand, digest));
    Some(digest)
}

fn stand(file: &File) -> Option<Stand> {
    let found = file.metadata().ok().filter(|found| found.is_file() && found.len() <= PROGRAM_BYTES_MAX)?;
    Some(Stand {
        device: found.dev(),
        inode: found.ino(),
        bytes: found.len(),
        modified: (found.mtime(), found.mtime_nsec()),
        changed: (found.ctime(), found.ctime_nsec()),
    })
}

fn read(file: &mut File) -> Option<[u8; 32]> {
    let (mut context, mut buffer) = (Context::new(&SHA256), vec![0; 64 * 1024]);
    loop {
        match file.read(&mut buffer).ok()? {
            0 => return context.finish().as_ref().try_into().ok(),
            count => context.update(buffer.get(..count)?),
        }
    }
}
