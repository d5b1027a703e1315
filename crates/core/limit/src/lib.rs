//! Limits as arithmetic: how fast, how many in a day or month, how many at once; and a table of keys of fixed size.
//!
//! Time, keys and seeds are arguments. Nothing here waits, and nothing here is ever without a bound: a table that is full
//! of keys in use gives each further key its set's shared state, which is limited like any other.

mod concurrency;
mod key;
mod quota;
mod rate;
mod table;

pub use concurrency::InUse;
pub use key::{Key, Keys, Seed};
pub use quota::{Quota, Used, Window};
pub use rate::{Gcra, Rate, RateError};
pub use table::{Place, State, Table};

/// How a limit stands for one key, after it was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Whether this one was let through.
    pub admitted: bool,
    /// How many more would be let through now.
    pub remaining: u64,
    /// Milliseconds until the limit is whole again.
    pub reset_ms: u64,
    /// Milliseconds until one more would be let through; 0 where one would be now.
    pub retry_ms: u64,
}
