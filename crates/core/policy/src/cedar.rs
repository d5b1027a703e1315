//! Cedar, here alone: conditions and guardrails are parsed, checked against our schema, and lowered; what cannot be
//! lowered is evaluated here. The whole policy can also be rendered as plain Cedar, which tests compare us with.

mod budget;
mod condition;
mod conjunction;
mod entity;
mod error;
mod guardrail;
mod header;
mod lowering;
mod named;
mod names;
mod proof;
mod reference;
mod residual;
mod schema;

pub use proof::{Implication, Unprovable, implications};
pub use reference::{Answer, Question, Reference};
pub use schema::SCHEMA;

pub(crate) use condition::Conditions;
pub(crate) use conjunction::{Condition, Conjunct, Held, Test};
pub(crate) use guardrail::{Guardrail, Guardrails};
pub(crate) use names::Names;

#[cfg(test)]
mod tests;
