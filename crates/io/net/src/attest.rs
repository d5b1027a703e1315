//! Who is at the other end of a loopback connection, by the kernel's word (DESIGN §5, workload attestation).
//!
//! `/proc/net/tcp` names the user who made the socket; the descriptors under `/proc/<pid>/fd` lead to the process and
//! its program. The user is firm. The program is what the process runs now, and only processes that we may look into
//! are seen: it narrows down, beside a user, and does not replace one.

mod sockets;

use selvedge_config::checked::UnixSelector;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The process at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalPeer {
    /// The user that made the socket.
    pub uid: u32,
    /// The process that holds it; `None` when not asked for, not found, or when several programs hold it.
    pub pid: Option<u32>,
    /// The program of that process; `None` as for `pid`.
    pub path: Option<PathBuf>,
}

/// Who owns the other end of an accepted loopback connection, whose addresses are `local` (ours) and `remote`. Looking
/// for the process walks all of `/proc`, so it is done only `with_path`.
///
/// `None` when the addresses are not loopback, or the kernel does not show an open socket there.
pub fn local_peer(local: SocketAddr, remote: SocketAddr, with_path: bool) -> Option<LocalPeer> {
    if !local.ip().to_canonical().is_loopback() || !remote.ip().to_canonical().is_loopback() {
        return None;
    }
    let owner = sockets::owner(remote, local)?;
    let (pid, path) = if with_path { holder(owner.inode) } else { None }.unzip();
    Some(LocalPeer { uid: owner.uid, pid, path })
}

/// Whether the process is one that the selector describes: all that is given must hold. User names come from
/// `/etc/passwd`.
///
/// # Errors
/// What differed, for the operator.
pub fn matches(selector: &UnixSelector, peer: &LocalPeer) -> Result<(), String> {
    let passwd = match &selector.user {
        Some(_) => fs::read_to_string("/etc/passwd").map_err(|error| format!("/etc/passwd is unreadable: {error}"))?,
        None => String::new(),
    };
    matches_by(selector, peer, &passwd)
}

fn matches_by(selector: &UnixSelector, peer: &LocalPeer, passwd: &str) -> Result<(), String> {
    if selector.uid.is_none() && selector.user.is_none() && selector.path.is_none() {
        return Err("the selector names nothing, so nobody matches: write `uid`, `user` or `path`".to_owned());
    }
    if let Some(uid) = selector.uid.filter(|uid| *uid != peer.uid) {
        return Err(format!("the caller's uid is {}, not {uid}", peer.uid));
    }
    if let Some(user) = &selector.user {
        let uid = uid_of(passwd, user).ok_or_else(|| format!("there is no user `{user}` in /etc/passwd"))?;
        if uid != peer.uid {
            return Err(format!("the caller's uid is {}, and that of `{user}` is {uid}", peer.uid));
        }
    }
    match (&selector.path, &peer.path) {
        (None, _) => Ok(()),
        (Some(wanted), Some(path)) if path == Path::new(&**wanted) => Ok(()),
        (Some(wanted), Some(path)) => Err(format!("the caller's program is {path:?}, not `{wanted}`")),
        (Some(wanted), None) => Err(format!("the caller's program could not be seen, and `{wanted}` is asked for")),
    }
}

/// passwd(5): `name:password:UID:…`.
fn uid_of(passwd: &str, user: &str) -> Option<u32> {
    let mut entries = passwd.lines().map(|line| line.split(':'));
    entries.find_map(|mut fields| if fields.next() == Some(user) { fields.nth(1)?.parse().ok() } else { None })
}

/// The process that holds the socket, and its program. A socket that processes of different programs hold (inherited
/// over `fork`) proves nothing about either.
fn holder(inode: u64) -> Option<(u32, PathBuf)> {
    let link = format!("socket:[{inode}]");
    let mut found: Option<(u32, PathBuf)> = None;
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if !holds(&entry.path(), &link) {
            continue;
        }
        let path = fs::read_link(entry.path().join("exe")).ok()?;
        match &found {
            Some((_, other)) if *other != path => return None,
            Some(_) => {}
            None => found = Some((pid, path)),
        }
    }
    found
}

fn holds(process: &Path, link: &str) -> bool {
    let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    descriptors.into_iter().any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == Path::new(link)))
}

#[cfg(test)]
mod tests;
