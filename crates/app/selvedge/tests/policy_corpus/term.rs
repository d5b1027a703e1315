//! Whether a condition of an answer holds for concrete facts: written apart from the product, from the words of its types.

use selvedge_config::checked::{Checked, Service};
use selvedge_model::{Credential, Facts, Name, Peer, Principal, WorkloadKind};
use selvedge_policy::analyse::{Access, Clock, Condition, Grantee, Presence, Range, Term, Text};
use std::net::IpAddr;

/// Whether the facts are allowed by an answer; `None` where that hangs on an expression that stays Cedar.
pub(crate) fn allows(access: &Access, facts: &Facts<'_>, checked: &Checked) -> Option<bool> {
    let all = |conditions: &[Condition]| {
        every(conditions.iter().map(|condition| Some(holds(&condition.term, facts, checked)? == condition.holds)))
    };
    let allowed = some(access.ways.iter().map(|way| all(&way.conditions)));
    let forbidden = some(access.unless.iter().map(|unless| all(&unless.conditions)));
    every([allowed, forbidden.map(|forbidden| !forbidden)].into_iter())
}

/// Kleene's `and`.
fn every(mut values: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    let mut known = true;
    let failed = values.any(|value| {
        known &= value.is_some();
        value == Some(false)
    });
    if failed { Some(false) } else { known.then_some(true) }
}

/// Kleene's `or`.
fn some(values: impl Iterator<Item = Option<bool>>) -> Option<bool> {
    every(values.map(|value| value.map(|value| !value))).map(|none| !none)
}

fn holds(term: &Term, facts: &Facts<'_>, checked: &Checked) -> Option<bool> {
    Some(match term {
        Term::User(grantee, value) => user(facts).is_some_and(|user| has(user, *grantee, value)),
        Term::Is(what, value) => text(what, facts)?.is_some_and(|text| text == **value),
        Term::Begins(what, value) => text(what, facts)?.is_some_and(|text| text.starts_with(&**value)),
        Term::CallerLabel(label) => caller(facts, checked).is_some_and(|service| labelled(service, label)),
        Term::ServiceLabel(label) => {
            checked.services.get(facts.service).is_some_and(|service| labelled(service, label))
        }
        Term::Client(range) => facts.client.is_some_and(|client| within(range, client)),
        Term::AtLeast(clock, least) => part(*clock, facts.now) >= *least,
        Term::Has(Presence::User) => user(facts).is_some(),
        Term::Has(Presence::Client) => facts.client.is_some(),
        Term::Has(Presence::Tls) => facts.tls.is_some(),
        Term::Has(Presence::Header(name)) => header(name, facts).is_some(),
        Term::Has(Presence::Capture(_)) | Term::Residual(_) => return None,
    })
}

/// The text; `Some(None)` where these facts have none, `None` where we do not know what a pattern took.
fn text(text: &Text, facts: &Facts<'_>) -> Option<Option<String>> {
    let owned = |text: &str| Some(text.to_owned());
    Some(match text {
        Text::Method => owned(facts.request.map_or("", |request| request.method)),
        Text::Path => owned(facts.request.map_or("", |request| request.path)),
        Text::CallerKind => owned(match facts.peer {
            Peer::Outside { .. } => "outside",
            Peer::Workload(_) => "service",
        }),
        Text::CallerId => owned(match facts.peer {
            Peer::Outside { .. } => "",
            Peer::Workload(id) => id.as_str(),
        }),
        Text::CallerService => owned(match facts.peer {
            Peer::Outside { .. } => "",
            Peer::Workload(id) => id.as_str().rsplit('/').next().unwrap_or_default(),
        }),
        Text::Gateway => owned(match facts.peer {
            Peer::Outside { gateway, .. } => gateway.as_str(),
            Peer::Workload(_) => "",
        }),
        Text::Host => owned(match facts.peer {
            Peer::Outside { host, .. } => host,
            Peer::Workload(_) => "",
        }),
        Text::Service => owned(facts.service.as_str()),
        Text::Port => owned(facts.port.as_str()),
        Text::Issuer => user(facts).map(|user| user.issuer.to_string()),
        Text::Subject => user(facts).map(|user| user.subject.to_string()),
        Text::Header(name) => header(name, facts).map(str::to_owned),
        Text::Capture(_) => return None,
        // These facts never have TLS.
        Text::Tls(_) => None,
    })
}

fn header<'a>(name: &str, facts: &Facts<'a>) -> Option<&'a str> {
    let name = name.replace('_', "-");
    facts.headers.iter().find(|(field, _)| *field == name).map(|(_, value)| *value)
}

fn user<'a>(facts: &Facts<'a>) -> Option<&'a Principal> {
    match facts.credential {
        Credential::Token(user) => Some(user),
        Credential::Absent | Credential::Refused => None,
    }
}

fn has(user: &Principal, grantee: Grantee, value: &str) -> bool {
    let values = match grantee {
        Grantee::Scope => &user.scopes,
        Grantee::Group => &user.groups,
        Grantee::Amr => &user.amr,
    };
    values.iter().any(|held| **held == *value)
}

fn caller<'a>(facts: &Facts<'_>, checked: &'a Checked) -> Option<&'a Service> {
    let Peer::Workload(id) = facts.peer else { return None };
    let own = |name: &&Name| {
        selvedge_model::SpiffeId::of(&checked.mesh.trust_domain, &WorkloadKind::Service((*name).clone())) == *id
    };
    checked.services.get(checked.services.keys().find(own)?)
}

fn labelled(service: &Service, label: &str) -> bool {
    service.labels.iter().any(|(key, value)| format!("{key}={value}") == label)
}

fn within(range: &Range, client: IpAddr) -> bool {
    let (bits, v6) = match client {
        IpAddr::V4(v4) => (u128::from(v4.to_bits()) << 96, false),
        IpAddr::V6(v6) => (v6.to_bits(), true),
    };
    let differing = (bits ^ range.bits).checked_shr(128 - u32::from(range.prefix)).unwrap_or(0);
    v6 == range.v6 && differing == 0
}

/// A part of the time in UTC; 1970 began on a Thursday, and weeks begin on Monday, which is 1.
fn part(clock: Clock, now: u64) -> i64 {
    let value = match clock {
        Clock::Epoch => now,
        Clock::Hour => now / 3_600 % 24,
        Clock::Minute => now / 60 % 60,
        Clock::Weekday => (now / 86_400 + 3) % 7 + 1,
    };
    i64::try_from(value).unwrap_or(i64::MAX)
}
