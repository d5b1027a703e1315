//! What passes between the two ends of an exchange.

use http::HeaderMap;
use selvedge_http::{Fields, Framing};

/// An answer's head, ready to be written.
pub(crate) struct Answer<'a> {
    pub(crate) status: u16,
    pub(crate) fields: &'a Fields,
    /// How long the body is, as far as is known: [`Framing::UntilClose`] where only its end tells.
    pub(crate) framing: Framing,
}

/// What one step of reading a body gave.
pub(crate) enum Step {
    /// So many bytes.
    Data(usize),
    /// The body has ended, with these trailers where the protocol has them.
    End(Option<HeaderMap>),
}
