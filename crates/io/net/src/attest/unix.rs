//! Who connected to a unix socket: the kernel notes user, group and process at that moment (unix(7)).

use super::process::Process;
use super::runs::{self, Run};
use super::{LocalPeer, Look};
use nix::sys::socket::{getsockopt, sockopt};
use selvedge_model::Name;
use std::fs;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// The process that connected, held: a later process with its number is not taken for it.
#[derive(Debug)]
pub struct UnixPeer {
    /// The user when it connected.
    pub uid: u32,
    /// The group when it connected.
    pub gid: u32,
    /// Its number when it connected.
    pub pid: u32,
    process: Process,
}

/// Why the other end of a unix socket is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AttestError {
    /// The kernel does not say who connected.
    #[error("the kernel does not say who connected")]
    Unknown,
    /// The process is outside of our own process namespace.
    #[error("the process that connected is not visible from here: run the node in the same process namespace")]
    Invisible,
    /// It has ended.
    #[error("the process that connected has ended")]
    Ended,
}

impl UnixPeer {
    /// Takes hold of the process that connected to this accepted socket.
    ///
    /// # Errors
    /// When the kernel does not show it, or it has ended.
    pub fn of(socket: &impl AsFd) -> Result<UnixPeer, AttestError> {
        let credentials = getsockopt(socket, sockopt::PeerCredentials).map_err(|_| AttestError::Unknown)?;
        // Linux 6.5 and later hand out the process itself. Before that the number alone is known: then a process that
        // ended between its connection and this line, with its number given anew, would be taken for its successor.
        let held = getsockopt(socket, sockopt::PeerPidfd);
        let pid = u32::try_from(credentials.pid()).ok().filter(|pid| *pid > 0).ok_or(AttestError::Invisible)?;
        let process = Process::open(pid).ok_or(AttestError::Ended)?;
        match held {
            // INVARIANT: while the held process lives its number is its own, so what was opened by number is it.
            Ok(held) if !is_still(&held, pid) => return Err(AttestError::Ended),
            Ok(_) => {}
            Err(nix::errno::Errno::ENOPROTOOPT) => {}
            Err(_) => return Err(AttestError::Ended),
        }
        Ok(UnixPeer { uid: credentials.uid(), gid: credentials.gid(), pid, process })
    }

    /// Looks at the process now. User and group are those with which it connected.
    ///
    /// # Errors
    /// [`AttestError::Ended`] when it has ended.
    pub fn look(&self, look: Look) -> Result<LocalPeer, AttestError> {
        let seen = self.process.look(look).ok_or(AttestError::Ended)?;
        let run_as = runs::find(self.pid, self.uid);
        Ok(LocalPeer { uid: self.uid, gid: Some(self.gid), run_as, ..seen })
    }

    /// Vouches for it, and for all that it starts, as a workload of `service`, until the [`Run`] is dropped. `None`: it has
    /// ended, or there are too many.
    pub fn run_as(&self, service: &Name) -> Option<Run> {
        let run = runs::vouch(self.pid, self.uid, service)?;
        // INVARIANT: it lives now, so what was taken hold of by its number is it.
        self.is_alive().then_some(run)
    }

    /// Whether it is still there.
    pub fn is_alive(&self) -> bool {
        self.process.is_alive()
    }
}

/// Whether a process descriptor stands for a process of this number that has not ended (`Pid:` is -1 then).
fn is_still(held: &OwnedFd, pid: u32) -> bool {
    let info = fs::read_to_string(format!("/proc/self/fdinfo/{}", held.as_raw_fd())).unwrap_or_default();
    let line = info.lines().find_map(|line| line.strip_prefix("Pid:"));
    line.and_then(|pid| pid.trim().parse().ok()) == Some(pid)
}

#[cfg(test)]
mod tests;
