//! Bytes on connections: buffers that idle connections do not hold, and the two ends of an exchange.

pub(crate) mod buffer;
pub(crate) mod down;
pub(crate) mod h2_body;
pub(crate) mod h2_head;
pub(crate) mod io;
pub(crate) mod message;
pub(crate) mod timer;
pub(crate) mod up;
