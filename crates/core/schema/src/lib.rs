//! OpenAPI 3.0 and 3.1 descriptions, compiled, and requests held against them.
//!
//! [`Schemas::compile`] takes the descriptions that rules name, and refuses what could not be enforced. [`Bound`] is one
//! rule's: it checks a request's head, and then the body that was held. Nothing here repairs a request: what two
//! readers could take for different things is refused.

mod api;
mod bound;
mod compile;
mod escape;
mod format;
mod json;
mod media;
mod pattern;
mod request;
mod schema;
mod validate;
mod violation;

pub use bound::{Bound, Described, Held, Schemas, operations};
pub use json::{Json, JsonError, JsonLimits, parse as parse_json};
pub use request::Body;
pub use violation::{Kind, Place, Violation};
