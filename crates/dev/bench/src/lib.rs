//! What the benches run on our side.
//!
//! `origin` is the service behind the measured proxies: it costs next to nothing, on the core that the proxy does not
//! have; the clients are foreign programs (`bench/proxy/load.py`). `policy` is a large mesh repository with random
//! facts, decided by our engine and written down for the peers (`bench/policy`).

pub mod origin;
pub mod policy;
