//! Who is at the other end of a local socket, by the kernel's word (DESIGN §5, workload attestation).
//!
//! A TCP connection over loopback: `/proc/net/tcp` names the user who made the socket, and the descriptors under
//! `/proc/<pid>/fd` lead to the process. A unix socket: the kernel notes user, group and process when it is connected,
//! and holds the process for us, so that a number that was given to another since cannot lie. Either way `process`
//! reads the rest of what `selvedge_config::checked::Workload` selects by.
//!
//! The user is firm. The program is what the process runs now, and only processes that we may look into are seen: it
//! narrows down, beside a user, and does not replace one, since whoever may run a program may hand a socket to it.

mod cgroup;
mod digest;
mod matching;
mod process;
mod runs;
mod sockets;
mod unix;

pub use matching::{Mismatch, matches};
pub use runs::Run;
pub use unix::{AttestError, UnixPeer};

use process::Process;
use selvedge_config::checked::Workload;
use selvedge_model::Name;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// The process at the other end. What was not asked for, or could not be seen, is `None`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LocalPeer {
    /// The user that made the socket.
    pub uid: u32,
    /// Its group.
    pub gid: Option<u32>,
    /// The process that holds it; `None` also when several programs hold it.
    pub pid: Option<u32>,
    /// The program of that process.
    pub path: Option<PathBuf>,
    /// SHA-256 of that program.
    pub sha256: Option<[u8; 32]>,
    /// The systemd unit of the system that it runs in.
    pub unit: Option<String>,
    /// The Kubernetes pod that it runs in, by its uid.
    pub pod: Option<String>,
    /// The service that `selvedge run` started it as.
    pub run_as: Option<Name>,
}

/// How much of a process is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Look {
    /// The user of its socket alone.
    User,
    /// All but the digest.
    Process,
    /// Its program is read, too.
    Digest,
}

impl Look {
    /// What these selectors ask for together. Whether `selvedge run` started a process is seen in the process.
    pub fn of<'a>(selectors: impl IntoIterator<Item = Option<&'a Workload>>) -> Look {
        let least = if runs::any() { Look::Process } else { Look::User };
        let one = |selector: &Workload| match (selector.needs_process(), selector.needs_digest()) {
            (_, true) => Look::Digest,
            (true, false) => Look::Process,
            (false, false) => Look::User,
        };
        selectors.into_iter().flatten().map(one).fold(least, Look::max)
    }
}

/// Who owns the other end of an accepted loopback connection, whose addresses are `local` (ours) and `remote`. Looking
/// for the process walks all of `/proc`, so it is done only where `look` asks for it.
///
/// `None` when the addresses are not loopback, or the kernel does not show an open socket there.
pub fn local_peer(local: SocketAddr, remote: SocketAddr, look: Look) -> Option<LocalPeer> {
    if !local.ip().to_canonical().is_loopback() || !remote.ip().to_canonical().is_loopback() {
        return None;
    }
    let owner = sockets::owner(remote, local)?;
    let user = LocalPeer { uid: owner.uid, ..LocalPeer::default() };
    let process = if look > Look::User { holder(owner.inode) } else { None };
    Some(match process {
        Some(process) => process.look(look).map_or(user, |seen| {
            let run_as = seen.pid.and_then(|pid| runs::find(pid, owner.uid));
            LocalPeer { uid: owner.uid, run_as, ..seen }
        }),
        None => user,
    })
}

/// The process that holds the socket. A socket that processes of different programs hold (inherited over `fork`) proves
/// nothing about either.
fn holder(inode: u64) -> Option<Process> {
    let link = format!("socket:[{inode}]");
    let mut found: Option<(Process, PathBuf)> = None;
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if !holds(&entry.path(), &link) {
            continue;
        }
        let process = Process::open(pid)?;
        let program = process.program()?;
        match &found {
            Some((_, other)) if *other != program => return None,
            Some(_) => {}
            None => found = Some((process, program)),
        }
    }
    let (process, _) = found?;
    // Once more through the handle: the number that was looked at may have been given to another.
    holds(&process.directory(), &link).then_some(process)
}

fn holds(process: &Path, link: &str) -> bool {
    let descriptors = fs::read_dir(process.join("fd")).into_iter().flatten().flatten();
    descriptors.into_iter().any(|fd| fs::read_link(fd.path()).is_ok_and(|target| target == Path::new(link)))
}

#[cfg(test)]
mod tests;
