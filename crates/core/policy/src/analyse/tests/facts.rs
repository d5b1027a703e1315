//! Requests as facts, and what terms say of them: written apart from the engine and from the analysis.

use super::name;
use crate::Policy;
use crate::analyse::{Clock, Grantee, Identity, Presence, Shown, Term, Text};
use selvedge_model::{Credential, Decision, Facts, Name, Peer, Principal, RequestFacts, SpiffeId};
use std::sync::Arc;

#[derive(Debug, Clone)]
pub(super) enum Who {
    Service(&'static str, Option<Arc<Principal>>),
    Outside { gateway: &'static str, host: &'static str, user: Option<Arc<Principal>> },
}

/// What conditions look at beside caller and request.
#[derive(Debug, Clone, Copy)]
pub(super) struct Around {
    pub(super) hour: u64,
    pub(super) client: Option<&'static str>,
    pub(super) tenant: Option<&'static str>,
}

#[derive(Debug, Clone)]
pub(super) struct Request {
    pub(super) caller: Who,
    pub(super) port: Name,
    pub(super) request: Option<(&'static str, &'static str)>,
    pub(super) around: Around,
}

/// Every caller; `whole`: with every set of scopes, groups and ways of authentication that conditions tell apart, in
/// place of some.
pub(super) fn callers(whole: bool) -> Vec<Who> {
    let services = ["orders", "cart", "batch", "stranger"];
    let mut callers: Vec<Who> = services.into_iter().map(|service| Who::Service(service, None)).collect();
    let mut users = vec![None];
    for issuer in ["corporate", "partners", "elsewhere"] {
        let sets = match (issuer, whole) {
            ("elsewhere", _) => 0..1_u8,
            (_, true) => 0..64,
            (_, false) => 0..16,
        };
        for bits in sets {
            let some = |bit: u8, text: &str| (bits & bit != 0).then(|| Arc::from(text));
            users.push(Some(Arc::new(Principal {
                issuer: name(issuer),
                subject: "u".into(),
                scopes: some(1, "r").into_iter().chain(some(2, "w")).collect(),
                groups: some(4, "g").into_iter().chain(some(16, "h")).collect(),
                amr: some(8, "mfa").into_iter().chain(some(32, "pwd")).collect(),
            })));
        }
    }
    for service in ["cart", "batch"] {
        // No gateway vouches for a user of an issuer that the mesh does not have.
        let known = users.iter().flatten().filter(|user| user.issuer.as_str() != "elsewhere");
        callers.extend(known.map(|user| Who::Service(service, Some(user.clone()))));
    }
    for (gateway, host) in [
        ("public", "api.acme.example"),
        ("public", "x.acme.example"),
        ("partner", "api.acme.example"),
        ("partner", "y"),
    ] {
        callers.extend(users.iter().map(|user| Who::Outside { gateway, host, user: user.clone() }));
    }
    callers
}

/// What conditions look at beside; `whole`: in every combination.
pub(super) fn surroundings(whole: bool) -> Vec<Around> {
    let mut all = Vec::new();
    for hour in [2, 12, 20] {
        for client in [None, Some("10.1.2.3"), Some("192.0.2.1")] {
            for tenant in [None, Some("acme"), Some("other")] {
                all.push(Around { hour, client, tenant });
            }
        }
    }
    if whole { all } else { all.into_iter().step_by(5).collect() }
}

impl Request {
    /// Whether the policy allows it, and by which rule.
    pub(super) fn decide(&self, policy: &Policy) -> Decision {
        let service = name("orders");
        let headers: Vec<(&str, &str)> = self.around.tenant.iter().map(|tenant| ("x-tenant", *tenant)).collect();
        let (id, gateway);
        let (peer, credential) = match &self.caller {
            Who::Service(service, user) => {
                id = SpiffeId::parse(&format!("spiffe://acme.example/{service}")).unwrap();
                let credential = user.as_ref().map_or(Credential::Absent, |user| Credential::Token(user));
                (Peer::Workload(&id), credential)
            }
            Who::Outside { gateway: through, host, user } => {
                gateway = name(through);
                let credential = user.as_ref().map_or(Credential::Absent, |user| Credential::Token(user));
                (Peer::Outside { gateway: &gateway, host }, credential)
            }
        };
        policy.decide(&Facts {
            peer,
            credential,
            service: &service,
            port: &self.port,
            request: self.request.map(|(method, path)| RequestFacts { method, path }),
            client: self.around.client.map(|client| client.parse().unwrap()),
            now: self.now(),
            headers: &headers,
            tls: None,
        })
    }

