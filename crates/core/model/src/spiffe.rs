//! SPIFFE IDs (SPIFFE-ID standard §2): `spiffe://<trust domain>/<path>`, and what our paths mean.

use crate::Name;
use std::fmt;
use std::sync::Arc;

/// The longest SPIFFE ID accepted, in bytes (SPIFFE-ID §2.3).
const SPIFFE_ID_BYTES_MAX: usize = 2048;
/// The longest trust domain name, in bytes (SPIFFE-ID §2.1).
const TRUST_DOMAIN_BYTES_MAX: usize = 255;

/// A trust domain name: 1 to 255 of `a-z`, `0-9`, `.`, `-`, `_` (SPIFFE-ID §2.1).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize)]
#[serde(transparent)]
pub struct TrustDomain(Arc<str>);

/// A SPIFFE ID with a path. An ID without one names a trust domain, never a workload, so it is not accepted here.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SpiffeId {
    text: Arc<str>,
    /// Where the path begins in `text`, at its first `/`.
    path_at: usize,
}

/// What a SPIFFE ID of our own trust domain names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WorkloadKind {
    /// `/<service>`
    Service(Name),
    /// `/gateway/<name>`
    Gateway(Name),
    /// `/node/<id>`
    Node(Name),
    /// `/control/<name>`
    Control(Name),
}

/// Why a text is not a SPIFFE ID or a trust domain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum SpiffeIdError {
    /// Over 2,048 bytes.
    #[error("a SPIFFE ID has at most 2048 bytes")]
    Length,
    /// Not `spiffe://` in lower case.
    #[error("a SPIFFE ID begins with `spiffe://`")]
    Scheme,
    /// Empty, too long, or with a character that is not allowed.
    #[error("a trust domain has 1 to 255 of `a-z`, `0-9`, `.`, `-`, `_`")]
    TrustDomain,
    /// No path, an empty segment, `.` or `..`, or a character that is not allowed.
    #[error("the path of a SPIFFE ID has segments of `a-zA-Z0-9.-_`, none empty, `.` or `..`")]
    Path,
    /// Not one of the path shapes that this system issues.
    #[error("not the path of a service, gateway, node or control plane")]
    Kind,
}

impl TrustDomain {
    /// Parses a trust domain name.
    ///
    /// # Errors
    /// [`SpiffeIdError::TrustDomain`] when it is empty, too long or has other characters.
    pub fn parse(text: &str) -> Result<TrustDomain, SpiffeIdError> {
        let allowed = |b: u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-' | b'_');
        if text.is_empty() || text.len() > TRUST_DOMAIN_BYTES_MAX || !text.bytes().all(allowed) {
            return Err(SpiffeIdError::TrustDomain);
        }
        Ok(TrustDomain(text.into()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl SpiffeId {
    /// Parses a SPIFFE ID strictly: no percent-encoding, no empty segment, no query, port or user part.
    ///
    /// # Errors
    /// Says which part is wrong; nothing is normalised.
    pub fn parse(text: &str) -> Result<SpiffeId, SpiffeIdError> {
        if text.len() > SPIFFE_ID_BYTES_MAX {
            return Err(SpiffeIdError::Length);
        }
        let rest = text.strip_prefix("spiffe://").ok_or(SpiffeIdError::Scheme)?;
        let (domain, path) = rest.split_once('/').ok_or(SpiffeIdError::Path)?;
        TrustDomain::parse(domain)?;
        let allowed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
        let good = |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(allowed);
        if !path.split('/').all(good) {
            return Err(SpiffeIdError::Path);
        }
        Ok(SpiffeId { text: text.into(), path_at: "spiffe://".len() + domain.len() })
    }

    /// The ID of what `kind` names in `domain`.
    pub fn of(domain: &TrustDomain, kind: &WorkloadKind) -> SpiffeId {
        let domain = domain.as_str();
        let text = match kind {
            WorkloadKind::Service(name) => format!("spiffe://{domain}/{name}"),
            WorkloadKind::Gateway(name) => format!("spiffe://{domain}/gateway/{name}"),
            WorkloadKind::Node(name) => format!("spiffe://{domain}/node/{name}"),
            WorkloadKind::Control(name) => format!("spiffe://{domain}/control/{name}"),
        };
        SpiffeId { text: text.into(), path_at: "spiffe://".len() + domain.len() }
    }

    /// The trust domain's name.
    pub fn trust_domain(&self) -> &str {
        self.text.get("spiffe://".len()..self.path_at).unwrap_or_default()
    }

    /// The path, with its leading `/`.
    pub fn path(&self) -> &str {
        self.text.get(self.path_at..).unwrap_or_default()
    }

    /// What the ID names, by the path shapes of this system.
    ///
    /// # Errors
    /// [`SpiffeIdError::Kind`] when the path has another shape.
    pub fn kind(&self) -> Result<WorkloadKind, SpiffeIdError> {
        let name = |text: &str| Name::parse(text).map_err(|_| SpiffeIdError::Kind);
        let mut segments = self.path().split('/').skip(1);
        match (segments.next(), segments.next(), segments.next()) {
            (Some(service), None, None) => Ok(WorkloadKind::Service(name(service)?)),
            (Some("gateway"), Some(gateway), None) => Ok(WorkloadKind::Gateway(name(gateway)?)),
            (Some("node"), Some(node), None) => Ok(WorkloadKind::Node(name(node)?)),
            (Some("control"), Some(control), None) => Ok(WorkloadKind::Control(name(control)?)),
            _ => Err(SpiffeIdError::Kind),
        }
    }

    /// The whole ID as text.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl fmt::Display for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for TrustDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.text, f)
    }
}

impl serde::Serialize for SpiffeId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de> serde::Deserialize<'de> for SpiffeId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<SpiffeId, D::Error> {
        SpiffeId::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

impl<'de> serde::Deserialize<'de> for TrustDomain {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<TrustDomain, D::Error> {
        TrustDomain::parse(&String::deserialize(deserializer)?).map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
