use super::*;
use selvedge_model::{DenialReason, Missing, Name, NearestMiss, RuleId, Source};
use std::sync::Arc;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

fn rule(access: &str, rule: &str) -> Arc<RuleId> {
    Arc::new(RuleId { access: name(access), rule: name(rule), source: Source { file: "a.yaml".into(), line: 3 } })
}

/// A hop at a gateway that a rule allowed.
pub(crate) fn allowed(service: &str, duration_us: u64) -> Record {
    Record {
        id: DecisionId::new(1, u128::from(duration_us)),
        time_ms: 1,
        role: Role::Gateway,
        at: Some(name("public")),
        plan: "ab".into(),
        outcome: Outcome::Allowed(rule(service, "everyone-browses")),
        status: 200,
        peer: None,
        local: None,
        client: None,
        user: None,
        refused: false,
        service: Some(name(service)),
        port: Some(name("http")),
        host: Some("shop.localhost".into()),
        method: Some("GET".into()),
        path: Some("/products".into()),
        headers: Vec::new(),
        bytes_in: 0,
        bytes_out: 0,
        duration_us,
        trace: None,
        tls: None,
        client_tls: None,
        key: None,
        limit: None,
    }
}

/// A TCP hop between services that no rule allowed.
pub(crate) fn denied(role: Role, id: u128) -> Record {
    let nearest = Some(NearestMiss { rule: rule("payments", "orders-ledger"), missing: Missing::Caller });
    Record {
        id: DecisionId::new(2, id),
        role,
        at: Some(name(if role == Role::MeshOutbound { "storefront" } else { "payments" })),
        outcome: Outcome::Denied(Denial { reason: DenialReason::NotPermitted, nearest, forbidden: None }),
        status: 0,
        peer: (role == Role::MeshInbound).then(|| SpiffeId::parse("spiffe://shop.example/storefront").unwrap()),
        port: Some(name("ledger")),
        method: None,
        path: None,
        ..allowed("payments", 300)
    }
}

#[test]
fn percentiles_are_by_nearest_rank() {
    let hundred: Vec<u64> = (1..=100).collect();
    assert_eq!((percentile(&hundred, 50), percentile(&hundred, 99)), (Some(50), Some(99)));
    assert_eq!(percentile(&[7], 50), Some(7));
    assert_eq!(percentile(&[1, 2, 3], 50), Some(2));
    assert_eq!(percentile(&[1, 2, 3], 99), Some(3));
    assert_eq!(percentile(&[1, 2], 0), Some(1));
    assert_eq!(percentile(&[], 99), None);
}

#[test]
fn calls_of_one_kind_are_one_row() {
    let mut calls = Calls::default();
    (1..=3).for_each(|duration| calls.count(&allowed("storefront", duration * 1_000)));
    let (kind, row) = calls.rows().next().unwrap();
    assert_eq!((kind.caller.as_str(), kind.what.as_str()), ("outside", "GET /products"));
    assert_eq!((row.allowed, row.percentile(50), row.percentile(99)), (3, Some(2_000), Some(3_000)));
}

#[test]
fn a_refusal_that_two_nodes_record_is_counted_once() {
    let mut calls = Calls::default();
    calls.count(&denied(Role::MeshInbound, 9));
    calls.count(&denied(Role::MeshOutbound, 9));
    calls.count(&denied(Role::MeshOutbound, 10));
    assert_eq!(calls.totals(), (0, 2, 0));
    let (kind, _) = calls.rows().next().unwrap();
    assert_eq!(
        (kind.caller.as_str(), kind.callee.as_str(), kind.what.as_str()),
        ("storefront", "payments", "tcp ledger")
    );
    assert_eq!(kind.why, "403 orders-ledger: the caller is not the one it names");
}

#[test]
fn many_kinds_do_not_grow_the_table_without_end() {
    let mut calls = Calls::default();
    for n in 0..1_000 {
        calls.count(&Record { path: Some(format!("/{n}").into()), ..allowed("storefront", 1) });
    }
    assert_eq!(calls.rows().count(), ROWS_MAX + 1);
    assert_eq!(calls.totals(), (1_000, 0, 0));
}
