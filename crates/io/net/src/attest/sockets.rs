//! The kernel's tables of TCP sockets, `/proc/net/tcp` and `/proc/net/tcp6` (proc_pid_net(5)).

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Who made a socket, and its inode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) inode: u64,
}

/// States in which a socket still belongs to a process: ESTABLISHED, FIN_WAIT1, FIN_WAIT2, CLOSE_WAIT. Others, such as
/// TIME_WAIT, are shown with uid 0, which must never be read as root's.
const STATES: &[&str] = &["01", "04", "05", "08"];

/// The owner of the socket that is bound to `local` and connected to `remote`. An IPv4 connection may be held by an
/// IPv6 socket, so both tables are read.
pub(super) fn owner(local: SocketAddr, remote: SocketAddr) -> Option<Owner> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].into_iter().filter_map(|table| File::open(table).ok());
    tables.into_iter().find_map(|table| find(BufReader::with_capacity(64 * 1024, table), local, remote))
}

pub(super) fn find(mut table: impl BufRead, local: SocketAddr, remote: SocketAddr) -> Option<Owner> {
    let mut line = String::new();
    let wanted = (canonical(local), canonical(remote));
    loop {
        line.clear();
        if table.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some(owner) = parse(&line, wanted) {
            return Some(owner);
        }
    }
}

/// One line, when it is the wanted socket. Ports are compared first: they settle most lines.
fn parse(line: &str, (local, remote): (SocketAddr, SocketAddr)) -> Option<Owner> {
    let mut fields = line.split_ascii_whitespace().skip(1);
    let (ours, theirs) = (fields.next()?.split_once(':')?, fields.next()?.split_once(':')?);
    let port = |text| u16::from_str_radix(text, 16).ok();
    if port(ours.1)? != local.port() || port(theirs.1)? != remote.port() {
        return None;
    }
    if address(ours.0)? != local.ip() || address(theirs.0)? != remote.ip() || !STATES.contains(&fields.next()?) {
        return None;
    }
    // After the state: queues, timer, retransmits, uid, timeout, inode.
    let uid = fields.nth(3)?.parse().ok()?;
    let inode = fields.nth(1)?.parse().ok().filter(|inode| *inode != 0)?;
    Some(Owner { uid, inode })
}

/// The kernel prints addresses as 32-bit words in the machine's own byte order.
fn address(text: &str) -> Option<IpAddr> {
    let word = |at: usize| {
        let word = u32::from_str_radix(text.get(at..at + 8)?, 16).ok()?;
        Some(u32::from_be_bytes(word.to_ne_bytes()))
    };
    match text.len() {
        8 => Some(Ipv4Addr::from_bits(word(0)?).into()),
        32 => {
            let words = [word(0)?, word(8)?, word(16)?, word(24)?];
            let bits = words.into_iter().fold(0, |bits, word| (bits << 32) | u128::from(word));
            Some(IpAddr::from(Ipv6Addr::from_bits(bits)).to_canonical())
        }
        _ => None,
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    SocketAddr::new(address.ip().to_canonical(), address.port())
}
