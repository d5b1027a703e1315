//! Shedding load before it takes memory, descriptors or time from those who are served already.
//!
//! What is over a limit is refused at once, and costs nothing: a connection is closed, a request gets 503 with
//! `Retry-After`. Those that are open go on.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

/// Of the descriptors that the process may have, connections from downstream take at most so many hundredths: the rest
/// is for upstreams, files and links.
const DESCRIPTORS_SHARE: u64 = 60;
/// Addresses are counted in so many maps, so that workers seldom wait for each other when they accept.
const SHARDS: usize = 16;
/// How often the memory is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// Hundredths of the memory from which load is shed, and below which it is taken again.
const MEMORY_HIGH: u64 = 85;
const MEMORY_LOW: u64 = 75;

/// What a process has open, and whether it takes more.
pub(crate) struct Gate {
    connections: AtomicU32,
    connections_max: u32,
    /// Guards the count of open connections of each client: taken when one is accepted or ends, never for a request.
    clients: [Mutex<HashMap<IpAddr, u32>>; SHARDS],
    short_of_memory: AtomicBool,
}

/// A connection that counts as open, as long as this lives.
pub(crate) struct Admitted {
    gate: Arc<Gate>,
    client: Option<IpAddr>,
}

impl Gate {
    /// For a process that may have so many descriptors.
    pub(crate) fn new(descriptors: u64) -> Gate {
        let connections_max = u32::try_from(descriptors.saturating_mul(DESCRIPTORS_SHARE) / 100).unwrap_or(u32::MAX);
        Gate {
            connections: AtomicU32::new(0),
            connections_max,
            clients: Default::default(),
            short_of_memory: AtomicBool::new(false),
        }
    }

    /// Admits a connection. `client`: its address, and how many connections one may have. `None`: it is one too many.
    pub(crate) fn admit(self: &Arc<Gate>, client: Option<(IpAddr, u32)>) -> Option<Admitted> {
        if self.is_short_of_memory() {
            return None;
        }
        // Whatever the documents say, one client never takes all that there is.
        let client = client.map(|(address, max)| (network(address), max.min(self.connections_max / 2)));
        if let Some((address, max)) = client {
            let mut clients = self.shard(address).lock().unwrap_or_else(PoisonError::into_inner);
            let count = clients.entry(address).or_insert(0);
            if *count >= max {
                return None;
            }
            *count += 1;
        }
        // From here on the end of `admitted` gives back what was counted.
        let before = self.connections.fetch_add(1, Ordering::Relaxed);
        let admitted = Admitted { gate: self.clone(), client: client.map(|(address, _)| address) };
        (before < self.connections_max).then_some(admitted)
    }

    /// Whether new load is refused for want of memory.
    pub(crate) fn is_short_of_memory(&self) -> bool {
        self.short_of_memory.load(Ordering::Relaxed)
    }

    fn look_at_memory(&self, used: u64, max: u64) {
        let bound = if self.is_short_of_memory() { MEMORY_LOW } else { MEMORY_HIGH };
        self.short_of_memory.store(used / 100 * 100 >= max / 100 * bound, Ordering::Relaxed);
    }

    fn shard(&self, address: IpAddr) -> &Mutex<HashMap<IpAddr, u32>> {
        let last = match address {
            IpAddr::V4(v4) => v4.octets()[3],
            IpAddr::V6(v6) => v6.octets()[7],
        };
        let [first, ..] = &self.clients;
        self.clients.get(usize::from(last) % SHARDS).unwrap_or(first)
    }
}

/// One customer of IPv6 has a whole /64 (RFC 6177).
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

impl Drop for Admitted {
    fn drop(&mut self) {
        self.gate.connections.fetch_sub(1, Ordering::Relaxed);
        let Some(client) = self.client else { return };
        let mut clients = self.gate.shard(client).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = clients.get_mut(&client) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                clients.remove(&client);
            }
        }
    }
}

/// Starts the thread that looks at the memory. It ends with the gate.
///
/// # Errors
/// When the thread cannot be made.
pub(crate) fn watch_memory(gate: Weak<Gate>) -> std::io::Result<()> {
    let Some(max) = selvedge_net::memory_max() else { return Ok(()) };
    std::thread::Builder::new().name("memory".to_owned()).spawn(move || {
        while let Some(gate) = gate.upgrade() {
            if let Some(used) = selvedge_net::memory_used() {
                gate.look_at_memory(used, max);
            }
            drop(gate);
            std::thread::sleep(LOOK_EVERY);
        }
    })?;
    Ok(())
}

#[cfg(test)]
mod tests;
