//! Documents as people write them, checked into configuration that the rest of the system can trust.

pub mod checked;

pub use checked::Checked;
