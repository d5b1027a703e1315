//! The load side of the benches: an origin that costs next to nothing.
//!
//! It runs on the core that the measured proxy does not have. The clients are foreign programs (`bench/proxy/load.py`).

pub mod origin;
