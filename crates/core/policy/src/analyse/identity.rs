//! Who calls: finitely many kinds of caller, such that no rule of a question tells two callers of one kind apart.

use selvedge_config::checked::{CredentialRule, From};
use selvedge_model::{Host, HostPattern, Name, SpiffeId};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// A kind of caller.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Identity {
    /// From outside.
    Outside {
        /// Through this gateway.
        gateway: Name,
        /// At these hosts.
        hosts: Hosts,
        /// With this credential.
        shown: Shown,
    },
    /// A service of the mesh, by its certificate.
    Service(Name),
    /// A workload of a federated mesh, by its certificate.
    Federated(SpiffeId),
}

/// Hosts that no rule of the question tells apart.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Hosts {
    /// This one.
    One(Host),
    /// One label before the suffix, and none of the hosts that a rule names there.
    Below(Host, Arc<[Host]>),
    /// Every host that no rule names.
    Other(Arc<[HostPattern]>),
}

/// What an outside caller shows.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Shown {
    /// Nothing.
    Nothing,
    /// A token of this issuer.
    Token(Name),
    /// A token of an issuer that the mesh does not have. None is ever accepted; it is here to leave nothing out.
    OtherToken,
}

impl Identity {
    /// Whether it is no service, and a rule's `from` names it. Scopes and groups are conditions, and not looked at.
    pub(super) fn comes_by(&self, from: &From) -> bool {
        match (self, from) {
            (
                Identity::Outside { gateway, hosts, shown },
                From::Gateway { gateway: through, hosts: at, credential },
            ) => gateway == through && at.iter().any(|pattern| hosts.within(pattern)) && shown.satisfies(credential),
            (Identity::Federated(id), From::Federated(named)) => id == named,
            (Identity::Service(_), _)
            | (Identity::Outside { .. }, From::Services(_) | From::Federated(_))
            | (Identity::Federated(_), From::Services(_) | From::Gateway { .. }) => false,
        }
    }

    /// Whether there is a user; `None` for a service, which may call for one or for itself.
    pub(super) fn has_a_user(&self) -> Option<bool> {
        match self {
            Identity::Outside { shown, .. } => Some(*shown != Shown::Nothing),
            Identity::Service(_) => None,
            // No rule is for its users, and it is never let to bring one.
            Identity::Federated(_) => Some(false),
        }
    }

    /// Whether it comes from outside.
    pub(super) fn is_outside(&self) -> bool {
        matches!(self, Identity::Outside { .. })
    }

    /// Whether its token is of an issuer that the mesh does not have.
    pub(super) fn has_another_issuer(&self) -> bool {
        matches!(self, Identity::Outside { shown: Shown::OtherToken, .. })
    }
}

impl Hosts {
    /// Whether all of them are covered by the pattern. A pattern of the question covers all of them, or none.
    pub fn within(&self, pattern: &HostPattern) -> bool {
        match (self, pattern) {
            (_, HostPattern::Any) => true,
            (Hosts::One(host), pattern) => pattern.matches(host.as_str()),
            (Hosts::Below(suffix, _), HostPattern::Wildcard(other)) => suffix == other,
            (Hosts::Below(..), HostPattern::Exact(_))
            | (Hosts::Other(_), HostPattern::Exact(_) | HostPattern::Wildcard(_)) => false,
        }
    }

    /// Whether the host is one of them.
    pub fn has(&self, host: &str) -> bool {
        match self {
            Hosts::One(one) => one.as_str() == host,
            Hosts::Below(suffix, named) => {
                HostPattern::Wildcard(suffix.clone()).matches(host) && !named.iter().any(|name| name.as_str() == host)
            }
            Hosts::Other(named) => !named.iter().any(|pattern| pattern.matches(host)),
        }
    }

    /// Whether every one of them is this host (`true`), or none is (`false`).
    pub(super) fn is(&self, host: &str) -> Option<bool> {
        match self {
            Hosts::One(one) => Some(one.as_str() == host),
            Hosts::Below(..) | Hosts::Other(_) => (!self.has(host)).then_some(false),
        }
    }

    /// Whether every one of them begins so (`true`), or none does (`false`).
    pub(super) fn begins(&self, start: &str) -> Option<bool> {
        match self {
            Hosts::One(one) => Some(one.as_str().starts_with(start)),
            Hosts::Below(..) | Hosts::Other(_) => start.is_empty().then_some(true),
        }
    }

    /// One of them, such as a person would try.
    pub fn example(&self) -> String {
        match self {
            Hosts::One(host) => host.to_string(),
            Hosts::Below(suffix, _) => self.fresh(|label| format!("{label}.{suffix}")),
            Hosts::Other(_) => self.fresh(|label| format!("{label}.example")),
        }
    }

