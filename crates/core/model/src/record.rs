//! Records: what every hop leaves behind, whatever happened (DESIGN §7).

use crate::{DecisionId, Denial, Fault, Name, Principal, RuleId, SpiffeId};
use std::net::IpAddr;
use std::sync::Arc;

/// One hop. Optional fields are those that the hop did not get far enough to learn.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize)]
pub struct Record {
    /// The id that the client also got; the same at every hop of one request.
    pub id: DecisionId,
    /// When the hop began, in milliseconds since 1970.
    pub time_ms: u64,
    /// In which role.
    pub role: Role,
    /// The gateway or the local service that the hop ran for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Name>,
    /// The plan that was in force, its hash in hex.
    pub plan: Arc<str>,
    /// What came of it.
    pub outcome: Outcome,
    /// The status that downstream got; 0 for TCP.
    pub status: u16,
    /// The peer's identity, inside the mesh.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer: Option<SpiffeId>,
    /// Our own identity towards the upstream.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub local: Option<SpiffeId>,
    /// The client's address: outside, as far as it is trusted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<IpAddr>,
    /// The end user, with what the issuer granted: a decision is made again from its record alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Arc<Principal>>,
    /// Whether a credential was shown and refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub refused: bool,
    /// The id of the API key that was shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Arc<str>>,
    /// The limit that refused it: where it stands, and what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<Arc<str>>,
    /// The service that was called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<Name>,
    /// The port of that service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<Name>,
    /// The host that was asked for; at an inner hop, the one that was asked for at the gateway.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host: Option<Arc<str>>,
    /// The method.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<Arc<str>>,
    /// The canonical path, without the query.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<Arc<str>>,
    /// The request fields that conditions look at, with their values.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<(Arc<str>, Arc<str>)>,
    /// Bytes of body from downstream.
    pub bytes_in: u64,
    /// Bytes of body to downstream.
    pub bytes_out: u64,
    /// From the first byte of the request to the last of the answer, in microseconds.
    pub duration_us: u64,
    /// The trace id of the request (W3C Trace Context), 32 hex digits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<Arc<str>>,
    /// TLS of the downstream connection.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tls: Option<PeerTls>,
    /// TLS of the client, at an inner hop that a gateway told of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_tls: Option<PeerTls>,
}

/// The role in which a hop ran.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// From outside, at a gateway.
    Gateway,
    /// From the mesh to a local workload.
    MeshInbound,
    /// From a local workload into the mesh.
    MeshOutbound,
}

/// What came of a hop.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// Allowed by this rule, and carried out.
    Allowed(Arc<RuleId>),
    /// We said no.
    Denied(Denial),
    /// No rule allows it, and it was carried out all the same: the service is observed (`mode: observe`).
    Observed(Denial),
    /// Something broke: what, and the rule if one had allowed it.
    Faulted {
        /// What broke.
        fault: Fault,
        /// A short detail for the operator, never from a peer's bytes unescaped.
        detail: Arc<str>,
        /// The rule that had allowed it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rule: Option<Arc<RuleId>>,
    },
}

/// What was negotiated on a TLS connection.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PeerTls {
    /// `1.2` or `1.3`.
    pub version: Arc<str>,
    /// The cipher suite, by its IANA name.
    pub cipher: Arc<str>,
    /// The key exchange group.
    pub group: Arc<str>,
}

impl Role {
    /// A word for labels and records.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::Gateway => "gateway",
            Role::MeshInbound => "mesh-inbound",
            Role::MeshOutbound => "mesh-outbound",
        }
    }
}
