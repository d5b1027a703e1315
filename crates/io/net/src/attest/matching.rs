//! Whether a process is one that a service's document describes.

use super::LocalPeer;
use selvedge_config::checked::{UnixSelector, Workload};
use std::fs;
use std::path::Path;

/// A process is not the one that a selector describes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Mismatch {
    /// How much of the selector held: what came closest has the most.
    pub held: usize,
    /// What differed first, for the operator.
    pub reason: String,
}

/// The system's files of names.
struct Names {
    passwd: String,
    group: String,
}

/// Whether the process is one that the selector describes: all that is given must hold. Names of users and groups come
/// from `/etc/passwd` and `/etc/group`.
///
/// # Errors
/// What differed, for the operator.
pub fn matches(workload: &Workload, peer: &LocalPeer) -> Result<(), Mismatch> {
    let unix = workload.unix.as_ref();
    let read =
        |wanted: bool, file: &str| if wanted { fs::read_to_string(file).unwrap_or_default() } else { String::new() };
    let names = Names {
        passwd: read(unix.is_some_and(|unix| unix.user.is_some()), "/etc/passwd"),
        group: read(unix.is_some_and(|unix| unix.group.is_some()), "/etc/group"),
    };
    matches_by(workload, peer, &names)
}

fn matches_by(workload: &Workload, peer: &LocalPeer, names: &Names) -> Result<(), Mismatch> {
    let mut tests = workload.unix.as_ref().map_or_else(Vec::new, |unix| of_unix(unix, peer, names));
    if let Some(systemd) = &workload.systemd {
        tests.push(same("systemd unit", peer.unit.as_deref(), &*systemd.unit));
    }
    if tests.is_empty() {
        let reason = "the selector names nothing, so nobody matches: write `unix` or `systemd`".to_owned();
        return Err(Mismatch { held: 0, reason });
    }
    let held = tests.iter().filter(|test| test.is_ok()).count();
    match tests.into_iter().find_map(Result::err) {
        None => Ok(()),
        Some(reason) => Err(Mismatch { held, reason }),
    }
}

/// One test for each thing that is given.
fn of_unix(unix: &UnixSelector, peer: &LocalPeer, names: &Names) -> Vec<Result<(), String>> {
    let mut tests = Vec::new();
    if let Some(uid) = unix.uid {
        tests.push(same("uid", Some(peer.uid), uid));
    }
    if let Some(user) = &unix.user {
        tests.push(match id_of(&names.passwd, user) {
            Some(uid) if uid == peer.uid => Ok(()),
            Some(uid) => Err(format!("the caller's uid is {}, and that of `{user}` is {uid}", peer.uid)),
            None => Err(format!("there is no user `{user}` in /etc/passwd")),
        });
    }
    if let Some(gid) = unix.gid {
        tests.push(same("gid", peer.gid, gid));
    }
    if let Some(group) = &unix.group {
        tests.push(match id_of(&names.group, group) {
            Some(gid) => same("gid", peer.gid, gid),
            None => Err(format!("there is no group `{group}` in /etc/group")),
        });
    }
    if let Some(path) = &unix.path {
        tests.push(match &peer.path {
            Some(seen) if seen == Path::new(&**path) => Ok(()),
            Some(seen) => Err(format!("the caller's program is {seen:?}, not `{path}`")),
            None => Err(format!("the caller's program could not be seen, and `{path}` is asked for")),
        });
    }
    if let Some(sha256) = unix.sha256 {
        tests.push(same("program's SHA-256", peer.sha256.map(hex), hex(sha256)));
    }
    tests
}

fn same<T: PartialEq + std::fmt::Display>(what: &str, seen: Option<T>, wanted: T) -> Result<(), String> {
    match seen {
        Some(seen) if seen == wanted => Ok(()),
        Some(seen) => Err(format!("the caller's {what} is {seen}, not {wanted}")),
        None => Err(format!("the caller's {what} could not be seen, and {wanted} is asked for")),
    }
}

fn hex(digest: [u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// passwd(5) and group(5) alike: `name:password:ID:…`.
fn id_of(file: &str, name: &str) -> Option<u32> {
    let mut entries = file.lines().map(|line| line.split(':'));
    entries.find_map(|mut fields| if fields.next() == Some(name) { fields.nth(1)?.parse().ok() } else { None })
}

#[cfg(test)]
mod tests;