    fn fresh(&self, host: impl Fn(&str) -> String) -> String {
        let mut labels = std::iter::once("any".to_owned()).chain((1_u64..).map(|n| format!("any{n}")));
        labels.find_map(|label| Some(host(&label)).filter(|host| self.has(host))).unwrap_or_default()
    }
}

impl Shown {
    fn satisfies(&self, credential: &CredentialRule) -> bool {
        match (self, credential) {
            (_, CredentialRule::Anonymous) => true,
            (Shown::Token(issuer), CredentialRule::Token { issuer: named, .. }) => issuer == named,
            (Shown::Nothing | Shown::OtherToken, CredentialRule::Token { .. }) => false,
        }
    }
}

/// What the rules of a question tell apart: built from their `from`, and from hosts that conditions name.
#[derive(Debug, Default)]
pub(super) struct Callers {
    services: BTreeSet<Name>,
    federated: BTreeSet<SpiffeId>,
    gateways: BTreeMap<Name, BTreeSet<HostPattern>>,
    issuers: BTreeSet<Name>,
    hosts: BTreeSet<Host>,
}

impl Callers {
    /// Takes note of a rule.
    pub(super) fn add(&mut self, from: &From) {
        match from {
            From::Services(names) => self.services.extend(names.iter().cloned()),
            From::Federated(id) => {
                self.federated.insert(id.clone());
            }
            From::Gateway { gateway, hosts, credential } => {
                self.gateways.entry(gateway.clone()).or_default().extend(hosts.iter().cloned());
                if let CredentialRule::Token { issuer, .. } = credential {
                    self.issuers.insert(issuer.clone());
                }
            }
        }
    }

    /// Takes note of a host that a condition names.
    pub(super) fn add_host(&mut self, host: Host) {
        self.hosts.insert(host);
    }

    /// Takes note of an issuer.
    pub(super) fn add_issuer(&mut self, issuer: Name) {
        self.issuers.insert(issuer);
    }

    /// Every kind of caller that some rule may let in; any other is refused by them all.
    pub(super) fn identities(&self) -> Vec<Identity> {
        let mut identities: Vec<Identity> = Vec::new();
        for (gateway, patterns) in &self.gateways {
            let named = self.hosts.iter().filter(|host| patterns.iter().any(|p| p.matches(host.as_str())));
            let patterns: BTreeSet<HostPattern> =
                patterns.iter().cloned().chain(named.cloned().map(HostPattern::Exact)).collect();
            for hosts in host_classes(&patterns) {
                let tokens = self.issuers.iter().cloned().map(Shown::Token);
                for shown in [Shown::Nothing].into_iter().chain(tokens).chain([Shown::OtherToken]) {
                    identities.push(Identity::Outside { gateway: gateway.clone(), hosts: hosts.clone(), shown });
                }
            }
        }
        identities.extend(self.services.iter().cloned().map(Identity::Service));
        identities.extend(self.federated.iter().cloned().map(Identity::Federated));
        identities
    }
}

/// Parts the hosts that some pattern covers.
fn host_classes(patterns: &BTreeSet<HostPattern>) -> Vec<Hosts> {
    let exact = patterns.iter().filter_map(|pattern| match pattern {
        HostPattern::Exact(host) => Some(host.clone()),
        HostPattern::Wildcard(_) | HostPattern::Any => None,
    });
    let exact: Vec<Host> = exact.collect();
    let class = |pattern: &HostPattern| match pattern {
        HostPattern::Exact(host) => Hosts::One(host.clone()),
        HostPattern::Wildcard(suffix) => {
            let named = exact.iter().filter(|host| pattern.matches(host.as_str())).cloned().collect();
            Hosts::Below(suffix.clone(), named)
        }
        HostPattern::Any => Hosts::Other(patterns.iter().filter(|p| **p != HostPattern::Any).cloned().collect()),
    };
    patterns.iter().map(class).collect()
}

impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hosts::One(host) => write!(f, "{host}"),
            Hosts::Below(suffix, _) => write!(f, "*.{suffix}"),
            Hosts::Other(_) => f.write_str("*"),
        }
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Shown::Nothing => f.write_str("no credential"),
            Shown::Token(issuer) => write!(f, "token of {issuer}"),
            Shown::OtherToken => f.write_str("token of another issuer"),
        }
    }
}

/// `gateway public at api.acme.example, token of corporate`, or `service checkout`.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Identity::Outside { gateway, hosts, shown } => write!(f, "gateway {gateway} at {hosts}, {shown}"),
            Identity::Service(name) => write!(f, "service {name}"),
            Identity::Federated(id) => write!(f, "workload {id}"),
        }
    }
}
