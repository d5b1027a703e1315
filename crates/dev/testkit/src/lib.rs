//! What our tests share: behaviour as data. `cases/` says what happens to a request, and a [`Target`] makes it happen.
//!
//! One file of `cases/requests` is one [`Case`]. It knows nothing of how it is run: [`run`] gives the bytes to a
//! [`Target`] and compares what came back, so that one set of cases holds for the parser alone and for sockets in
//! every role. The reader of what the upstream saw is our own and shares nothing with `core/http`, so that one mistake
//! cannot hide in both. `cases/README.md` describes the format.

mod case;
mod edge;
mod judge;
mod message;
mod pure;
mod target;
mod template;

pub use case::{Case, CaseError, CaseFact, Expect, Upstream, inputs, inputs_schema, load, requests};
pub use edge::{EdgeCase, edge};
pub use judge::{Mismatch, Outcome};
pub use message::{Message, Seen, read};
pub use pure::Pure;
pub use target::{Failure, Target, run};
pub use template::{Scene, Template, TemplateError};

#[cfg(test)]
mod tests;
