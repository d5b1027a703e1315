//! Facts: all that a decision may look at. Same facts, same answer, in every role.

use crate::{Name, SpiffeId};
use std::net::IpAddr;
use std::sync::Arc;

/// What one hop knows when it decides. Borrowed, so that deciding allocates nothing.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    /// Who is at the other end.
    pub peer: Peer<'a>,
    /// How an outside caller proved itself. `None` where no credential was shown; inside the mesh, the end user.
    pub credential: Credential<'a>,
    /// The service that is called.
    pub service: &'a Name,
    /// The port of that service.
    pub port: &'a Name,
    /// The request, or nothing on a TCP port.
    pub request: Option<RequestFacts<'a>>,
    /// The address of the client as far as it is trusted: the outside one, also at an inner hop.
    pub client: Option<IpAddr>,
    /// Seconds since 1970.
    pub now: u64,
    /// Request fields that some condition names, each once: names in lower case, the values of a repeated field joined
    /// with `, ` (RFC 9110 §5.2). Which ones is said by the policy; others need not be here.
    pub headers: &'a [(&'a str, &'a str)],
    /// TLS towards the client, as far as it is trusted: the outside one, also at an inner hop.
    pub tls: Option<TlsFacts<'a>>,
}

/// What was negotiated with the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsFacts<'a> {
    /// `1.2` or `1.3`.
    pub version: &'a str,
    /// The cipher suite, by its IANA name.
    pub cipher: &'a str,
    /// The key exchange group.
    pub group: &'a str,
}

/// Who is at the other end of the hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Peer<'a> {
    /// From outside, through this gateway at this host.
    Outside {
        /// The gateway.
        gateway: &'a Name,
        /// The host that was asked for, canonical and without port; empty for TCP.
        host: &'a str,
    },
    /// A workload that proved this identity.
    Workload(&'a SpiffeId),
}

/// The credential that came with a request, verified.
#[derive(Debug, Clone, Copy)]
pub enum Credential<'a> {
    /// None was shown.
    Absent,
    /// One was shown, and it was refused: it is never downgraded to none.
    Refused,
    /// A token of an issuer.
    Token(&'a Principal),
}

/// The part of the facts that only HTTP has.
#[derive(Debug, Clone, Copy)]
pub struct RequestFacts<'a> {
    /// The method, case-sensitive (RFC 9110 §9.1).
    pub method: &'a str,
    /// The canonical path.
    pub path: &'a str,
}

/// An end user or outside client, as an issuer vouches for it.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Principal {
    /// The issuer's name in the `Mesh` document.
    pub issuer: Name,
    /// The `sub` claim.
    pub subject: Arc<str>,
    /// Granted scopes (RFC 8693 §4.2 `scope`, or `scp`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<Arc<str>>,
    /// Groups, from the claim that the issuer's document names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Arc<str>>,
    /// How the user was authenticated (RFC 8176 `amr`), such as `mfa`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub amr: Vec<Arc<str>>,
}

impl Principal {
    /// Whether the scope was granted.
    pub fn has_scope(&self, scope: &str) -> bool {
        self.scopes.iter().any(|s| **s == *scope)
    }

    /// Whether the principal is in the group.
    pub fn in_group(&self, group: &str) -> bool {
        self.groups.iter().any(|g| **g == *group)
    }
}
