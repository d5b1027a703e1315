//! How a process shows that it is a service's workload: by what the kernel says of it.

use std::sync::Arc;

/// Attestation of a local process by the kernel's word. At least one is given, and all that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workload {
    /// By its user, group and program.
    pub unix: Option<UnixSelector>,
    /// By the systemd unit that it runs in.
    pub systemd: Option<SystemdSelector>,
}

/// A process by its user, group and program. All that is given must hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UnixSelector {
    /// The user id.
    pub uid: Option<u32>,
    /// The user name, resolved on the node.
    pub user: Option<Arc<str>>,
    /// The group id.
    pub gid: Option<u32>,
    /// The group name, resolved on the node.
    pub group: Option<Arc<str>>,
    /// The executable's path.
    pub path: Option<Arc<str>>,
    /// SHA-256 of the executable.
    pub sha256: Option<[u8; 32]>,
}

/// A process by its systemd unit, as the control group says that systemd put it into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemdSelector {
    /// The unit's full name, such as `orders.service`; a unit of the system, not of a user.
    pub unit: Arc<str>,
}

impl Workload {
    /// Whether the process itself has to be looked at, and not only the user of its socket.
    pub fn needs_process(&self) -> bool {
        let unix = self.unix.as_ref();
        let beyond_user = |unix: &UnixSelector| unix.gid.is_some() || unix.group.is_some() || unix.path.is_some();
        self.systemd.is_some() || unix.is_some_and(beyond_user) || self.needs_digest()
    }

    /// Whether its program has to be read.
    pub fn needs_digest(&self) -> bool {
        self.unix.as_ref().is_some_and(|unix| unix.sha256.is_some())
    }
}
