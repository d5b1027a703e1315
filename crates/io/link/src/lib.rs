//! What control and nodes say to each other: one interface, whether the other is a process far away or a task beside us.
//!
//! A node says [`FromNode`], control says [`ToNode`]. Over a socket each message is a frame (a length and JSON) inside
//! mTLS; locally it is a channel. Who the peer is comes from its certificate, never from a message.

mod bundle;
mod end;
mod frame;
mod message;
pub mod text;

pub use bundle::{Bundle, OpenError, SignedBundle};
pub use end::{Closed, ControlEnd, NodeEnd, local};
pub use frame::FrameError;
pub use message::{CertificateInfo, FromNode, JoinSecret, NodeInfo, NodeKind, ToNode, Want};

#[cfg(test)]
mod tests;
