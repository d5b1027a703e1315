//! Field names that matter to us, told apart once, when a field is read.

/// What a field is to us. Each kind but the collective ones is one name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Nothing in particular.
    Other,
    /// A name with other characters than letters, digits and `-`: it may be the twin of one that matters.
    Odd,
    Host,
    ContentLength,
    TransferEncoding,
    Connection,
    Expect,
    /// The other fields of one hop alone (RFC 9110 §7.6.1).
    HopByHop,
    Authorization,
    ContentType,
    Cookie,
    Traceparent,
    ForwardedFor,
    /// The other fields that tell where a request came from.
    Forwarding,
    /// Fields that only we set: who the caller is.
    Identity,
    /// Fields by which frameworks take another method or path than the one that was decided.
    Override,
}

impl Kind {
    /// The kind of a name in lower case.
    pub(crate) fn of(name: &[u8]) -> Kind {
        match (name.len(), name) {
            (2, b"te") | (7, b"trailer" | b"upgrade") | (10, b"keep-alive") | (14, b"http2-settings") => Kind::HopByHop,
            (16, b"proxy-connection") | (18, b"proxy-authenticate") | (19, b"proxy-authorization") => Kind::HopByHop,
            (4, b"host") => Kind::Host,
            (6, b"cookie") => Kind::Cookie,
            (6, b"expect") => Kind::Expect,
            (10, b"connection") => Kind::Connection,
            (11, b"traceparent") => Kind::Traceparent,
            (12, b"content-type") => Kind::ContentType,
            (13, b"authorization") => Kind::Authorization,
            (14, b"content-length") => Kind::ContentLength,
            (17, b"transfer-encoding") => Kind::TransferEncoding,
            (9, b"forwarded" | b"x-real-ip") => Kind::Forwarding,
            (9, b"txn-token") | (13, b"x-client-cert") => Kind::Identity,
            (13, b"x-http-method" | b"x-rewrite-url") | (14, b"x-original-url") => Kind::Override,
            (17, b"x-method-override") | (22, b"x-http-method-override") => Kind::Override,
            (15, b"x-forwarded-for") => Kind::ForwardedFor,
            _ if name.starts_with(b"x-forwarded-") => Kind::Forwarding,
            _ if name.starts_with(b"selvedge-") || name.starts_with(b"x-selvedge-") => Kind::Identity,
            _ => Kind::Other,
        }
    }

    /// Fields that we act on. A twin of one (`_` or `.` for `-`) is refused, and `Connection` may not name one.
    pub(crate) fn is_ours(self) -> bool {
        match self {
            Kind::Host
            | Kind::ContentLength
            | Kind::TransferEncoding
            | Kind::Connection
            | Kind::Authorization
            | Kind::Cookie
            | Kind::Traceparent
            | Kind::ForwardedFor
            | Kind::Forwarding
            | Kind::Identity => true,
            Kind::Other | Kind::Odd | Kind::Expect | Kind::HopByHop | Kind::ContentType | Kind::Override => false,
        }
    }

    /// Fields of one hop alone (RFC 9110 §7.6.1), and those that are written anew.
    pub(crate) fn is_hop_by_hop(self) -> bool {
        matches!(
            self,
            Kind::Host
                | Kind::ContentLength
                | Kind::TransferEncoding
                | Kind::Connection
                | Kind::Expect
                | Kind::HopByHop
        )
    }

    /// Fields that tell where a request came from.
    pub(crate) fn is_forwarding(self) -> bool {
        matches!(self, Kind::ForwardedFor | Kind::Forwarding)
    }

    /// Fields that may occur once.
    pub(crate) fn is_single(self) -> bool {
        matches!(self, Kind::Authorization | Kind::ContentType | Kind::Expect | Kind::Traceparent)
    }
}

/// A set of kinds.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Kinds(u32);

impl Kinds {
    pub(crate) fn has(self, kind: Kind) -> bool {
        self.0 & (1 << kind as u8) != 0
    }

    pub(crate) fn add(&mut self, kind: Kind) {
        self.0 |= 1 << kind as u8;
    }
}
