//! Credentials → principal. Pure: keys and time are arguments, and nothing is fetched here.

mod api_key;
mod bearer;
mod certificate;
mod introspection;
mod json;
mod keys;
mod token;
pub mod txn;

pub use api_key::{NewKey, ShownKey, key_scheme, new_key, shown_key};
pub use bearer::{BearerError, bearer};
pub use certificate::{NameError, NameKind, certificate_user};
pub use introspection::{Answer, AnswerError, Shape, client_secret_basic, question, read_answer, shape};
pub use keys::{JwksError, KeySet};
pub use token::{IssuerSettings, TokenError, Verified, hypothetical, is_timely, verify};

#[cfg(test)]
mod tests;
