//! Limits on how often, how many in a day and how many at once: told, refused, and counted once on the way.

use crate::client::{Answer, Client};
use crate::origin::{Origin, Reply};
use crate::wait::until;
use crate::way::{Way, around};
use crate::world::World;
use selvedge_model::{DenialReason, Outcome};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

const RATED: (&str, &str, &str) = (
    "orders",
    "rated",
    "from: { gateway: edge, hosts: [narrow.example], anonymous: true }, ports: [http], paths: [/rated], \
     limit: [{ rate: 2/h, per: { header: X-Tenant } }, { quota: 3/day }]",
);

async fn ask(world: &World, request: &str) -> Answer {
    let mut client = Way::EdgeHttp.connect(world).await;
    client.send(format!("{request}\r\n\r\n")).await;
    client.answer().await.expect("no answer")
}

async fn rated(world: &World, tenant: &str) -> Answer {
    ask(world, &format!("GET /rated HTTP/1.1\r\nHost: narrow.example{tenant}")).await
}

#[tokio::test]
async fn a_limit_is_told_kept_for_each_key_and_refused_with_429() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = around(&origin, |documents| documents.with(RATED)).await;
    let first = rated(&world, "\r\nX-Tenant: a").await;
    assert_eq!(first.status, 200);
    let policy = first.field("ratelimit-policy").unwrap();
    assert_eq!(policy, r#""rate";q=2;w=3600, "quota";q=3;w=86400"#);
    assert!(first.field("ratelimit").unwrap().starts_with(r#""rate";r=1;t=1800, "quota";r=2;t="#), "{first:?}");
    assert_eq!(first.field("retry-after"), None);
    assert_eq!(rated(&world, "\r\nX-Tenant: a").await.status, 200);
    let over = rated(&world, "\r\nX-Tenant: a").await;
    assert_eq!((over.status, over.field("content-type")), (429, Some("application/problem+json")));
    let retry: u64 = over.field("retry-after").unwrap().parse().unwrap();
    assert!((1..=1_800).contains(&retry), "{retry}");
    assert!(over.field("ratelimit").unwrap().starts_with(r#""rate";r=0;t="#), "{over:?}");
    // The spelling of the name makes no other key, and another value does.
    assert_eq!(rated(&world, "\r\nx-TENANT: a").await.status, 429);
    // What the rate refused took nothing from the quota: its third is for another tenant, and there is no fourth.
    assert_eq!(rated(&world, "\r\nX-Tenant: b").await.status, 200);
    let fourth = rated(&world, "\r\nX-Tenant: c").await;
    assert_eq!(fourth.status, 429);
    assert_eq!(origin.requests().len(), 3);
    let [record] = &world.records(fourth.decision(), 1).await[..] else { panic!("not one record") };
    assert_eq!(record.limit.as_deref(), Some("rule orders/rated: quota 3/day"));
    let Outcome::Denied(denial) = &record.outcome else { panic!("{:?}", record.outcome) };
    assert_eq!(denial.reason, DenialReason::RateExceeded);
}

#[tokio::test]
async fn values_that_are_joined_or_absent_have_keys_of_their_own() {
    let origin = Origin::always(Reply::ok("good")).await;
    let rule = "from: { gateway: edge, hosts: [narrow.example], anonymous: true }, ports: [http], paths: [/rated], \
                limit: { rate: 1/h, per: { header: X-Tenant } }";
    let world = around(&origin, |documents| documents.with(("orders", "rated", rule))).await;
    for fields in ["", "\r\nX-Tenant: a", "\r\nX-Tenant: a\r\nX-Tenant: b", "\r\nX-Tenant: a, b"] {
        assert_eq!(rated(&world, fields).await.status, 200, "{fields:?}");
        assert_eq!(rated(&world, fields).await.status, 429, "{fields:?}");
    }
}

#[tokio::test]
async fn the_throttle_counts_by_address_whatever_a_client_says_of_it() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = around(&origin, |documents| documents.throttle = "{ rate: 3/h, per: client }").await;
    for (nth, said) in [
        "",
        "\r\nX-Forwarded-For: 203.0.113.1",
        "\r\nForwarded: for=203.0.113.2",
        "\r\nX-Forwarded-For: 203.0.113.3",
        "\r\nX-Real-IP: 203.0.113.4",
        "\r\nTrue-Client-IP: 203.0.113.5",
        "\r\nX_Forwarded_For: 203.0.113.6",
    ]
    .into_iter()
    .enumerate()
    {
        let answer = ask(&world, &format!("GET / HTTP/1.1\r\nHost: direct.example{said}")).await;
        assert!(answer.status == if nth < 3 { 200 } else { 429 } || answer.status == 400, "{nth} {said:?}: {answer:?}");
    }
    assert_eq!(origin.requests().len(), 3);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_its_own_count() {
    let origin = Origin::always(Reply::ok("good")).await;
    let change = |documents: &mut crate::documents::Documents| {
        documents.throttle = "{ rate: 1/h, per: client }";
        documents.trusted = "[127.0.0.0/8]";
    };
    let world = around(&origin, change).await;
    let from = |client: &str| format!("GET / HTTP/1.1\r\nHost: direct.example\r\nX-Forwarded-For: {client}");
    for (client, status) in [
        ("203.0.113.1", 200),
        ("203.0.113.1", 429),
        // What a client wrote before the proxy added its address is not believed.
        ("198.51.100.1, 203.0.113.1", 429),
        ("203.0.113.2", 200),
        ("2001:db8::1", 200),
        // One customer of a network has 2^64 addresses, and one count.
        ("2001:db8::2", 429),
        ("2001:db8:0:1::1", 200),
        ("::ffff:203.0.113.2", 429),
    ] {
        assert_eq!(ask(&world, &from(client)).await.status, status, "{client}");
    }
}

#[tokio::test]
async fn a_limit_between_services_is_kept_by_the_callee_for_each_caller() {
    let origin = Origin::always(Reply::ok("good")).await;
    let world = around(&origin, |documents| documents.service_limit = "{ rate: 2/h, per: caller }").await;
    let mut client = Way::Outbound.connect(&world).await;
    for status in [200, 200, 429] {
        assert_eq!(client.get("orders", "/").await.status, status);
    }
    // The gateway is a caller of its own.
    let mut outside = Way::EdgeHttp.connect(&world).await;
    for status in [200, 200, 429] {
        let answer = outside.get("api.example", "/").await;
        assert_eq!(answer.status, status);
        assert_eq!(answer.field("ratelimit-policy"), Some(r#""service-rate";q=2;w=3600"#));
    }
    assert_eq!(origin.requests().len(), 4);
}

#[tokio::test]
async fn a_number_at_once_is_given_back_when_a_request_ends_however_it_ends() {
    let open = Arc::new(AtomicBool::new(false));
    let seen = open.clone();
    let origin =
        Origin::start(move |_| if seen.load(Ordering::SeqCst) { Reply::ok("good") } else { Reply::hang() }).await;
    let rule = "from: { gateway: edge, hosts: [narrow.example], anonymous: true }, ports: [http], paths: [/rated], \
                limit: { concurrency: 1 }";
    let change = |documents: &mut crate::documents::Documents| {
        documents.traffic = "{ timeouts: { request: 1s } }";
        documents.with(("orders", "rated", rule));
    };
    let world = around(&origin, change).await;
    let mut hanging = Client::plain(world.documents.places.edge_http).await;
    hanging.send("GET /rated HTTP/1.1\r\nHost: narrow.example\r\n\r\n").await;
    until(|| (origin.requests().len() == 1).then_some(())).await;
    assert_eq!(rated(&world, "").await.status, 429);
    open.store(true, Ordering::SeqCst);
    assert_eq!(hanging.answer().await.map(|answer| answer.status), Some(504));
    for _ in 0..3 {
        assert_eq!(rated(&world, "").await.status, 200);
    }
}

#[tokio::test]
async fn a_quota_outlives_a_restart_and_a_rate_need_not() {
    let origin = Origin::always(Reply::ok("good")).await;
    let rule = "from: { gateway: edge, hosts: [narrow.example], anonymous: true }, ports: [http], paths: [/rated], \
                limit: { quota: 2/month, per: { header: X-Tenant } }";
    let change = |documents: &mut crate::documents::Documents| documents.with(("orders", "rated", rule));
    let world = around(&origin, change).await;
    assert_eq!(world.gateway.proxy.quotas().to_text(0), None);
    for status in [200, 200, 429] {
        assert_eq!(rated(&world, "\r\nX-Tenant: a").await.status, status);
    }
    let kept = world.gateway.proxy.quotas().to_text(selvedge_net::now_s()).unwrap();
    drop(world);
    let again = around(&origin, change).await;
    let quotas = again.gateway.proxy.quotas();
    assert!(!quotas.restore("{}") && quotas.restore(&kept));
    assert_eq!(rated(&again, "\r\nX-Tenant: a").await.status, 429);
    assert_eq!(rated(&again, "\r\nX-Tenant: b").await.status, 200);
    // Too late: it would be lost what was used since.
    assert!(!quotas.restore(&kept));
}