    fn now(&self) -> u64 {
        self.around.hour * 3_600
    }

    pub(super) fn user(&self) -> Option<&Principal> {
        match &self.caller {
            Who::Outside { user, .. } | Who::Service(_, user) => user.as_deref(),
        }
    }

    /// Whether the request is by a caller of this kind.
    pub(super) fn is_by(&self, identity: &Identity) -> bool {
        match (&self.caller, identity) {
            (Who::Service(name, _), Identity::Service(other)) => *name == other.as_str(),
            (Who::Outside { gateway, host, user }, Identity::Outside { gateway: through, hosts, shown }) => {
                let shown = match (user, shown) {
                    (None, Shown::Nothing) => true,
                    (Some(user), Shown::Token(issuer)) => user.issuer == *issuer,
                    (Some(user), Shown::OtherToken) => user.issuer.as_str() == "elsewhere",
                    (None, Shown::Token(_) | Shown::OtherToken) | (Some(_), Shown::Nothing) => false,
                };
                *gateway == through.as_str() && hosts.has(host) && shown
            }
            (Who::Service(..), Identity::Outside { .. })
            | (Who::Outside { .. }, Identity::Service(_))
            | (_, Identity::Federated(_)) => false,
        }
    }

    /// Whether a term holds.
    pub(super) fn holds(&self, term: &Term) -> bool {
        match term {
            Term::User(grantee, text) => self.user().is_some_and(|user| {
                let granted = match grantee {
                    Grantee::Scope => &user.scopes,
                    Grantee::Group => &user.groups,
                    Grantee::Amr => &user.amr,
                };
                granted.contains(text)
            }),
            Term::Is(text, value) => self.text(text).is_some_and(|text| text == **value),
            Term::Begins(text, start) => self.text(text).is_some_and(|text| text.starts_with(&**start)),
            Term::CallerLabel(label) => matches!(self.caller, Who::Service("cart", _)) && **label == *"team=shop",
            Term::ServiceLabel(label) => **label == *"pci=no",
            Term::Client(range) => {
                let inside = range.to_string() == "10.0.0.0/8";
                assert!(inside, "the repositories know one network");
                self.client().is_some_and(|client| client.starts_with("10."))
            }
            Term::AtLeast(clock, least) => self.clock(*clock) >= *least,
            Term::Has(presence) => match presence {
                Presence::User => self.user().is_some(),
                Presence::Client => self.client().is_some(),
                Presence::Header(_) => self.around.tenant.is_some(),
                Presence::Tls | Presence::Capture(_) => false,
            },
            Term::Residual(text) => panic!("`{text}` should be lowered"),
        }
    }

    /// Between services the client is not to be seen.
    fn client(&self) -> Option<&'static str> {
        match self.caller {
            Who::Outside { .. } => self.around.client,
            Who::Service(..) => None,
        }
    }

    fn clock(&self, clock: Clock) -> i64 {
        let now = i64::try_from(self.now()).unwrap();
        match clock {
            Clock::Epoch => now,
            Clock::Hour => now / 3_600 % 24,
            Clock::Minute => now / 60 % 60,
            // The first of January 1970.
            Clock::Weekday => 4,
        }
    }

    fn text(&self, text: &Text) -> Option<String> {
        let (method, path) = self.request.unwrap_or_default();
        let text = match (text, &self.caller) {
            (Text::Method, _) => method,
            (Text::Path, _) => path,
            (Text::CallerKind, Who::Service(..)) => "service",
            (Text::CallerKind, Who::Outside { .. }) => "outside",
            (Text::CallerService, Who::Service(name, _)) => name,
            (Text::Host, Who::Outside { host, .. }) => host,
            (Text::Gateway, Who::Outside { gateway, .. }) => gateway,
            (Text::CallerService, Who::Outside { .. }) | (Text::Host | Text::Gateway, Who::Service(..)) => "",
            (Text::Issuer, _) => return self.user().map(|user| user.issuer.to_string()),
            (Text::Header(_), _) => return self.around.tenant.map(str::to_owned),
            (other, _) => panic!("no repository looks at {other}"),
        };
        Some(text.to_owned())
    }
}
