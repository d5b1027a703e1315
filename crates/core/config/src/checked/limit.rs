//! Limits: how fast, how many in a day or month, how many at once, and by what callers are told apart.

use selvedge_limit::{Quota, Rate, Window};
use std::fmt;
use std::sync::Arc;

/// One limit, as a rule, a service or a gateway states it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limit {
    /// How much.
    pub amount: Amount,
    /// By what callers are told apart, all together; when there is none, all share one count.
    pub per: Vec<Per>,
}

/// How much a limit lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Amount {
    /// So many in a time, with a burst.
    Rate(Rate),
    /// So many in a calendar day or month.
    Quota(Quota),
    /// So many at once.
    Concurrency(u32),
}

/// What tells callers apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Per {
    /// The issuer and subject of the credential.
    Subject,
    /// The API key itself, where one owner has several.
    ApiKey,
    /// The client's address: so many leading bits of it.
    Client {
        /// Of an IPv4 address.
        v4_prefix: u8,
        /// Of an IPv6 address; 64 by default, since a client has as many addresses as it likes below that.
        v6_prefix: u8,
    },
    /// The service that calls, from inside.
    Caller,
    /// The value of a request field, in lower case.
    Header(Arc<str>),
}

impl Limit {
    /// Whether a caller could choose its own key without proving anything.
    pub fn is_open(&self) -> bool {
        self.per.iter().any(|per| matches!(per, Per::Client { .. } | Per::Header(_)))
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.amount {
            Amount::Rate(rate) => write!(f, "rate {}/{}", rate.count(), period(rate.period_ms()))?,
            Amount::Quota(quota) => {
                let window = match quota.window {
                    Window::Day => "day",
                    Window::Month => "month",
                };
                write!(f, "quota {}/{window}", quota.count)?;
            }
            Amount::Concurrency(most) => write!(f, "concurrency {most}")?,
        }
        let words = self.per.iter().map(|per| match per {
            Per::Subject => "subject".to_owned(),
            Per::ApiKey => "apiKey".to_owned(),
            Per::Client { .. } => "client".to_owned(),
            Per::Caller => "caller".to_owned(),
            Per::Header(name) => format!("header {name}"),
        });
        let words: Vec<String> = words.collect();
        if words.is_empty() { Ok(()) } else { write!(f, " per {}", words.join(", ")) }
    }
}

/// `s`, `m`, `h`, `d`, or a duration.
fn period(ms: u64) -> String {
    for (unit, unit_ms) in [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if ms == unit_ms {
            return unit.to_owned();
        }
        if ms.is_multiple_of(unit_ms) {
            return format!("{}{unit}", ms / unit_ms);
        }
    }
    format!("{ms}ms")
}
