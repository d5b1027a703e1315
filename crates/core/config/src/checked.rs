//! Checked configuration: cross-references resolved and defaults filled, here and only here.
//!
//! A value of [`Checked`] exists only after every document was valid, so policy, plan and proxy read it without asking.

mod client;
mod expectation;
mod federation;
mod gateway;
mod introspection;
mod key;
mod limit;
mod schema;
mod traffic;
mod workload;
mod written;

pub use client::{CertificateName, ClientSet};
pub use expectation::{Allow, Case, CaseCaller, CaseToken, Expectation, Never, NeverCaller};
pub use federation::{Federation, Profile};
pub use gateway::{Certificate, Gateway, Limits, Listener, Network, TlsPreset};
pub use introspection::{Introspection, SecretAt};
pub use key::{ApiKey, KeySet};
pub use limit::{Amount, Limit, Per};
pub use schema::RuleSchema;
pub use traffic::{Balance, Check, Circuit, HashBy, Retries, Traffic};
pub use workload::{SystemdSelector, UnixSelector, Workload};
pub use written::Written;

use crate::data::SchemaFile;
use selvedge_model::{Host, HostPattern, Name, PathPattern, RuleId, Source, SpiffeId, TrustDomain};
use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A whole mesh repository, valid.
#[derive(Debug, Clone)]
pub struct Checked {
    /// The one `Mesh` document.
    pub mesh: Mesh,
    /// `Gateway` documents by name.
    pub gateways: BTreeMap<Name, Gateway>,
    /// `Service` documents by name.
    pub services: BTreeMap<Name, Service>,
    /// `Access` documents, in order of name.
    pub access: Vec<Access>,
    /// Files of guardrails, in order of name. Their text is checked when the policy is compiled.
    pub guardrails: Vec<Guardrail>,
    /// OpenAPI descriptions, in order of name. What they say is checked when they are compiled.
    pub schemas: Vec<SchemaFile>,
    /// `Expectation` documents, in order of name.
    pub expectations: Vec<Expectation>,
    /// Findings that documents accept.
    pub allow: Vec<Allow>,
    /// What is only for telling people about the documents: nothing of it is enforced.
    pub places: Places,
}

/// Where things are written that have no document of their own, and what documents select by.
#[derive(Debug, Clone, Default)]
pub struct Places {
    /// Issuers by name.
    pub issuers: BTreeMap<Name, Source>,
    /// Labels, key and value, by which a rule or an expectation selects services.
    pub selectors: BTreeSet<(String, String)>,
}

/// One `*.cedar` file: `forbid` policies of the organisation.
#[derive(Debug, Clone)]
pub struct Guardrail {
    /// Its text.
    pub text: Written,
}

/// The mesh as a whole.
#[derive(Debug, Clone)]
pub struct Mesh {
    /// The document's name.
    pub name: Name,
    /// The SPIFFE trust domain.
    pub trust_domain: TrustDomain,
    /// Identity providers by name.
    pub issuers: BTreeMap<Name, Issuer>,
    /// How long a workload's certificate lives, in seconds.
    pub workload_ttl_s: u64,
    /// Sets of API keys by name; no issuer has the name of one.
    pub api_keys: BTreeMap<Name, KeySet>,
    /// Sets of client certificates by name; no issuer and no set of API keys has the name of one.
    pub client_sets: BTreeMap<Name, ClientSet>,
    /// How many keys each table of limits has room for, on each node.
    pub limit_keys: u32,
    /// Other trust domains whose workloads rules may name.
    pub federates_with: BTreeMap<TrustDomain, Federation>,
}

impl Mesh {
    /// The names under which somebody outside may be known: issuers, sets of API keys and of client certificates. No two
    /// are the same.
    pub fn credentials(&self) -> impl Iterator<Item = &Name> {
        self.issuers.keys().chain(self.api_keys.keys()).chain(self.client_sets.keys())
    }
}

