//! A replay is exact: from the record as it stands in a file, the decision comes out as it was, or as it would be.

use super::*;
use crate::fixture::{self, Owned, Shown, name};
use proptest::prelude::*;
use selvedge_model::{Decision, DecisionId, Fault};

/// The record of a hop that decided.
fn record(owned: &Owned, service: &Name, decision: &Decision) -> Record {
    let (user, refused) = match &owned.credential {
        Shown::Absent => (None, false),
        Shown::Refused => (None, true),
        Shown::Token(user) => (Some(user.clone()), false),
    };
    let text = |text: &str| Some(Arc::from(text));
    Record {
        id: DecisionId::new(owned.now * 1000, 7),
        time_ms: owned.now * 1000 + 999,
        role: if owned.gateway.is_some() { Role::Gateway } else { Role::MeshInbound },
        at: owned.gateway.clone().or(Some(service.clone())),
        plan: "00".into(),
        outcome: match decision {
            Decision::Allow(rule) => Outcome::Allowed(rule.clone()),
            Decision::Deny(denial) => Outcome::Denied(denial.clone()),
        },
        status: 0,
        peer: owned.gateway.is_none().then(|| owned.id.clone()),
        local: None,
        client: "192.0.2.7".parse().ok(),
        user,
        refused,
        service: Some(service.clone()),
        port: Some(owned.port.clone()),
        host: text(owned.host),
        method: owned.request.and_then(|(method, _)| text(method)),
        path: owned.request.and_then(|(_, path)| text(path)),
        headers: Vec::new(),
        bytes_in: 1,
        bytes_out: 2,
        duration_us: 3,
        trace: None,
        tls: None,
        client_tls: None,
        key: None,
        limit: None,
    }
}

/// The same hop behind the gateway: the peer is the gateway, and the facts are those from outside.
fn inner(record: &Record) -> Record {
    let peer = record
        .at
        .as_ref()
        .and_then(|gateway| SpiffeId::parse(&format!("spiffe://acme.example/gateway/{gateway}")).ok());
    Record { role: Role::MeshInbound, at: record.service.clone(), peer, ..record.clone() }
}

fn domain() -> TrustDomain {
    TrustDomain::parse("acme.example").unwrap()
}

/// As it stands in the file.
fn written(record: &Record) -> Record {
    serde_json::from_str(&serde_json::to_string(record).unwrap()).unwrap()
}

fn replay(policy: &Policy, record: &Record) -> Replayed {
    let recorded = Recorded::of(record, &domain()).unwrap();
    policy.replay(&recorded, recorded.destination().as_ref())
}

