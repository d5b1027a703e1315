//! The counts of all limits of this process, shared by its workers.
//!
//! Two sets of tables: one for keys that a caller chooses freely, its address or a field, and one for those that it had to
//! prove. So a flood of made-up keys never fills a place that a known caller needs.

mod kept;

pub use kept::Quotas;

use kept::Kept;
use selvedge_config::checked::{Amount, Per};
use selvedge_http::Fields;
use selvedge_limit::{Gcra, InUse, Key, Keys, Place, Seed, Standing, Table, Used};
use selvedge_model::{Principal, SpiffeId};
use selvedge_plan::Limited;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Instant;

/// The counts of one process.
pub(crate) struct Limiter {
    keys: Keys,
    started: Instant,
    open: Tables,
    proven: Tables,
    /// Keys of quotas, which are the same after a restart.
    lasting: OnceLock<Keys>,
    /// Guards counts of before the restart, until each table has taken its own.
    kept: Mutex<Option<Kept>>,
}

/// Made when a limit of their kind is first asked: who sets no limit pays nothing.
#[derive(Default)]
struct Tables {
    rates: OnceLock<Table<Gcra>>,
    quotas: OnceLock<Table<Used>>,
    in_use: OnceLock<Table<InUse>>,
}

/// What callers are told apart by, as far as this hop knows it.
#[derive(Clone, Copy)]
pub(crate) struct Caller<'a> {
    /// Counts of one role are not those of another: one process may run a gateway and a node.
    pub(crate) role: &'static str,
    pub(crate) client: Option<IpAddr>,
    pub(crate) user: Option<&'a Principal>,
    pub(crate) key: Option<&'a str>,
    pub(crate) service: &'a SpiffeId,
    pub(crate) fields: Option<&'a Fields>,
}

/// When it is, and how many keys a table has room for.
#[derive(Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) at: Instant,
    pub(crate) now_s: u64,
    pub(crate) keys: usize,
}

/// How one limit stands, to be told the client.
#[derive(Debug)]
pub(crate) struct Told {
    pub(crate) name: Arc<str>,
    pub(crate) amount: Amount,
    pub(crate) standing: Standing,
    /// Seconds of the whole window.
    pub(crate) window_s: u64,
}

/// What a request holds while it is under way; given back when this is dropped.
#[derive(Default)]
pub(crate) struct Held(Vec<(Arc<Limiter>, Taken)>);

/// Something that was taken, and where.
#[derive(Clone, Copy)]
struct Taken {
    amount: Amount,
    open: bool,
    key: Key,
    place: Place,
}

impl Limiter {
    pub(crate) fn new(seed: Seed) -> Limiter {
        let (open, proven) = (Tables::default(), Tables::default());
        let (lasting, kept) = (OnceLock::new(), Mutex::new(None));
        Limiter { keys: Keys::new(seed), started: Instant::now(), open, proven, lasting, kept }
    }