/// An identity provider whose access tokens are accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Issuer {
    /// Its name here.
    pub name: Name,
    /// The `iss` value, which is also where discovery starts (OpenID Connect Discovery 1.0 §4).
    pub url: Arc<str>,
    /// Accepted `aud` values; never empty.
    pub audiences: Vec<Arc<str>>,
    /// Where the JWKS is, when it is not to be discovered.
    pub jwks_uri: Option<Arc<str>>,
    /// The claim with the groups, as a path of object keys; `groups` by default.
    pub groups_claim: Vec<Arc<str>>,
    /// Accepted `typ` header values, lower case; `at+jwt` and `jwt` by default (RFC 9068 §2.1).
    pub token_types: Vec<Arc<str>>,
    /// Which addresses its URLs may lead to.
    pub reach: Reach,
    /// A PEM file with the certificate authorities to trust for it, in place of the system's.
    pub ca: Option<Arc<str>>,
    /// How it is asked about its tokens; `None`: they are JWTs, which are verified here.
    pub introspection: Option<Introspection>,
}

/// Which addresses an issuer's URLs may lead to (server-side request forgery).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// Public addresses, over https.
    Public,
    /// Private addresses too, over https.
    Private,
    /// Loopback alone, http permitted: for laptops and tests.
    Loopback,
}

/// Facts about a service: no permission.
#[derive(Debug, Clone)]
pub struct Service {
    /// Its name; its SPIFFE ID is `spiffe://<trust domain>/<name>`.
    pub name: Name,
    /// Labels, for rules and people.
    pub labels: BTreeMap<String, String>,
    /// Who on a node may claim to be this service. `None`: nobody can, but what `selvedge run` starts as it.
    pub workload: Option<Workload>,
    /// Its ports; never empty.
    pub ports: Vec<Port>,
    /// Where it is reached, beside the nodes that registered for it.
    pub endpoints: Vec<Endpoint>,
    /// How its node accepts calls from the local workload; `None` when it never calls.
    pub outbound: Option<Outbound>,
    /// Traffic settings.
    pub traffic: Traffic,
    /// Whether an endpoint without mTLS is permitted.
    pub plaintext: Plaintext,
    /// What becomes of calls from inside that no rule allows.
    pub mode: Mode,
    /// Limits on all callers together, or told apart.
    pub limits: Vec<Limit>,
    /// Federated trust domains whose roots its workload gets: those written, and those that a rule of it names.
    pub federates_with: BTreeSet<TrustDomain>,
    /// Where the document is.
    pub source: Source,
}

/// A port of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Port {
    /// Its name.
    pub name: Name,
    /// What is spoken there.
    pub protocol: Protocol,
    /// The workload's own socket, on its node.
    pub target: SocketAddr,
}

/// What is spoken on a port.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// HTTP/1.1.
    Http,
    /// HTTP/2 with prior knowledge.
    Http2,
    /// gRPC over HTTP/2.
    Grpc,
    /// Opaque bytes.
    Tcp,
}

/// Where a service is reached.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Endpoint {
    /// A node's mesh listener: always mTLS.
    Mesh(HostPort),
    /// The service itself, without a node and without mTLS: only where the service says `plaintext: accept`.
    Plaintext(HostPort),
}

/// A host and a port to connect to.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HostPort {
    /// A name or an address.
    pub host: Host,
    /// The port.
    pub port: u16,
}

/// Where the node listens for calls of the local workload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outbound {
    /// An HTTP proxy address: requests to `http://<service>` go into the mesh.
    pub http: Option<SocketAddr>,
    /// One address per TCP port that is dialled.
    pub tcp: Vec<OutboundTcp>,
}

/// A loopback address that stands for a TCP port of another service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboundTcp {
    /// Where the workload connects.
    pub listen: SocketAddr,
    /// The service that it reaches there.
    pub service: Name,
    /// The port of that service.
    pub port: Name,
}

