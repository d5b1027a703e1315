//! Why a head is refused.

use selvedge_model::{Fault, HostError, PathError};

/// A request head that has no single reading, or is over a limit. The text is for the operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HeadError {
    /// The request line is not `method SP target SP HTTP/1.x` (RFC 9112 §3).
    #[error("the request line is malformed")]
    RequestLine,
    /// The status line is not `HTTP/1.x SP three digits` (RFC 9112 §4).
    #[error("the status line is malformed")]
    StatusLine,
    /// Another version than 1.0 or 1.1.
    #[error("the HTTP version is not 1.0 or 1.1")]
    Version,
    /// A line feed without its carriage return, or the other way round (RFC 9112 §2.2).
    #[error("a line does not end in CR LF")]
    BareLineEnd,
    /// A field line that continues the former one (RFC 9112 §5.2).
    #[error("a field line is folded")]
    Folded,
    /// A field name that is no token, or is followed by white space (RFC 9112 §5.1).
    #[error("a field name is malformed")]
    FieldName,
    /// A control character in a field value (RFC 9110 §5.5).
    #[error("a field value has a control character")]
    FieldValue,
    /// A name that another server may read as one of ours, with `_` or `.` for `-`.
    #[error("a field name is the twin of one that matters")]
    Twin,
    /// A field that asks for another method or path than the request line has.
    #[error("a field overrides the method or the path")]
    Override,
    /// More than one of a field that occurs once.
    #[error("a field occurs more than once")]
    Repeated,
    /// Content-Length that is no single number, or beside Transfer-Encoding (RFC 9112 §6.3).
    #[error("the length of the body is ambiguous")]
    Framing,
    /// A transfer coding other than one `chunked`.
    #[error("the transfer coding is not `chunked` alone")]
    TransferCoding,
    /// `Connection` names a field that it must not remove.
    #[error("`Connection` names a field that is not hop-by-hop")]
    Connection,
    /// No `Host`, several, or one that is no host.
    #[error("the host is missing or malformed")]
    Host,
    /// The absolute target names another host than `Host`.
    #[error("the target and `Host` differ")]
    HostMismatch,
    /// The host is not the one that the TLS connection was made for.
    #[error("the connection was made for another host")]
    Misdirected,
    /// The path has no canonical form.
    #[error("{0}")]
    Path(PathError),
    /// A character that no query has.
    #[error("the query is malformed")]
    Query,
    /// Over its limit in bytes or fields.
    #[error("the head is too large")]
    TooLarge,
    /// The target is over its limit.
    #[error("the target is too long")]
    TargetTooLong,
    /// A method, target form or expectation that is not served.
    #[error("not supported")]
    Unsupported,
}

impl HeadError {
    /// The fault that a client is told.
    pub fn fault(self) -> Fault {
        match self {
            HeadError::TooLarge => Fault::HeadTooLarge,
            HeadError::TargetTooLong => Fault::TargetTooLong,
            HeadError::Misdirected => Fault::Misdirected,
            HeadError::TransferCoding | HeadError::Unsupported => Fault::Unsupported,
            HeadError::RequestLine
            | HeadError::StatusLine
            | HeadError::Version
            | HeadError::BareLineEnd
            | HeadError::Folded
            | HeadError::FieldName
            | HeadError::FieldValue
            | HeadError::Twin
            | HeadError::Override
            | HeadError::Repeated
            | HeadError::Framing
            | HeadError::Connection
            | HeadError::Host
            | HeadError::HostMismatch
            | HeadError::Path(_)
            | HeadError::Query => Fault::BadRequest,
        }
    }
}

impl From<PathError> for HeadError {
    fn from(error: PathError) -> HeadError {
        HeadError::Path(error)
    }
}

impl From<HostError> for HeadError {
    fn from(_: HostError) -> HeadError {
        HeadError::Host
    }
}
