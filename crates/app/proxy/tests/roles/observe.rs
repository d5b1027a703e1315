//! `mode: observe`: workloads are let through without a rule, and nobody and nothing else is.

use crate::client::{Answer, Client};
use crate::documents::Documents;
use crate::origin::{Origin, Reply};
use crate::way::{Way, around};
use crate::world::{World, outside, token};
use selvedge_model::{Denial, DenialReason, Missing, Outcome, Record, Role};
use selvedge_net::Alpn;
use selvedge_policy::{Recorded, Replayed};

const GUARDRAILS: &str = r#"
@id("no-admin")
forbid(principal, action, resource == Service::"orders") when { context.path like "/admin*" };
"#;

fn observed(documents: &mut Documents) {
    *documents = documents.clone().without("caller");
    documents.with((
        "orders",
        "users",
        "from: { service: stranger, onBehalfOf: corporate }, ports: [http], paths: [/u]",
    ));
    documents.issuers = "{ corporate: { issuer: \"https://login.example\", audiences: [\"https://api.example\"] } }";
    documents.guardrails = GUARDRAILS;
    documents.mode = "observe";
}

/// `GET path` with these fields at the inner hop of `<port>.<service>`, as the peer of a path.
async fn inside(world: &World, (peer, to): (&str, &str), path: &str, fields: &str) -> Answer {
    let tls = world.mesh_tls(&[peer]);
    let mut client = Client::mesh(world, &tls, peer, to, Alpn::Http1).await.unwrap();
    client.send(format!("GET {path} HTTP/1.1\r\nHost: orders\r\n{fields}\r\n")).await;
    client.answer().await.expect("no answer")
}

fn lacked(record: &Record) -> &Denial {
    match &record.outcome {
        Outcome::Observed(denial) => denial,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_workload_without_a_rule_is_let_through_and_recorded() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, observed).await;
    let answer = inside(&world, ("stranger", "http.orders"), "/some", "").await;
    assert_eq!(answer.status, 200);
    let [record] = &world.records(answer.decision(), 1).await[..] else { panic!("not one record") };
    assert_eq!((lacked(record).reason, record.status), (DenialReason::NotPermitted, 200));
    assert!(lacked(record).nearest.is_some(), "the record does not say what came nearest");
    // Both hops of a call agree.
    let mut client = Way::Outbound.connect(&world).await;
    let both = client.get("orders", "/some").await;
    assert_eq!(both.status, 200);
    let records = world.records(both.decision(), 2).await;
    assert_eq!(records.iter().map(|r| r.role).collect::<Vec<_>>(), [Role::MeshOutbound, Role::MeshInbound]);
    records.iter().for_each(|record| assert_eq!(lacked(record).reason, DenialReason::NotPermitted));
    let replayed = |record: &Record| {
        let plan = world.far.proxy.plan();
        let recorded = Recorded::of(record, &plan.checked().mesh.trust_domain).unwrap();
        let to = recorded.destination();
        plan.policy().replay(&recorded, to.as_ref())
    };
    assert_eq!(replayed(record), Replayed::Same);
    // Enforced again: from the next request on, and `replay` tells who loses.
    let mut enforced = world.documents.clone();
    enforced.mode = "enforce";
    world.apply(&enforced).await;
    let refused = inside(&world, ("stranger", "http.orders"), "/some", "").await;
    assert_eq!(refused.status, 403);
    assert!(matches!(replayed(record), Replayed::NewlyDenied(_)));
    // And back: what was refused would be let through.
    world.apply(&world.documents).await;
    let [record] = &world.records(refused.decision(), 1).await[..] else { panic!("not one record") };
    assert!(matches!(replayed(record), Replayed::NewlyObserved(_)));
}

#[tokio::test]
async fn a_guardrail_that_stops_an_observed_call_is_named() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, observed).await;
    let answer = inside(&world, ("stranger", "http.orders"), "/admin", "").await;
    let [record] = &world.records(answer.decision(), 1).await[..] else { panic!("not one record") };
    let Outcome::Denied(denial) = &record.outcome else { panic!("{:?}", record.outcome) };
    let forbidden = denial.forbidden.as_ref().unwrap();
    assert_eq!((denial.reason, &*forbidden.guardrail), (DenialReason::Forbidden, "no-admin"));
    assert_eq!(forbidden.rule, None, "no rule would have allowed it");
}

#[tokio::test]
async fn nobody_else_is_let_through() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, observed).await;
    // From outside nothing changes, at the gateway or for whom it vouches.
    let mut client = Way::EdgeHttp.connect(&world).await;
    assert_eq!(client.get("narrow.example", "/closed").await.status, 404);
    assert_eq!(client.get("nowhere.example", "/").await.status, 404);
    let vouched = format!(
        "txn-token: {}\r\n",
        token(&world, "gateway/edge", &outside("gateway/edge", "narrow.example"), "orders")
    );
    for (peer, path, fields, status) in [
        ("gateway/edge", "/closed", &*vouched, 404),
        // A gateway that vouches for nobody, and who is no service.
        ("gateway/edge", "/some", "", 400),
        ("node/far", "/some", "", 400),
        // A guardrail holds without a rule.
        ("stranger", "/admin", "", 403),
        ("stranger", "/x/..//%61dmin", "", 403),
        // For a user who was not shown.
        ("stranger", "/u", "", 403),
        // What is malformed, or forged, is so for everybody.
        ("stranger", "/a%00b", "", 400),
        ("stranger", "/some", "txn-token: e30\r\n", 400),
    ] {
        assert_eq!(inside(&world, (peer, "http.orders"), path, fields).await.status, status, "{peer} {path}");
    }
    // Another service is not observed with it.
    assert_eq!(inside(&world, ("stranger", "http.shut"), "/some", "").await.status, 403);
    // Without mTLS there is no answer at all.
    let mut plain = Client::plain(world.documents.places.mesh).await;
    plain.send("GET /some HTTP/1.1\r\nHost: orders\r\n\r\n").await;
    assert!(!plain.rest().await.starts_with(b"HTTP"));
    assert_eq!(origin.bytes(), b"");
}

#[tokio::test]
async fn what_a_user_lacks_is_refused_and_recorded_as_such() {
    let origin = Origin::always(Reply::ok("")).await;
    let world = around(&origin, observed).await;
    let answer = inside(&world, ("stranger", "http.orders"), "/u", "").await;
    let [record] = &world.records(answer.decision(), 1).await[..] else { panic!("not one record") };
    let Outcome::Denied(denial) = &record.outcome else { panic!("{:?}", record.outcome) };
    assert!(matches!(denial.nearest.as_ref().unwrap().missing, Missing::Token(_)));
    assert_eq!(origin.bytes(), b"");
}
