//! What a condition sees of the facts.

use super::{Field, List, Part, Present};
use selvedge_model::{Credential, Facts, PathPattern, Peer, Principal, Segment, SpiffeId, TlsFacts};
use std::net::IpAddr;
use std::sync::Arc;

/// The facts, with what the documents say of caller and service.
#[derive(Clone, Copy)]
pub(crate) struct View<'a> {
    pub(crate) facts: &'a Facts<'a>,
    /// This mesh's trust domain.
    pub(crate) domain: &'a str,
    /// Labels as `key=value`, sorted.
    pub(crate) caller_labels: &'a [Arc<str>],
    /// Labels as `key=value`, sorted.
    pub(crate) service_labels: &'a [Arc<str>],
    /// The rule's patterns, for captures; none for a guardrail.
    pub(crate) patterns: &'a [PathPattern],
}

impl<'a> View<'a> {
    /// The end user: at the edge by its own token, at every hop behind it as the transaction token brings it.
    pub(crate) fn user(&self) -> Option<&'a Principal> {
        match self.facts.credential {
            Credential::Token(principal) => Some(principal),
            Credential::Absent | Credential::Refused => None,
        }
    }

    /// The outside client's address, IPv4 in IPv6 form as IPv4. Between services each hop sees another address, so
    /// there it is not to be seen.
    pub(crate) fn client(&self) -> Option<IpAddr> {
        self.outside().and(self.facts.client).map(|address| address.to_canonical())
    }

    /// TLS towards the outside client; between services it is always TLS 1.3.
    pub(crate) fn tls(&self) -> Option<TlsFacts<'a>> {
        self.outside().and(self.facts.tls)
    }

    /// Whether it is there.
    pub(crate) fn has(&self, present: &Present) -> bool {
        match present {
            Present::User => self.user().is_some(),
            Present::Client => self.client().is_some(),
            Present::Tls => self.tls().is_some(),
            Present::Header(name) => self.header(name).is_some(),
            Present::Capture(name) => self.capture(name).is_some(),
        }
    }

    /// The text; `None` when it is absent.
    pub(crate) fn text(&self, field: &Field) -> Option<&'a str> {
        match field {
            Field::Method => Some(self.facts.request.map_or("", |request| request.method)),
            Field::Path => Some(self.facts.request.map_or("", |request| request.path)),
            Field::CallerKind => Some(match self.facts.peer {
                Peer::Outside { .. } => "outside",
                Peer::Workload(_) => "service",
            }),
            Field::CallerId => Some(self.workload().map_or("", SpiffeId::as_str)),
            Field::CallerService => Some(self.workload().and_then(|id| self.service_of(id)).unwrap_or_default()),
            Field::Gateway => Some(self.outside().map_or("", |(gateway, _)| gateway)),
            Field::Host => Some(self.outside().map_or("", |(_, host)| host)),
            Field::Service => Some(self.facts.service.as_str()),
            Field::Port => Some(self.facts.port.as_str()),
            Field::Issuer => self.user().map(|user| user.issuer.as_str()),
            Field::Subject => self.user().map(|user| &*user.subject),
            Field::Header(name) => self.header(name),
            Field::Capture(name) => self.capture(name),
            Field::TlsVersion => self.tls().map(|tls| tls.version),
            Field::TlsCipher => self.tls().map(|tls| tls.cipher),
            Field::TlsGroup => self.tls().map(|tls| tls.group),
        }
    }

    /// The texts of a list; `None` when it is absent.
    pub(crate) fn list(&self, list: List) -> Option<&'a [Arc<str>]> {
        match list {
            List::Scopes => self.user().map(|user| user.scopes.as_slice()),
            List::Groups => self.user().map(|user| user.groups.as_slice()),
            List::Amr => self.user().map(|user| user.amr.as_slice()),
            List::CallerLabels => Some(self.caller_labels),
            List::ServiceLabels => Some(self.service_labels),
        }
    }

    /// The part of the time.
    pub(crate) fn time(&self, part: Part) -> i64 {
        let now = self.facts.now;
        let value = match part {
            Part::Epoch => now,
            Part::Hour => now / 3_600 % 24,
            Part::Minute => now / 60 % 60,
            // The first of January 1970 was a Thursday.
            Part::Weekday => (now / 86_400 + 3) % 7 + 1,
        };
        i64::try_from(value).unwrap_or(i64::MAX)
    }

    /// Whether the caller has this name as an entity.
    pub(crate) fn is_caller(&self, name: &str) -> bool {
        let (prefix, own) = self.caller();
        name.strip_prefix(prefix) == Some(own)
    }

    /// The caller's name as an entity, in two parts.
    pub(crate) fn caller(&self) -> (&'static str, &'a str) {
        match self.facts.peer {
            Peer::Outside { gateway, .. } => ("gateway/", gateway.as_str()),
            Peer::Workload(id) if id.trust_domain() == self.domain => ("", id.path().trim_start_matches('/')),
            Peer::Workload(id) => ("", id.as_str()),
        }
    }

    fn workload(&self) -> Option<&'a SpiffeId> {
        match self.facts.peer {
            Peer::Workload(id) => Some(id),
            Peer::Outside { .. } => None,
        }
    }

    fn outside(&self) -> Option<(&'a str, &'a str)> {
        match self.facts.peer {
            Peer::Outside { gateway, host } => Some((gateway.as_str(), host)),
            Peer::Workload(_) => None,
        }
    }

    fn service_of(&self, id: &'a SpiffeId) -> Option<&'a str> {
        let name = id.path().strip_prefix('/').filter(|name| !name.contains('/'))?;
        (id.trust_domain() == self.domain).then_some(name)
    }

    fn header(&self, name: &str) -> Option<&'a str> {
        self.facts.headers.iter().find(|(found, _)| *found == name).map(|(_, value)| *value)
    }

    /// What a `{name}` took, in the first pattern that covers the path; the first such segment counts.
    fn capture(&self, name: &str) -> Option<&'a str> {
        let path = self.facts.request?.path;
        let pattern = self.patterns.iter().find(|pattern| pattern.matches(path))?;
        let mut parts = path.strip_prefix('/').unwrap_or(path).split('/');
        let named = |segment: &Segment| matches!(segment, Segment::Any(found) if **found == *name);
        let at = pattern.segments().iter().position(named)?;
        parts.nth(at)
    }
}
