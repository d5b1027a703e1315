//! Credentials → principal. Pure: keys and time are arguments, and nothing is fetched here.

mod api_key;
mod bearer;
mod json;
mod keys;
mod token;
pub mod txn;

pub use api_key::{NewKey, ShownKey, key_scheme, new_key, shown_key};
pub use bearer::{BearerError, bearer};
pub use keys::{JwksError, KeySet};
pub use token::{IssuerSettings, TokenError, Verified, hypothetical, is_timely, verify};

#[cfg(test)]
mod tests;
