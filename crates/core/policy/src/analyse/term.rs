//! One thing that a condition asks about a request.

mod words;

use super::class::Place;
use super::identity::{Identity, Shown};
use selvedge_config::checked::{Issuer, Network, Service};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A question with the answer yes or no.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Term {
    /// Whether the user has something.
    User(Grantee, Arc<str>),
    /// Whether a text has this value.
    Is(Text, Arc<str>),
    /// Whether a text begins so.
    Begins(Text, Arc<str>),
    /// Whether the caller has a label, as `key=value`; an outside caller has none.
    CallerLabel(Arc<str>),
    /// Whether the service has a label.
    ServiceLabel(Arc<str>),
    /// Whether the client's address is in this network: address and prefix.
    Client(Range),
    /// Whether a part of the time is at least this.
    AtLeast(Clock, i64),
    /// Whether something is known at all.
    Has(Presence),
    /// Whether this Cedar expression is true.
    Residual(Arc<str>),
}

/// What a token grants a user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Grantee {
    /// A scope.
    Scope,
    /// Membership in a group.
    Group,
    /// A way in which the user was authenticated.
    Amr,
}

/// A text that a condition may look at.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Text {
    /// The method.
    Method,
    /// The canonical path.
    Path,
    /// `outside` or `service`.
    CallerKind,
    /// The caller's SPIFFE ID; empty from outside.
    CallerId,
    /// The caller's name, when it is a service; empty from outside.
    CallerService,
    /// The gateway; empty inside.
    Gateway,
    /// The host; empty inside.
    Host,
    /// The service's name.
    Service,
    /// The port's name.
    Port,
    /// The user's issuer.
    Issuer,
    /// The user's subject.
    Subject,
    /// A request field.
    Header(Arc<str>),
    /// What a `{name}` of a pattern took.
    Capture(Arc<str>),
    /// `version`, `cipher` or `group` of TLS.
    Tls(&'static str),
}

/// What may be absent.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Presence {
    /// A user.
    User,
    /// The client's address.
    Client,
    /// TLS.
    Tls,
    /// A request field.
    Header(Arc<str>),
    /// What a `{name}` of a pattern took.
    Capture(Arc<str>),
}

/// A part of the time, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Clock {
    /// Seconds since 1970.
    Epoch,
    /// From 0 to 23.
    Hour,
    /// From 0 to 59.
    Minute,
    /// From 1, Monday, to 7.
    Weekday,
}

/// A network, in an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Range {
    /// The first address, as 128 bits from the left.
    pub bits: u128,
    /// How many bits count.
    pub prefix: u8,
    /// Whether it is of IPv6.
    pub v6: bool,
}

impl Range {
    /// The range of a network.
    pub fn of(network: &Network) -> Range {
        let (bits, v6) = match network.address {
            std::net::IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, false),
            std::net::IpAddr::V6(v6) => (v6.to_bits(), true),
        };
        let kept = if network.prefix == 0 { 0 } else { u128::MAX << (128 - u32::from(network.prefix.min(128))) };
        Range { bits: bits & kept, prefix: network.prefix, v6 }
    }

    /// Whether all of the other is in it.
    pub(super) fn contains(&self, other: &Range) -> bool {
        let kept = if self.prefix == 0 { 0 } else { u128::MAX << (128 - u32::from(self.prefix.min(128))) };
        self.v6 == other.v6 && self.prefix <= other.prefix && other.bits & kept == self.bits
    }

    /// Its two halves; `None` for a single address.
    pub(super) fn halves(&self) -> Option<[Range; 2]> {
        let most = if self.v6 { 128 } else { 32 };
        (self.prefix < most).then(|| {
            let prefix = self.prefix + 1;
            let high = self.bits | 1_u128 << (128 - u32::from(prefix));
            [Range { prefix, ..*self }, Range { prefix, bits: high, ..*self }]
        })
    }
}

impl Clock {
    /// The values that there are.
    pub(super) fn range(self) -> (i64, i64) {
        match self {
            Clock::Epoch => (0, i64::MAX),
            Clock::Hour => (0, 23),
            Clock::Minute => (0, 59),
            Clock::Weekday => (1, 7),
        }
    }
}

/// What a term can be decided by, before there is a request.
pub(super) struct Known<'a> {
    pub(super) service: &'a Service,
    pub(super) port: &'a str,
    /// The trust domain, for SPIFFE IDs.
    pub(super) trust_domain: &'a str,
    /// The issuers of the mesh.
    pub(super) issuers: &'a BTreeMap<selvedge_model::Name, Issuer>,
    /// Labels of the services that call.
    pub(super) services: &'a BTreeMap<selvedge_model::Name, Service>,
}

impl Term {
    /// The answer for every request to this port; `None` when it is not the same for all.
    pub(super) fn for_service(&self, known: &Known<'_>) -> Option<bool> {
        match self {
            Term::Is(text, value) => service_text(text, known).map(|text| *text == **value),
            Term::Begins(text, value) => service_text(text, known).map(|text| text.starts_with(&**value)),
            Term::ServiceLabel(label) => Some(has_label(known.service, label)),
            _ => None,
        }
    }

