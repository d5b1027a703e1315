//! Traffic settings: what is read, what is refused, and what holds where nothing is written.

use super::{file, refused};
use crate::check;
use crate::checked::{Balance, HashBy, Traffic};

fn document(traffic: &str, endpoints: &str) -> String {
    format!(
        "apiVersion: selvedge.dev/v1\nkind: Mesh\nmetadata: {{ name: acme }}\nspec: {{ trustDomain: acme.example }}\n---\n\
         apiVersion: selvedge.dev/v1\nkind: Service\nmetadata: {{ name: shop }}\nspec:\n  \
         ports: [{{ name: http, port: 9000, protocol: HTTP }}]\n  endpoints: {endpoints}\n  traffic: {traffic}\n"
    )
}

fn read(traffic: &str) -> Traffic {
    let checked = check(&file(&document(traffic, "[10.0.0.5]"))).unwrap_or_else(|found| panic!("{traffic}: {found:?}"));
    checked.services.into_values().next().unwrap().traffic
}

#[test]
fn what_is_written_is_read_and_the_rest_has_its_default() {
    assert_eq!(read("{}"), Traffic::default());
    let traffic = read("{ timeouts: { connect: 1s }, retries: { budget: 0.1, on: [reset, 504] }, websocket: true }");
    assert_eq!((traffic.connect_timeout_ms, traffic.request_timeout_ms), (1_000, 30_000));
    assert_eq!(
        (traffic.retries.budget_per_mille, traffic.retries.on_connect, traffic.retries.on_reset),
        (100, false, true)
    );
    assert!(traffic.retries.on_status(504) && !traffic.retries.on_status(503) && traffic.websocket);
    assert_eq!(read("{ balance: roundRobin }").balance, Balance::RoundRobin);
    assert_eq!(
        read("{ balance: { hash: { header: X-Cart } } }").balance,
        Balance::Hash(HashBy::Header("x-cart".into()))
    );
    assert_eq!(read("{ balance: { hash: subject } }").balance, Balance::Hash(HashBy::Subject));
    assert_eq!(read("{ outlier: { successRate: 0.875, share: 1 } }").outlier.success_per_mille, 875);
    assert_eq!(read("{ health: { path: /healthz } }").health.unwrap().path.as_deref(), Some("/healthz"));
}

#[test]
fn what_cannot_be_meant_is_refused() {
    for (traffic, code) in [
        ("{ balanc: roundRobin }", "unknown-key"),
        ("{ requestTimeout: 1s }", "unknown-key"),
        ("{ balance: random }", "bad-value"),
        ("{ balance: { hash: path } }", "bad-value"),
        ("{ balance: { hash: { header: a, cookie: b } } }", "bad-value"),
        ("{ balance: { hash: { header: \"a b\" } } }", "bad-value"),
        ("{ retries: { budget: 0.3 } }", "bad-value"),
        ("{ retries: { budget: -0.1 } }", "bad-value"),
        ("{ retries: { on: [404] } }", "bad-value"),
        ("{ retries: { methods: [POST] } }", "unknown-key"),
        ("{ timeouts: { request: 0s } }", "bad-value"),
        ("{ outlier: { share: 1.5 } }", "bad-value"),
        ("{ outlier: { share: 0.1234 } }", "bad-value"),
        ("{ health: { path: healthz } }", "bad-value"),
        ("{ health: { path: \"/a b\" } }", "bad-value"),
        ("{ health: { interval: 10ms } }", "bad-value"),
        ("{ circuit: { requests: 0 } }", "bad-value"),
        ("{ websocket: false }", "bad-value"),
        ("{ proxyProtocol: true }", "not-enforceable"),
    ] {
        let found = refused(&document(traffic, "[10.0.0.5]"));
        assert!(found.iter().any(|d| d.code == code), "{traffic}: {found:?}");
    }
    assert!(refused(&document("{}", "[{ address: 10.0.0.5, zone: \"a b\" }]")).iter().any(|d| d.code == "bad-value"));
}

#[test]
fn an_endpoint_has_a_zone_where_one_is_written() {
    let checked = check(&file(&document("{}", "[{ address: 10.0.0.5, zone: north }, 10.0.0.6]"))).unwrap();
    let service = checked.services.into_values().next().unwrap();
    let zones: Vec<_> = service.traffic.zones.values().map(|zone| zone.as_str()).collect();
    assert_eq!((service.endpoints.len(), zones), (2, vec!["north"]));
}
