//! HTTP/1.1 read strictly, and the canonical request form. Sans-IO: bytes in, values out.
//!
//! RFC 9112 leaves room that servers fill in different ways, and request smuggling lives there. Here every request has
//! one reading, or is refused; what is sent upstream is written anew from that reading, never copied.

mod arrival;
mod body;
mod canonical;
mod encode;
mod error;
mod fields;
mod forwarded;
mod frames;
mod kind;
mod request;
mod response;

pub use arrival::{Arrival, Forwarding, Scheme};
pub use body::{BodyDecoder, BodyError, Decoded};
pub use canonical::{Canonical, canonicalise, write_request};
pub use encode::{BodyEncoder, LengthError};
pub use error::HeadError;
pub use fields::Fields;
pub use forwarded::client_address;
pub use frames::{Flood, Frames};
pub use request::{Framing, HeadLimits, RequestHead, Version, parse_request};
pub use response::{ResponseHead, parse_response, write_response};

#[cfg(test)]
mod tests;