/// Whether endpoints without mTLS are permitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plaintext {
    /// No: the default.
    Refuse,
    /// Yes, for services that have no node beside them.
    Accept,
}

/// What becomes of calls from inside that no rule allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// They are refused: the default.
    Enforce,
    /// They are let through and recorded, while a service that is called already gets its first rules.
    Observe,
}

/// Who may call a service.
#[derive(Debug, Clone)]
pub struct Access {
    /// The document's name.
    pub name: Name,
    /// The service it is for.
    pub service: Name,
    /// The rules, in the order written.
    pub rules: Vec<Rule>,
}

/// One rule: the only thing that grants.
#[derive(Debug, Clone)]
pub struct Rule {
    /// Its name and place.
    pub id: RuleId,
    /// Who calls.
    pub from: From,
    /// The end user for whom a caller from inside must speak; never with a rule from a gateway, nor on a TCP port.
    pub on_behalf_of: Option<OnBehalfOf>,
    /// The ports it is for, by name; filled with every port of the service when none is written.
    pub ports: Vec<Name>,
    /// The methods; `None` is every method, and the only value on a TCP port.
    pub methods: Option<Vec<Arc<str>>>,
    /// The paths; `/**` when none is written on an HTTP port, empty on a TCP port.
    pub paths: Vec<PathPattern>,
    /// The condition under which it holds, in Cedar. It is checked when the policy is compiled.
    pub when: Option<Written>,
    /// What its requests must be like.
    pub schema: Option<RuleSchema>,
    /// What comes with the permission.
    pub terms: Terms,
}

/// What comes with a rule's permission.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Terms {
    /// Limits on those whom the rule allows.
    pub limits: Vec<Limit>,
    /// Whether the service gets the bearer token that the caller showed; it does not by default.
    pub forward_token: bool,
}

/// Who calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// From outside: such a rule is an exposure.
    Gateway {
        /// Through which gateway.
        gateway: Name,
        /// At which hosts; filled with the gateway's hosts when none is written.
        hosts: Vec<HostPattern>,
        /// With what.
        credential: CredentialRule,
    },
    /// From inside: one of these services (named, or found by labels); never empty.
    Services(Vec<Name>),
    /// From a federated mesh: this workload, which that mesh's own roots prove.
    Federated(SpiffeId),
}

/// What an outside caller must show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CredentialRule {
    /// Nothing; a credential that is shown and bad is refused all the same.
    Anonymous,
    /// A token of this issuer, or an API key or certificate of this set.
    Token {
        /// The issuer, or the set of API keys or of client certificates.
        issuer: Name,
        /// Every one of these scopes.
        scopes: Vec<Arc<str>>,
        /// One of these groups, if any is written.
        groups: Vec<Arc<str>>,
    },
}

/// The end user whom a request must carry, as the gateway verified it and the transaction token brings it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnBehalfOf {
    /// The issuer of the user's token.
    pub issuer: Name,
    /// Every one of these scopes.
    pub scopes: Vec<Arc<str>>,
    /// One of these groups, if any is written.
    pub groups: Vec<Arc<str>>,
}

impl Network {
    /// Whether the network has the address. IPv4 in IPv6 form is read as IPv4.
    pub fn has(&self, address: IpAddr) -> bool {
        let bits = |a: IpAddr| match a.to_canonical() {
            IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, 32),
            IpAddr::V6(v6) => (v6.to_bits(), 128),
        };
        let ((ours, family), (theirs, other)) = (bits(self.address), bits(address));
        let differing = (ours ^ theirs).checked_shr(128 - u32::from(self.prefix)).unwrap_or(0);
        family == other && (self.prefix == 0 || differing == 0)
    }
}

impl Service {
    /// The port of this name.
    pub fn port(&self, name: &Name) -> Option<&Port> {
        self.ports.iter().find(|port| port.name == *name)
    }
}
