//! `./x bench policy`: a mesh of many services and rules, random facts about it, and what deciding them costs.
//!
//! Everything follows from a seed, so that each engine decides the same facts over the same rules, and a run can be
//! repeated. Nothing is drawn while the clock runs.

pub mod chance;
pub mod edit;
pub mod measure;
pub mod opa;
pub mod request;
pub mod world;

#[cfg(test)]
mod tests;
