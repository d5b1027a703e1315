//! The messages of the link.

use crate::frame::{self, Message};
use crate::{SignedBundle, text};
use selvedge_config::checked::HostPort;
use selvedge_identity::TrustBundle;
use selvedge_model::{Host, Name, SpiffeId, TrustDomain, WorkloadKind};
use serde::de::Error;
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// What a gateway or a node says to control.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FromNode {
    /// The first and only message of a peer without a certificate: a token's secret, and a request to certify.
    Join {
        /// The secret of a join token.
        secret: JoinSecret,
        /// PKCS#10, DER. Proves possession of the key; the names in it are ignored.
        #[serde(with = "text::b64")]
        csr: Vec<u8>,
    },
    /// The first message of a session: who speaks, which must be who the certificate says, and what it enforces.
    Hello {
        /// Who speaks.
        node: NodeInfo,
        /// The hash of the plan that is enforced now.
        enforced: Option<String>,
    },
    /// Asks for a certificate.
    Issue {
        /// Chosen by the node; the answer carries it.
        ticket: u64,
        /// For whom.
        want: Want,
        /// PKCS#10, DER.
        #[serde(with = "text::b64")]
        csr: Vec<u8>,
    },
    /// What became of a bundle, and which certificates are in use. Sent after each bundle and each renewal.
    Receipt {
        /// The revision of the bundle that this is about.
        revision: u64,
        /// The hash of the plan that is enforced now.
        plan: Option<String>,
        /// Why the bundle was refused; the last good plan stays.
        refused: Option<String>,
        /// The certificates in use.
        certificates: Vec<CertificateInfo>,
        /// The version of the trust bundle that is used, and whose roots are all valid by the node's clock.
        #[serde(default)]
        trust: u64,
        /// The node's clock, in seconds since 1970.
        #[serde(default)]
        clock: u64,
    },
    /// Asks for a JWT-SVID of a service that the node stands beside.
    IssueJwt {
        /// Chosen by the node; the answer carries it.
        ticket: u64,
        /// For which service.
        service: Name,
        /// Whom the token is for.
        audiences: Vec<String>,
    },
    /// The node's beat: it is alive.
    Ping,
}

/// What control says to a gateway or a node.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ToNode {
    /// The answer to a join: the node's own certificate, and whom to trust. The connection closes after it.
    Joined {
        /// DER, leaf first, without the root.
        #[serde(with = "text::b64_list")]
        chain: Vec<Vec<u8>>,
        /// The trust domain's roots.
        bundle: TrustBundle,
        /// The services that the token granted.
        services: Vec<Name>,
    },
    /// The documents to enforce from now on.
    Bundle(SignedBundle),
    /// The roots to trust from now on.
    Trust(TrustBundle),
    /// Certificates that do not come from this root are to be renewed now: what signed them is compromised.
    Renew {
        /// The fingerprint of the root that signs.
        root: String,
    },
    /// The answer to [`FromNode::IssueJwt`].
    Jwt {
        /// The ticket of the request.
        ticket: u64,
        /// The token.
        token: String,
    },
    /// The answer to [`FromNode::Issue`].
    Issued {
        /// The ticket of the request.
        ticket: u64,
        /// DER, leaf first, without the root.
        #[serde(with = "text::b64_list")]
        chain: Vec<Vec<u8>>,
    },
    /// A no, with the reason. Without a ticket it is about the session, which then closes.
    Refused {
        /// The ticket of the request, if it is about one.
        ticket: Option<u64>,
        /// What was wrong and what to do.
        reason: String,
    },
    /// Control's beat: it is alive.
    Pong,
}

/// Whom a certificate is for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Want {
    /// The SVID of the gateway or node itself.
    Myself,
    /// The SVID of a service on the node.
    Service(Name),
    /// An edge certificate for these hosts of the gateway's own listeners.
    Server(#[serde(with = "text::hosts")] Vec<Host>),
}

/// Who speaks on the node's side.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeInfo {
    /// Gateway or node.
    pub kind: NodeKind,
    /// Its name.
    pub name: Name,
    /// The services that it stands beside; none for a gateway.
    pub services: Vec<Name>,
    /// Where others reach its mesh listener; `None` for a gateway, or when nobody calls its services.
    #[serde(with = "text::host_port_option")]
    pub advertise: Option<HostPort>,
    /// The program's version.
    pub version: String,
}

/// What kind of process stands at the node's side of a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NodeKind {
    /// An edge.
    Gateway,
    /// Stands beside workloads.
    Node,
}

/// A certificate in use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CertificateInfo {
    /// The SPIFFE ID, or the first host of an edge certificate.
    pub id: String,
    /// The serial number, in hex.
    pub serial: String,
    /// When it ends, in seconds since 1970.
    pub not_after: u64,
    /// The fingerprint of the root that it comes from; empty when that is none of the node's bundle.
    #[serde(default)]
    pub root: String,
}

/// The secret of a join token.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinSecret(pub Zeroizing<[u8; 32]>);

impl NodeKind {
    /// The SPIFFE ID of a process of this kind.
    pub fn id(self, domain: &TrustDomain, name: &Name) -> SpiffeId {
        let kind = match self {
            NodeKind::Gateway => WorkloadKind::Gateway(name.clone()),
            NodeKind::Node => WorkloadKind::Node(name.clone()),
        };
        SpiffeId::of(domain, &kind)
    }
}

impl fmt::Display for NodeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            NodeKind::Gateway => "gateway",
            NodeKind::Node => "node",
        })
    }
}

impl fmt::Debug for JoinSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[secret]")
    }
}

impl Serialize for JoinSecret {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        text::b64::serialize(self.0.as_slice(), to)
    }
}

impl<'de> Deserialize<'de> for JoinSecret {
    fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<JoinSecret, D::Error> {
        let bytes = Zeroizing::new(text::b64::deserialize(from)?);
        let mut secret = Zeroizing::new([0; 32]);
        if bytes.len() != secret.len() {
            return Err(D::Error::custom("a join secret has 32 bytes"));
        }
        secret.copy_from_slice(&bytes);
        Ok(JoinSecret(secret))
    }
}

impl SignedBundle {
    /// Whether it can be sent: frames have a limit.
    pub fn fits(&self) -> bool {
        frame::encode(&ToNode::Bundle(self.clone())).is_ok()
    }
}

impl Message for FromNode {
    /// A node says little: its largest message names its certificates.
    const BYTES_MAX: u32 = 64 * 1024;

    fn beat() -> FromNode {
        FromNode::Ping
    }

    /// Beats too: control notes when it last heard of a node.
    fn is_heard(&self) -> bool {
        true
    }
}

impl Message for ToNode {
    /// A repository has at most 16 MiB, and JSON text inside JSON text may take four times that.
    const BYTES_MAX: u32 = 64 * 1024 * 1024;

    fn beat() -> ToNode {
        ToNode::Pong
    }

    fn is_heard(&self) -> bool {
        !matches!(self, ToNode::Pong)
    }
}
