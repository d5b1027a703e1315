//! A whole control plane on loopback: joins, sessions, changes and restarts.

mod change;
mod federation;
mod fixture;
mod join;
mod rotate;
mod session;
mod store;
