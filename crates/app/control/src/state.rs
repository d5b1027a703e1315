//! The state directory: private to our user, held by one control at a time, and written so that a crash leaves either
//! the old file or the new one.

use std::fs::{DirBuilder, File, OpenOptions, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Bytes of one state file; the bundle is the largest.
const FILE_BYTES_MAX: u64 = 128 * 1024 * 1024;

/// The state directory of a control plane.
#[derive(Debug)]
pub(crate) struct State {
    root: PathBuf,
    /// Held while control runs.
    _lock: Option<File>,
}

/// Why the state directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum StateError {
    /// Others may read or write it.
    #[error("`{path}` has mode {mode:04o}, so others can get at it: run `chmod go= {path}` if nobody did", path = path.display())]
    Loose {
        /// Which file or directory.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// Somebody else's.
    #[error("`{path}` belongs to user {uid}, not to the user that runs this: name another directory", path = path.display())]
    Foreign {
        /// Which file or directory.
        path: PathBuf,
        /// Its owner.
        uid: u32,
    },
    /// Another control holds it.
    #[error("another control runs with the state directory `{}`: stop it, or name another", .0.display())]
    InUse(PathBuf),
    /// A file that is too large to be ours.
    #[error("`{}` is too large: it was not written by this program", .0.display())]
    TooLarge(PathBuf),
    /// A file that is not what we wrote.
    #[error("`{path}` is damaged ({reason}): restore it from a copy, or remove it", path = path.display())]
    Damaged {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The file system failed.
    #[error("cannot use `{path}`: {error}", path = path.display())]
    Io {
        /// Which file or directory.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
}

impl State {
    /// Makes or opens the directory, and holds it.
    pub(crate) fn open(root: &Path, own_uid: u32) -> Result<State, StateError> {
        private_directory(root)?;
        check_private(root, Some(own_uid))?;
        let path = root.join("lock");
        let lock = OpenOptions::new().create(true).truncate(false).write(true).mode(0o600).open(&path);
        let lock = lock.map_err(|error| io(&path, error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(StateError::InUse(root.to_owned())),
            Err(TryLockError::Error(error)) => return Err(io(&path, error)),
        }
        let state = State { root: root.to_owned(), _lock: Some(lock) };
        private_directory(&state.tokens())?;
        Ok(state)
    }

    /// Looks at the directory without holding it: for commands beside a running control.
    pub(crate) fn visit(root: &Path) -> State {
        State { root: root.to_owned(), _lock: None }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// One file per join token, named by the hash of its secret.
    pub(crate) fn tokens(&self) -> PathBuf {
        self.root.join("tokens")
    }

    pub(crate) fn registry(&self) -> PathBuf {
        self.root.join("registry.json")
    }

    /// The last good bundle, signed.
    pub(crate) fn bundle(&self) -> PathBuf {
        self.root.join("bundle.json")
    }

    /// What a join token says besides its secret: whom to trust and where control is.
    pub(crate) fn contact(&self) -> PathBuf {
        self.root.join("contact.json")
    }

    /// What is revoked.
    pub(crate) fn revoked(&self) -> PathBuf {
        self.root.join("revoked.json")
    }

    /// The bundles of federated trust domains.
    pub(crate) fn federation(&self) -> PathBuf {
        self.root.join("federation.json")
    }

    pub(crate) fn control_socket(&self) -> PathBuf {
        self.root.join("control.sock")
    }

    pub(crate) fn authority_socket(&self) -> PathBuf {
        self.root.join("authority.sock")
    }
}

/// Makes a directory of mode 0700 if there is none, and refuses one that others can get at.
pub(crate) fn private_directory(path: &Path) -> Result<(), StateError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(|error| io(path, error))?;
    check_private(path, None)
}

/// Refuses a file or directory with any permission for group or others, or of an owner other than `uid`.
pub(crate) fn check_private(path: &Path, uid: Option<u32>) -> Result<(), StateError> {
    let found = std::fs::metadata(path).map_err(|error| io(path, error))?;
    if found.mode() & 0o077 != 0 {
        return Err(StateError::Loose { path: path.to_owned(), mode: found.mode() & 0o7777 });
    }
    if uid.is_some_and(|uid| uid != found.uid()) {
        return Err(StateError::Foreign { path: path.to_owned(), uid: found.uid() });
    }
    Ok(())
}

/// Reads a file; `None` when there is none.
pub(crate) fn read(path: &Path) -> Result<Option<Vec<u8>>, StateError> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(io(path, error)),
    };
    let mut bytes = Vec::new();
    file.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(|error| io(path, error))?;
    if bytes.len() as u64 > FILE_BYTES_MAX {
        return Err(StateError::TooLarge(path.to_owned()));
    }
    Ok(Some(bytes))
}

/// Reads a JSON file; `None` when there is none.
pub(crate) fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, StateError> {
    let Some(bytes) = read(path)? else { return Ok(None) };
    let damaged = |error: serde_json::Error| StateError::Damaged { path: path.to_owned(), reason: error.to_string() };
    serde_json::from_slice(&bytes).map(Some).map_err(damaged)
}

/// Writes a JSON file as [`write`] does.
pub(crate) fn write_json(path: &Path, value: &impl serde::Serialize) -> Result<(), StateError> {
    let bytes = serde_json::to_vec(value).map_err(|error| io(path, error.into()))?;
    write(path, &bytes)
}

/// Writes a file of mode 0600 under a new name, syncs it, renames it over the old one, and syncs the directory: what
/// was answered for survives a crash.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<(), StateError> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let written = (|| {
        // A leftover of a crash may have another mode.
        remove_if_there(&new)?;
        let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&new)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&new, path)?;
        sync_parent(path)
    })();
    written.map_err(|error| io(path, error))
}

/// Removes a file so that the removal survives a crash. `false` when there was none.
pub(crate) fn remove(path: &Path) -> Result<bool, StateError> {
    let removed = remove_if_there(path).and_then(|there| sync_parent(path).map(|()| there));
    removed.map_err(|error| io(path, error))
}

fn remove_if_there(path: &Path) -> std::io::Result<bool> {
    match std::fs::remove_file(path) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

pub(crate) fn sync_parent(path: &Path) -> std::io::Result<()> {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => File::open(parent)?.sync_all(),
        _ => File::open(".")?.sync_all(),
    }
}

pub(crate) fn io(path: &Path, error: std::io::Error) -> StateError {
    StateError::Io { path: path.to_owned(), error }
}