/// What the replay must say, from the two decisions.
fn expected(before: Decision, after: Decision) -> Replayed {
    match (before, after) {
        (Decision::Allow(before), Decision::Allow(after)) => {
            if before.rule == after.rule {
                Replayed::Same
            } else {
                Replayed::OtherRule(after)
            }
        }
        (Decision::Allow(_), Decision::Deny(denial)) => Replayed::NewlyDenied(denial),
        (Decision::Deny(_), Decision::Allow(rule)) => Replayed::NewlyAllowed(rule),
        (Decision::Deny(before), Decision::Deny(after)) => {
            let near = |denial: &Denial| denial.nearest.clone().map(|near| (near.rule.rule.clone(), near.missing));
            let same = before.reason == after.reason && near(&before) == near(&after);
            if same { Replayed::Same } else { Replayed::OtherDenial(after) }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_replay_is_exact(
        rules in fixture::rules(), other in fixture::rules(), all in prop::collection::vec(fixture::facts(), 1..12),
    ) {
        let (policy, changed) = (fixture::compiled(&rules).1, fixture::compiled(&other).1);
        let service = name("orders");
        for owned in &all {
            let (before, after) = (policy.decide(&owned.facts(&service)), changed.decide(&owned.facts(&service)));
            let record = written(&record(owned, &service, &before));
            prop_assert_eq!(replay(&policy, &record), Replayed::Same);
            let expected = expected(before, after);
            prop_assert_eq!(&replay(&changed, &record), &expected);
            if owned.gateway.is_some() {
                prop_assert_eq!(&replay(&changed, &inner(&record)), &expected);
            }
        }
    }
}

fn denied(denial: Denial) -> Record {
    let owned = Owned {
        gateway: None,
        host: "",
        id: SpiffeId::parse("spiffe://acme.example/checkout").unwrap(),
        credential: Shown::Absent,
        port: name("http"),
        request: Some(("GET", "/orders")),
        now: 5,
    };
    record(&owned, &name("orders"), &Decision::Deny(denial))
}

fn why(record: &Record) -> Unreplayable {
    Recorded::of(record, &domain()).map(|_| ()).unwrap_err()
}

#[test]
fn what_no_policy_decided_is_not_replayed() {
    let denial = Denial::of(DenialReason::NotPermitted);
    let plain = denied(denial.clone());
    let broken = |rule| Outcome::Faulted { fault: Fault::ConnectFailed, detail: "".into(), rule };
    assert_eq!(why(&Record { outcome: broken(None), ..plain.clone() }), Unreplayable::Undecided);
    assert_eq!(why(&denied(Denial::of(DenialReason::Unattested))), Unreplayable::NotPolicy);
    assert_eq!(why(&denied(Denial::of(DenialReason::RateExceeded))), Unreplayable::NotPolicy);
    let own = SpiffeId::parse("spiffe://acme.example/checkout").ok();
    assert_eq!(why(&Record { local: own, ..plain.clone() }), Unreplayable::OtherHop);
    assert_eq!(why(&Record { service: None, ..plain.clone() }), Unreplayable::NoService);
    assert_eq!(why(&Record { peer: None, ..plain.clone() }), Unreplayable::NoCaller);
    let node = SpiffeId::parse("spiffe://acme.example/node/n1").ok();
    assert_eq!(why(&Record { peer: node, ..plain }), Unreplayable::NoCaller);
}

#[test]
fn a_hop_that_was_allowed_and_then_broke_was_allowed() {
    let rules = ["- name: r0\n  from: { service: checkout }\n  ports: [http]\n".to_owned()];
    let policy = fixture::compiled(&rules).1;
    let mut record = denied(Denial::of(DenialReason::NotPermitted));
    let rule = match replay(&policy, &record) {
        Replayed::NewlyAllowed(rule) => rule,
        other => panic!("{other:?}"),
    };
    record.outcome = Outcome::Faulted { fault: Fault::ConnectFailed, detail: "".into(), rule: Some(rule) };
    assert_eq!(replay(&policy, &record), Replayed::Same);
}

#[test]
fn a_rule_that_moved_to_another_line_is_the_same_rule() {
    let rule = "- name: r0\n  from: { service: checkout }\n  ports: [http]\n".to_owned();
    let policy = fixture::compiled(std::slice::from_ref(&rule)).1;
    let moved =
        fixture::compiled(&["- name: r1\n  from: { service: storefront }\n  ports: [http]\n".to_owned(), rule]).1;
    let mut record = denied(Denial::of(DenialReason::NotPermitted));
    let Replayed::NewlyAllowed(rule) = replay(&policy, &record) else { panic!("denied") };
    record.outcome = Outcome::Allowed(rule);
    assert_eq!(replay(&moved, &record), Replayed::Same);
}

#[test]
fn where_a_route_reads_no_token_a_recorded_one_counts_for_nothing() {
    let rule =
        "- name: r0\n  from: { gateway: public, token: corporate }\n  ports: [http]\n  paths: [/**]\n".to_owned();
    let policy = fixture::compiled(&[rule]).1;
    let user = selvedge_model::Principal {
        issuer: name("corporate"),
        subject: "ada".into(),
        scopes: Vec::new(),
        groups: Vec::new(),
        amr: Vec::new(),
    };
    let owned = Owned {
        gateway: Some(name("public")),
        host: "api.acme.example",
        id: SpiffeId::parse("spiffe://acme.example/checkout").unwrap(),
        credential: Shown::Token(Arc::new(user)),
        port: name("http"),
        request: Some(("GET", "/orders")),
        now: 5,
    };
    let (service, port) = (name("orders"), name("http"));
    let record = record(&owned, &service, &policy.decide(&owned.facts(&service)));
    let recorded = Recorded::of(&record, &domain()).unwrap();
    let reason = |issuers: &[Name]| {
        let to = Destination { service: &service, port: &port, issuers: Some(issuers) };
        match policy.replay(&recorded, Some(&to)) {
            Replayed::NewlyDenied(denial) => Some(denial.reason),
            Replayed::Same => None,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(reason(&[name("corporate")]), None);
    assert_eq!(reason(&[name("partner")]), Some(DenialReason::CredentialRefused));
    assert_eq!(reason(&[]), Some(DenialReason::CredentialMissing));
    let nowhere = policy.replay(&recorded, None);
    assert_eq!(nowhere, Replayed::NewlyDenied(Denial::of(DenialReason::NotExposed)));
}
