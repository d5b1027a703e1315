//! Faults: something broke, as opposed to a denial, where we said no.

use std::fmt;

/// A request that could not be carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fault {
    /// The request is malformed or ambiguous: 400.
    BadRequest,
    /// The connection was made for another host: 421 (RFC 9110 §15.5.20).
    Misdirected,
    /// The head is over its limit: 431.
    HeadTooLarge,
    /// The target is over its limit: 414.
    TargetTooLong,
    /// The body is over its limit: 413.
    BodyTooLarge,
    /// The request is for no operation that the rule's description has: 404.
    NotDescribed,
    /// The body is of a media type, character set or coding that is not taken: 415.
    MediaType,
    /// The body is well-formed, and not as it is described: 422.
    InvalidInput,
    /// The client was too slow: 408.
    ClientTimeout,
    /// The client went away before the answer.
    ClientGone,
    /// An expectation or protocol that we do not speak: 501.
    Unsupported,
    /// No endpoint is known or healthy: 503.
    NoEndpoint,
    /// Connecting to the upstream failed: 502.
    ConnectFailed,
    /// The upstream proved another identity than the one dialled, or none: 502.
    UpstreamIdentity,
    /// The upstream closed or reset before its answer was whole: 502.
    UpstreamClosed,
    /// The upstream sent a malformed answer: 502.
    BadResponse,
    /// The upstream was too slow: 504.
    UpstreamTimeout,
    /// More is asked of us or of the service than may be under way: 503.
    Overloaded,
    /// Our own keys, plan or certificate are missing: 503.
    NotReady,
}

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The caller's.
    Downstream,
    /// The callee's.
    Upstream,
    /// Ours.
    Here,
}

impl Fault {
    /// The HTTP status for it. A client that is gone is recorded as 499.
    pub fn status(self) -> u16 {
        match self {
            Fault::BadRequest => 400,
            Fault::NotDescribed => 404,
            Fault::MediaType => 415,
            Fault::InvalidInput => 422,
            Fault::Misdirected => 421,
            Fault::HeadTooLarge => 431,
            Fault::TargetTooLong => 414,
            Fault::BodyTooLarge => 413,
            Fault::ClientTimeout => 408,
            Fault::ClientGone => 499,
            Fault::Unsupported => 501,
            Fault::NoEndpoint | Fault::Overloaded | Fault::NotReady => 503,
            Fault::ConnectFailed | Fault::UpstreamIdentity | Fault::UpstreamClosed | Fault::BadResponse => 502,
            Fault::UpstreamTimeout => 504,
        }
    }

    /// Whose fault it is.
    pub fn side(self) -> Side {
        match self {
            Fault::BadRequest
            | Fault::Misdirected
            | Fault::NotDescribed
            | Fault::MediaType
            | Fault::InvalidInput
            | Fault::HeadTooLarge
            | Fault::TargetTooLong
            | Fault::BodyTooLarge
            | Fault::ClientTimeout
            | Fault::ClientGone
            | Fault::Unsupported => Side::Downstream,
            Fault::ConnectFailed
            | Fault::UpstreamIdentity
            | Fault::UpstreamClosed
            | Fault::BadResponse
            | Fault::UpstreamTimeout => Side::Upstream,
            Fault::NoEndpoint | Fault::Overloaded | Fault::NotReady => Side::Here,
        }
    }

    /// A word for labels, records and messages.
    pub fn as_str(self) -> &'static str {
        match self {
            Fault::BadRequest => "bad-request",
            Fault::Misdirected => "misdirected",
            Fault::NotDescribed => "not-described",
            Fault::MediaType => "media-type",
            Fault::InvalidInput => "invalid-input",
            Fault::HeadTooLarge => "head-too-large",
            Fault::TargetTooLong => "target-too-long",
            Fault::BodyTooLarge => "body-too-large",
            Fault::ClientTimeout => "client-timeout",
            Fault::ClientGone => "client-gone",
            Fault::Unsupported => "unsupported",
            Fault::NoEndpoint => "no-endpoint",
            Fault::ConnectFailed => "connect-failed",
            Fault::UpstreamIdentity => "upstream-identity",
            Fault::UpstreamClosed => "upstream-closed",
            Fault::BadResponse => "bad-response",
            Fault::UpstreamTimeout => "upstream-timeout",
            Fault::Overloaded => "overloaded",
            Fault::NotReady => "not-ready",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
