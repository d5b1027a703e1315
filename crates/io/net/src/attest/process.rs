//! A process, held while it is read: its directory in `/proc`, opened once, belongs to that process and to no later one
//! with the same number.

use super::{LocalPeer, Look, cgroup, digest};
use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::path::PathBuf;

/// Processes between one and an ancestor that are looked at.
const ANCESTORS_MAX: usize = 64;

/// A held process. After its end everything that is read of it is an error, whoever has its number then.
#[derive(Debug)]
pub(super) struct Process {
    pid: u32,
    directory: File,
}

impl Process {
    /// Takes hold of the process that has this number now.
    pub(super) fn open(pid: u32) -> Option<Process> {
        Some(Process { pid, directory: File::open(format!("/proc/{pid}")).ok()? })
    }

    /// A path into the held directory.
    pub(super) fn directory(&self) -> PathBuf {
        PathBuf::from(format!("/proc/self/fd/{}", self.directory.as_raw_fd()))
    }

    /// The path of its program.
    pub(super) fn program(&self) -> Option<PathBuf> {
        fs::read_link(self.directory().join("exe")).ok()
    }

    /// Everything that `look` asks for, but what it was started as. `None`: it has ended.
    pub(super) fn look(&self, look: Look) -> Option<LocalPeer> {
        let (uid, gid) = self.owner()?;
        let groups = fs::read_to_string(self.directory().join("cgroup")).unwrap_or_default();
        let seen = LocalPeer {
            uid,
            gid: Some(gid),
            pid: Some(self.pid),
            path: self.program(),
            sha256: if look == Look::Digest { digest::of(&self.directory().join("exe")) } else { None },
            unit: cgroup::unit(&groups),
            pod: cgroup::pod(&groups),
            run_as: None,
        };
        self.is_alive().then_some(seen)
    }

    /// The effective user and group (proc_pid_status(5)).
    pub(super) fn owner(&self) -> Option<(u32, u32)> {
        let status = fs::read_to_string(self.directory().join("status")).ok()?;
        let effective = |key: &str| {
            let line = status.lines().find_map(|line| line.strip_prefix(key))?;
            line.split_ascii_whitespace().nth(1)?.parse().ok()
        };
        Some((effective("Uid:")?, effective("Gid:")?))
    }

    /// Whether it is neither gone nor waiting to be collected.
    pub(super) fn is_alive(&self) -> bool {
        fs::read_to_string(self.directory().join("stat"))
            .is_ok_and(|stat| !matches!(state(&stat), None | Some("Z" | "X")))
    }
}

/// The fields after the program's name, which may itself hold blanks and brackets (proc_pid_stat(5)).
fn fields(stat: &str) -> impl Iterator<Item = &str> {
    stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_ascii_whitespace()
}

fn state(stat: &str) -> Option<&str> {
    fields(stat).next()
}

/// The process and its ancestors, itself first.
pub(super) fn line_of(pid: u32) -> impl Iterator<Item = u32> {
    let parent = |pid: &u32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        fields(&stat).nth(1)?.parse().ok().filter(|parent| *parent > 1)
    };
    std::iter::successors(Some(pid), parent).take(ANCESTORS_MAX)
}
