//! Host names as requests and documents give them, in one canonical form.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

/// A host without its port: a lower-case DNS name of LDH labels (underscore refused), an IPv4 address, or an IPv6
/// address in brackets. A single trailing dot is refused, since it names the same host in another spelling.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct Host(Arc<str>);

/// Why a text is not a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// Empty, over 253 bytes, or with a label that is empty or over 63 bytes.
    #[error("a host name has 1 to 253 characters and labels of 1 to 63")]
    Length,
    /// A character that no host name has.
    #[error("a host name has only letters, digits, `-` and `.`")]
    Character,
    /// A bracketed text that is no IPv6 address, or a name of digits that is no IPv4 address.
    #[error("not an IP address")]
    Address,
}

/// A host or a wildcard for exactly one more label: `api.acme.example`, `*.acme.example`, or `*` for any host.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum HostPattern {
    /// This host alone.
    Exact(Host),
    /// One label before this suffix.
    Wildcard(Host),
    /// Every host.
    Any,
}

impl Host {
    /// Parses a host, folding letters to lower case; nothing else is repaired.
    ///
    /// # Errors
    /// Says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Host, HostError> {
        if text.is_empty() || text.len() > 253 {
            return Err(HostError::Length);
        }
        if let Some(inner) = text.strip_prefix('[') {
            let inner = inner.strip_suffix(']').ok_or(HostError::Address)?;
            let address: std::net::Ipv6Addr = inner.parse().map_err(|_| HostError::Address)?;
            return Ok(Host(format!("[{address}]").into()));
        }
        let mut last = "";
        for label in text.split('.') {
            check_label(label)?;
            last = label;
        }
        // WHATWG URL: a last label of digits makes the whole an IPv4 address; other readings (octal, short) are refused.
        if last.bytes().all(|b| b.is_ascii_digit()) && text.parse::<std::net::Ipv4Addr>().is_err() {
            return Err(HostError::Address);
        }
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Ok(Host(text.to_ascii_lowercase().into()));
        }
        Ok(Host(text.into()))
    }

    /// The host as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address, when the host is one.
    pub fn address(&self) -> Option<IpAddr> {
        self.0.trim_start_matches('[').trim_end_matches(']').parse().ok()
    }
}

fn check_label(label: &str) -> Result<(), HostError> {
    if label.is_empty() || label.len() > 63 {
        return Err(HostError::Length);
    }
    if !label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-') {
        return Err(HostError::Character);
    }
    Ok(())
}

impl HostPattern {
    /// Parses `*`, `*.suffix` or a host.
    ///
    /// # Errors
    /// As [`Host::parse`].
    pub fn parse(text: &str) -> Result<HostPattern, HostError> {
        match text.strip_prefix("*.") {
            _ if text == "*" => Ok(HostPattern::Any),
            Some(suffix) => Ok(HostPattern::Wildcard(Host::parse(suffix)?)),
            None => Ok(HostPattern::Exact(Host::parse(text)?)),
        }
    }

    /// Whether the pattern covers `host` (canonical text of a [`Host`]).
    pub fn matches(&self, host: &str) -> bool {
        match self {
            HostPattern::Any => true,
            HostPattern::Exact(exact) => exact.as_str() == host,
            HostPattern::Wildcard(suffix) => {
                host.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == suffix.as_str())
            }
        }
    }

    /// Whether some host is covered by both.
    pub fn overlaps(&self, other: &HostPattern) -> bool {
        match (self, other) {
            (HostPattern::Any, _) | (_, HostPattern::Any) => true,
            (HostPattern::Exact(host), pattern) | (pattern, HostPattern::Exact(host)) => pattern.matches(host.as_str()),
            (HostPattern::Wildcard(a), HostPattern::Wildcard(b)) => a == b,
        }
    }
}

impl std::borrow::Borrow<str> for Host {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            HostPattern::Any => f.write_str("*"),
            HostPattern::Exact(host) => host.fmt(f),
            HostPattern::Wildcard(suffix) => write!(f, "*.{suffix}"),
        }
    }
}

impl fmt::Debug for HostPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

#[cfg(test)]
mod tests;
