//! Records for tests.

use selvedge_model::{DecisionId, Denial, DenialReason, Fault, Name, Outcome, Record, Role, RuleId, Source};
use std::sync::Arc;

/// A denied hop.
pub(crate) fn record(id: DecisionId, service: Option<&str>) -> Record {
    Record {
        id,
        time_ms: id.time_ms(),
        role: Role::Gateway,
        at: Name::parse("public").ok(),
        plan: "00ff".into(),
        outcome: Outcome::Denied(Denial::of(DenialReason::NotExposed)),
        status: 404,
        peer: None,
        local: None,
        client: None,
        user: None,
        refused: false,
        service: service.and_then(|name| Name::parse(name).ok()),
        port: None,
        host: Some("api.acme.example".into()),
        method: Some("GET".into()),
        path: Some("/orders\n".into()),
        headers: Vec::new(),
        bytes_in: 1,
        bytes_out: 10,
        duration_us: 700,
        trace: None,
        tls: None,
        client_tls: None,
        key: None,
        limit: None,
    }
}

/// An id of this number.
pub(crate) fn id(number: u64) -> DecisionId {
    DecisionId::new(1_800_000_000_000, u128::from(number))
}

/// Allowed by some rule.
pub(crate) fn allowed() -> Outcome {
    let name = |text| Name::parse(text).unwrap();
    let source = Source { file: "orders.yaml".into(), line: 7 };
    Outcome::Allowed(Arc::new(RuleId { access: name("orders"), rule: name("read"), source }))
}

/// Broken on the way.
pub(crate) fn faulted() -> Outcome {
    Outcome::Faulted { fault: Fault::ConnectFailed, detail: "refused".into(), rule: None }
}
