//! Fuzz targets: bytes in, and a panic when something does not hold that must.
//!
//! They are plain functions. cargo-fuzz calls them from `fuzz_targets/`, and [`drive`] calls them on a stable toolchain
//! with seeded mutations.

pub mod drive;
mod mutate;
mod random;
mod targets;

pub use targets::{TARGETS, Target};

/// Runs one input of a target.
///
/// # Panics
/// When something does not hold, or there is no such target.
pub fn run(target: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|known| known.name == target).expect("a name from TARGETS");
    (target.run)(data);
}
