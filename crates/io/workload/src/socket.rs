//! Making a socket that others connect to, without trusting what stands there.

use crate::limits::ACCEPT_RETRY;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use tokio::net::UnixListener;

/// Bytes of a socket's path (unix(7): 108 with the zero at its end).
const PATH_BYTES_MAX: usize = 107;

/// A bound socket. Its file goes when this does.
#[derive(Debug)]
pub struct Socket {
    listener: UnixListener,
    path: PathBuf,
    /// The file that is ours: another that took its place is not removed.
    file: (u64, u64),
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The path does not fit into a socket's address.
    #[error("the path of the socket `{0}` is over 107 bytes: choose a shorter one")]
    TooLong(PathBuf),
    /// A folder on the way belongs to somebody else, or others may change it.
    #[error(
        "`{path}` can be changed by others (owner {owner}, mode {mode:03o}), who could put a socket of theirs there: choose another folder"
    )]
    Exposed {
        /// The folder.
        path: PathBuf,
        /// Its owner.
        owner: u32,
        /// Its mode.
        mode: u32,
    },
    /// What stands there is no socket, or somebody else's.
    #[error("`{0}` is not a socket of ours: remove it, or choose another path")]
    Foreign(PathBuf),
    /// Somebody serves there.
    #[error("another process serves at `{0}`: end it, or choose another path")]
    Served(PathBuf),
    /// The system's error.
    #[error("cannot serve at `{path}`: {error}")]
    System {
        /// The socket or folder.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
}

impl Socket {
    /// Binds `path`. Its folder is made when absent, with mode 0755, or 0700 when the socket is `private`; the socket's
    /// own mode is 0666, or 0600. To be called inside a runtime.
    ///
    /// # Errors
    /// When the place cannot be trusted, or somebody serves there.
    pub fn bind(path: &Path, private: bool) -> Result<Socket, SocketError> {
        let failed = |error| SocketError::System { path: path.to_owned(), error };
        if path.as_os_str().len() > PATH_BYTES_MAX {
            return Err(SocketError::TooLong(path.to_owned()));
        }
        let path = std::path::absolute(path).map_err(failed)?;
        let folder = path.parent().ok_or_else(|| SocketError::Foreign(path.clone()))?;
        let mode = if private { 0o700 } else { 0o755 };
        fs::DirBuilder::new().recursive(true).mode(mode).create(folder).map_err(failed)?;
        let own = own_uid().map_err(failed)?;
        // Where links lead to, so that every folder on the way is looked at.
        let folder = fs::canonicalize(folder).map_err(failed)?;
        folder.ancestors().try_for_each(|folder| check_folder(folder, own))?;
        clear(&path, own)?;
        let listener = UnixListener::bind(&path).map_err(failed)?;
        let mode = if private { 0o600 } else { 0o666 };
        fs::set_permissions(&path, Permissions::from_mode(mode)).map_err(failed)?;
        let file = fs::symlink_metadata(&path).map_err(failed)?;
        Ok(Socket { listener, path, file: (file.dev(), file.ino()) })
    }

    /// The next connection. While the system has no descriptor for one, it waits.
    pub async fn accept(&self) -> tokio::net::UnixStream {
        loop {
            match self.listener.accept().await {
                Ok((stream, _)) => return stream,
                Err(_) => tokio::time::sleep(ACCEPT_RETRY).await,
            }
        }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// Whether a socket's file belongs to us or root, and so do the folders that lead to it: whom to trust as a server.
///
/// # Errors
/// What is wrong with the place.
pub(crate) fn check_server(path: &Path) -> Result<(), SocketError> {
    let failed = |error| SocketError::System { path: path.to_owned(), error };
    let path = fs::canonicalize(path).map_err(failed)?;
    let (file, own) = (fs::symlink_metadata(&path).map_err(failed)?, own_uid().map_err(failed)?);
    if !file.file_type().is_socket() || !is_trusted(file.uid(), own) {
        return Err(SocketError::Foreign(path));
    }
    path.ancestors().skip(1).try_for_each(|folder| check_folder(folder, own))
}

/// A folder that nobody but us and root can put files into. A sticky one, such as `/tmp`, keeps what we make in it.
fn check_folder(path: &Path, own: u32) -> Result<(), SocketError> {
    let found = fs::metadata(path).map_err(|error| SocketError::System { path: path.to_owned(), error })?;
    let (mode, owner) = (found.mode(), found.uid());
    let is_open = mode & 0o022 != 0 && mode & 0o1000 == 0;
    if !is_trusted(owner, own) || is_open {
        return Err(SocketError::Exposed { path: path.to_owned(), owner, mode: mode & 0o7777 });
    }
    Ok(())
}

fn is_trusted(owner: u32, own: u32) -> bool {
    owner == own || owner == 0
}

/// Removes what a former process of ours left there, and nothing else.
fn clear(path: &Path, own: u32) -> Result<(), SocketError> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() || found.uid() != own {
        return Err(SocketError::Foreign(path.to_owned()));
    }
    if UnixStream::connect(path).is_ok() {
        return Err(SocketError::Served(path.to_owned()));
    }
    fs::remove_file(path).map_err(|error| SocketError::System { path: path.to_owned(), error })
}

/// Our own user, by the kernel's word.
fn own_uid() -> io::Result<u32> {
    let (one, _other) = tokio::net::UnixStream::pair()?;
    Ok(one.peer_cred()?.uid())
}

impl Drop for Socket {
    fn drop(&mut self) {
        let is_ours = fs::symlink_metadata(&self.path).is_ok_and(|file| (file.dev(), file.ino()) == self.file);
        if is_ours {
            let _ = fs::remove_file(&self.path);
        }
    }
}
