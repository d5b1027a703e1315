//! Terms in words.

use super::{Clock, Grantee, Presence, Range, Term, Text};
use std::fmt;

/// As a person would say it; the opposite with `not` before it.
impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Term::User(Grantee::Scope, value) => write!(f, "scope {value}"),
            Term::User(Grantee::Group, value) => write!(f, "group {value}"),
            Term::User(Grantee::Amr, value) => write!(f, "amr {value}"),
            Term::Is(text, value) => write!(f, "{text} == \"{value}\""),
            Term::Begins(text, value) => write!(f, "{text} like \"{value}*\""),
            Term::CallerLabel(label) => write!(f, "caller label {label}"),
            Term::ServiceLabel(label) => write!(f, "service label {label}"),
            Term::Client(range) => write!(f, "client in {range}"),
            Term::AtLeast(clock, least) => write!(f, "{clock} >= {least}"),
            Term::Has(presence) => write!(f, "has {presence}"),
            Term::Residual(text) => f.write_str(text),
        }
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Text::Method => "method",
            Text::Path => "path",
            Text::CallerKind => "principal.kind",
            Text::CallerId => "principal.id",
            Text::CallerService => "principal.service",
            Text::Gateway => "gateway",
            Text::Host => "host",
            Text::Service => "service",
            Text::Port => "port",
            Text::Issuer => "issuer",
            Text::Subject => "subject",
            Text::Header(name) => return write!(f, "header {name}"),
            Text::Capture(name) => return write!(f, "capture {name}"),
            Text::Tls(what) => return write!(f, "TLS {what}"),
        })
    }
}

impl fmt::Display for Presence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Presence::User => "user",
            Presence::Client => "client address",
            Presence::Tls => "TLS",
            Presence::Header(name) => return write!(f, "header {name}"),
            Presence::Capture(name) => return write!(f, "capture {name}"),
        })
    }
}

impl fmt::Display for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Clock::Epoch => "time",
            Clock::Hour => "hour",
            Clock::Minute => "minute",
            Clock::Weekday => "weekday",
        })
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.v6 {
            return write!(f, "{}/{}", std::net::Ipv6Addr::from_bits(self.bits), self.prefix);
        }
        let bits = u32::try_from(self.bits >> 96).unwrap_or(0);
        write!(f, "{}/{}", std::net::Ipv4Addr::from_bits(bits), self.prefix)
    }
}