    /// Takes one from each limit, or from none.
    ///
    /// # Errors
    /// The first limit that is exhausted, by its text for the operator.
    pub(crate) fn take<'l>(
        self: &Arc<Limiter>,
        limits: impl Iterator<Item = &'l Limited>,
        caller: &Caller<'_>,
        moment: Moment,
        told: &mut Vec<Told>,
        held: &mut Held,
    ) -> Result<(), Arc<str>> {
        let mut taken: Vec<Taken> = Vec::new();
        for limited in limits {
            let (one, standing) = self.take_one(limited, caller, moment);
            let window_s = window_s(&limited.limit.amount, moment.now_s);
            told.push(Told { name: limited.name.clone(), amount: limited.limit.amount, standing, window_s });
            if !standing.admitted {
                // A request that one limit refuses costs nothing at the others.
                taken.iter().for_each(|taken| self.give_back(taken));
                return Err(limited.text.clone());
            }
            taken.push(one);
        }
        let under_way = taken.into_iter().filter(|taken| matches!(taken.amount, Amount::Concurrency(_)));
        held.0.extend(under_way.map(|taken| (Arc::clone(self), taken)));
        Ok(())
    }

    fn take_one(&self, limited: &Limited, caller: &Caller<'_>, moment: Moment) -> (Taken, Standing) {
        let (amount, open) = (limited.limit.amount, limited.limit.is_open());
        let key = self.key(limited, caller);
        let tables = self.tables(open);
        let (place, standing) = match amount {
            Amount::Rate(rate) => {
                // From one second, so that no state is of the time zero.
                let since = moment.at.saturating_duration_since(self.started).as_nanos();
                let now_ns = u64::try_from(since).unwrap_or(u64::MAX / 2) + 1_000_000_000;
                let table = tables.rates.get_or_init(|| Table::new(moment.keys));
                table.with(key, now_ns, |state| state.take(&rate, now_ns))
            }
            Amount::Quota(quota) => {
                let table = self.quotas(open, moment.keys, moment.now_s);
                table.with(key, moment.now_s, |state| state.take(&quota, moment.now_s))
            }
            Amount::Concurrency(most) => {
                let table = tables.in_use.get_or_init(|| Table::new(moment.keys));
                table.with(key, 0, |state| state.take(most))
            }
        };
        (Taken { amount, open, key, place }, standing)
    }

    fn give_back(&self, taken: &Taken) {
        let (tables, Taken { key, place, .. }) = (self.tables(taken.open), *taken);
        match taken.amount {
            Amount::Rate(rate) => {
                tables
                    .rates
                    .get()
                    .into_iter()
                    .for_each(|table| table.again(key, place, |state| state.give_back(&rate)));
            }
            Amount::Quota(_) => {
                tables.quotas.get().into_iter().for_each(|table| table.again(key, place, Used::give_back));
            }
            Amount::Concurrency(_) => {
                tables.in_use.get().into_iter().for_each(|table| table.again(key, place, InUse::give_back));
            }
        }
    }

    fn tables(&self, open: bool) -> &Tables {
        if open { &self.open } else { &self.proven }
    }

    /// The key of a caller under a limit. What a caller does not have counts as an empty part: all such share one key.
    fn key(&self, limited: &Limited, caller: &Caller<'_>) -> Key {
        let mut parts: Vec<&[u8]> = vec![caller.role.as_bytes(), limited.key.as_bytes()];
        let (mut address, mut joined) = ([0; 17], Vec::new());
        for per in &limited.limit.per {
            match per {
                Per::Client { v4_prefix, v6_prefix } => address = network(caller.client, *v4_prefix, *v6_prefix),
                // Values of a repeated field are joined, so that none can hide another.
                Per::Header(name) => caller.fields.into_iter().flat_map(|fields| fields.all(name)).for_each(|value| {
                    joined.extend_from_slice(&(value.len() as u64).to_be_bytes());
                    joined.extend_from_slice(value);
                }),
                Per::Subject | Per::ApiKey | Per::Caller => {}
            }
        }
        for per in &limited.limit.per {
            match per {
                Per::Client { .. } => parts.push(&address),
                Per::Header(name) => parts.extend([name.as_bytes(), &joined]),
                Per::Subject => {
                    let user = caller.user.map(|user| [user.issuer.as_str().as_bytes(), user.subject.as_bytes()]);
                    parts.extend(user.unwrap_or_default());
                }
                Per::ApiKey => parts.push(caller.key.unwrap_or_default().as_bytes()),
                Per::Caller => parts.push(caller.service.as_str().as_bytes()),
            }
        }
        match limited.limit.amount {
            Amount::Quota(_) => self.lasting().lasting(parts),
            Amount::Rate(_) | Amount::Concurrency(_) => self.keys.key(parts),
        }
    }
}

/// The leading bits of an address, and its family.
fn network(client: Option<IpAddr>, v4_prefix: u8, v6_prefix: u8) -> [u8; 17] {
    let mut bytes = [0; 17];
    let address = match client.map(|client| client.to_canonical()) {
        None => return bytes,
        Some(IpAddr::V4(v4)) => {
            let mask = u32::MAX.checked_shl(32 - u32::from(v4_prefix.min(32))).unwrap_or(0);
            Ipv4Addr::from_bits(v4.to_bits() & mask).to_ipv6_mapped()
        }
        Some(IpAddr::V6(v6)) => {
            let mask = u128::MAX.checked_shl(128 - u32::from(v6_prefix.min(128))).unwrap_or(0);
            Ipv6Addr::from_bits(v6.to_bits() & mask)
        }
    };
    let family = if client.is_some_and(|client| client.to_canonical().is_ipv4()) { 4 } else { 6 };
    bytes.iter_mut().zip(std::iter::once(family).chain(address.octets())).for_each(|(slot, byte)| *slot = byte);
    bytes
}

fn window_s(amount: &Amount, now_s: u64) -> u64 {
    match amount {
        Amount::Rate(rate) => rate.period_ms().div_ceil(1_000),
        Amount::Quota(quota) => quota.window.length_s(now_s),
        Amount::Concurrency(_) => 0,
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.0.iter().for_each(|(limiter, taken)| limiter.give_back(taken));
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({})", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_one_network_share_a_key_and_families_do_not() {
        let of = |text: &str| network(text.parse().ok(), 24, 64);
        assert_eq!(of("192.0.2.1"), of("192.0.2.200"));
        assert_eq!(of("192.0.2.1"), of("::ffff:192.0.2.9"));
        assert_ne!(of("192.0.2.1"), of("192.0.3.1"));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:ffff:ffff:ffff"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_ne!(of("0.0.0.0"), of("::"));
        assert_ne!(network(None, 32, 64), of("::"));
    }
}