    /// The answer for every request of this kind of caller; `None` when it is not the same for all.
    pub(super) fn for_caller(&self, identity: &Identity, known: &Known<'_>) -> Option<bool> {
        match self {
            Term::CallerLabel(label) => Some(match identity {
                Identity::Service(name) => known.services.get(name).is_some_and(|service| has_label(service, label)),
                Identity::Outside { .. } | Identity::Federated(_) => false,
            }),
            Term::Is(Text::Host, value) => match identity {
                Identity::Outside { hosts, .. } => hosts.is(value),
                Identity::Service(_) | Identity::Federated(_) => Some(value.is_empty()),
            },
            Term::Begins(Text::Host, value) => match identity {
                Identity::Outside { hosts, .. } => hosts.begins(value),
                Identity::Service(_) | Identity::Federated(_) => Some(value.is_empty()),
            },
            Term::Is(Text::Issuer | Text::Subject, _) | Term::Begins(Text::Issuer | Text::Subject, _)
                if identity.has_a_user() == Some(false) =>
            {
                Some(false)
            }
            // Address and TLS are those of the outside client: between services they are not to be seen.
            Term::Client(_)
            | Term::Has(Presence::Client | Presence::Tls)
            | Term::Is(Text::Tls(_), _)
            | Term::Begins(Text::Tls(_), _)
                if !identity.is_outside() =>
            {
                Some(false)
            }
            // INVARIANT: a frame has every issuer of the mesh, and every one that a condition compares with.
            Term::Is(Text::Issuer, _) if identity.has_another_issuer() => Some(false),
            Term::Is(text, value) => caller_text(text, identity, known).map(|text| text == **value),
            Term::Begins(text, value) => caller_text(text, identity, known).map(|text| text.starts_with(&**value)),
            Term::User(..) => (identity.has_a_user() == Some(false)).then_some(false),
            Term::Has(Presence::User) => identity.has_a_user(),
            _ => None,
        }
    }

    /// Whether the method or the path decides it, in part: then what stays open differs between cells of one caller.
    pub(super) fn is_about_a_cell(&self) -> bool {
        matches!(self, Term::Is(Text::Method | Text::Path, _) | Term::Begins(Text::Method | Text::Path, _))
    }

    /// The answer for every request with this method; `None` for a method that is not known, and for other terms.
    pub(super) fn for_method(&self, method: Option<&str>) -> Option<bool> {
        match (self, method) {
            (Term::Is(Text::Method, value), Some(method)) => Some(**value == *method),
            // INVARIANT: a frame names every method that a condition compares with.
            (Term::Is(Text::Method, _), None) => Some(false),
            (Term::Begins(Text::Method, value), Some(method)) => Some(method.starts_with(&**value)),
            _ => None,
        }
    }

    /// The answer for every path of a place; `None` when it is not the same for all.
    pub(super) fn for_place(&self, place: &Place) -> Option<bool> {
        match (self, place) {
            (Term::Is(Text::Path | Text::Method, value), Place::Connection) => Some(value.is_empty()),
            (Term::Begins(Text::Path | Text::Method, value), Place::Connection) => Some(value.is_empty()),
            // A connection carries no user, and comes from inside alone.
            (
                Term::User(..)
                | Term::Has(Presence::User)
                | Term::Is(Text::Issuer | Text::Subject, _)
                | Term::Begins(Text::Issuer | Text::Subject, _),
                Place::Connection,
            ) => Some(false),
            (Term::Is(Text::Path, value), Place::Path(class)) => class.is(value),
            (Term::Begins(Text::Path, value), Place::Path(class)) => class.begins(value),
            _ => None,
        }
    }
}

fn has_label(service: &Service, label: &str) -> bool {
    label.split_once('=').is_some_and(|(key, value)| service.labels.get(key).is_some_and(|is| is == value))
}

fn service_text<'a>(text: &Text, known: &Known<'a>) -> Option<&'a str> {
    match text {
        Text::Service => Some(known.service.name.as_str()),
        Text::Port => Some(known.port),
        _ => None,
    }
}

fn caller_text(text: &Text, identity: &Identity, known: &Known<'_>) -> Option<String> {
    match (text, identity) {
        (Text::CallerKind, Identity::Outside { .. }) => Some("outside".to_owned()),
        (Text::CallerKind, Identity::Service(_) | Identity::Federated(_)) => Some("service".to_owned()),
        (Text::CallerId, Identity::Service(name)) => Some(format!("spiffe://{}/{name}", known.trust_domain)),
        (Text::Gateway, Identity::Outside { gateway, .. }) => Some(gateway.to_string()),
        (Text::CallerService, Identity::Service(name)) => Some(name.to_string()),
        (Text::CallerId, Identity::Federated(id)) => Some(id.to_string()),
        (Text::CallerId | Text::CallerService, Identity::Outside { .. })
        | (Text::Gateway, Identity::Service(_) | Identity::Federated(_))
        | (Text::CallerService, Identity::Federated(_)) => Some(String::new()),
        (Text::Issuer, Identity::Outside { shown: Shown::Token(issuer), .. }) => Some(issuer.to_string()),
        _ => None,
    }
}
