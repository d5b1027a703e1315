//! What systemd is told of a process (sd_notify(3)): one datagram, to the socket that it named.

use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};

/// Where words go; nowhere without a service manager.
#[derive(Debug, Clone, Default)]
pub(crate) struct Notify(Option<String>);

impl Notify {
    /// To this socket: a path, or a name that begins with `@`.
    pub(crate) fn to(socket: Option<String>) -> Notify {
        Notify(socket)
    }

    /// It serves. The process may be another than the one that was started first.
    pub(crate) fn ready(&self) {
        self.say(&format!("READY=1\nMAINPID={}", std::process::id()));
    }

    /// It takes no more connections.
    pub(crate) fn stopping(&self) {
        self.say("STOPPING=1");
    }

    fn say(&self, text: &str) {
        let Some(socket) = &self.0 else { return };
        let address = match socket.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name),
            None => SocketAddr::from_pathname(socket),
        };
        // Nobody to tell is no reason to stop.
        let _ = address.and_then(|address| UnixDatagram::unbound()?.send_to_addr(text.as_bytes(), &address));
    }
}
