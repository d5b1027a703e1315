//! The end user on the way through the mesh: from the gateway to `a`, from there to `b`, and on to `c`; and to nobody who
//! was not given the user's token.

pub(crate) mod mesh;
mod workload;

use crate::client::{Answer, Client};
use crate::wait::until;
use mesh::{Mesh, bearer};
use selvedge_authn::txn::{Expected, Signers, hand_over, verify};
use selvedge_identity::Revoked;
use selvedge_model::{Missing, Outcome, Record, Role};
use selvedge_net::{Alpn, now_s};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Requests of the test that counts.
const REQUESTS: usize = 10_000;
/// How many of them are under way at once.
const AT_ONCE: usize = 64;

/// `GET path` at the gateway.
pub(crate) async fn ask(mesh: &Mesh, path: &str, token: Option<&str>, fields: &str) -> Answer {
    let mut client = Client::plain(mesh.edge).await;
    send(&mut client, path, token, fields).await
}

async fn send(client: &mut Client, path: &str, token: Option<&str>, fields: &str) -> Answer {
    let token = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    client.send(format!("GET {path} HTTP/1.1\r\nHost: api.example\r\n{token}{fields}\r\n")).await;
    client.answer().await.expect("no answer")
}

fn missing(record: &Record) -> &Missing {
    match &record.outcome {
        Outcome::Denied(denial) => &denial.nearest.as_ref().unwrap().missing,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn the_user_arrives_where_it_is_needed() {
    let mesh = Mesh::start().await;
    let answer = ask(&mesh, "/as/ada/b/c", Some(&bearer(&mesh, "ada", "read write")), "").await;
    assert_eq!(answer.essence(), (200, "c", true));
    let id = answer.decision().to_owned();
    // Two records of the gateway's trace at each service on the way, and one at the last.
    let at_c = until(|| mesh.records().into_iter().find(|r| is_at(r, "c", Role::MeshInbound))).await;
    let user = at_c.user.as_ref().expect("no user at c");
    assert_eq!((user.subject.as_ref(), user.issuer.as_str()), ("ada", "corporate"));
    assert!(matches!(&at_c.outcome, Outcome::Allowed(rule) if rule.to_string() == "c/from-b"));
    assert_ne!(id, "");
    let spoken = |seen: &[String]| seen.iter().any(|head| head.to_lowercase().contains("txn-token"));
    assert!(!spoken(&mesh.heard()), "a workload received the token");
}

#[tokio::test]
async fn a_scope_that_is_lacking_is_the_nearest_miss() {
    let mesh = Mesh::start().await;
    let answer = ask(&mesh, "/as/ada/b/c", Some(&bearer(&mesh, "ada", "read")), "").await;
    assert_eq!(answer.status, 502, "the workload passes on that it was refused");
    let refused = until(|| mesh.records().into_iter().find(|r| is_at(r, "b", Role::MeshOutbound))).await;
    assert_eq!((missing(&refused), refused.status), (&Missing::Scope("write".into()), 403));
}

#[tokio::test]
async fn without_a_trace_there_is_no_user() {
    let mesh = Mesh::start().await;
    let token = bearer(&mesh, "ada", "read write");
    for path in ["/as/ada/untraced/b", "/as/ada/mistraced/b"] {
        assert_eq!(ask(&mesh, path, Some(&token), "").await.status, 502, "{path}");
    }
    let refused = until(|| Some(mesh.records()).filter(|all| denied(all).len() == 2)).await;
    for record in denied(&refused) {
        assert_eq!((missing(record), record.status), (&Missing::Token("corporate".parse_name()), 403));
        assert_eq!((record.role, record.user.is_none()), (Role::MeshOutbound, true));
    }
}

#[tokio::test]
async fn a_trace_of_two_users_is_nobodys() {
    let mesh = Mesh::start().await;
    let trace = "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n";
    let (ada, bob) = (bearer(&mesh, "ada", "read write"), bearer(&mesh, "bob", "read write"));
    // Bob's request is held at `a`; ada's has the same trace, as if she had seen it.
    let held = {
        let (edge, bob) = (mesh.edge, bob.clone());
        tokio::spawn(async move { send(&mut Client::plain(edge).await, "/as/bob/hold", Some(&bob), trace).await })
    };
    mesh.holding().await;
    assert_eq!(ask(&mesh, "/as/ada/b", Some(&ada), trace).await.status, 502);
    // Nor does an anonymous one borrow the user.
    assert_eq!(ask(&mesh, "/open/as/bob/b", None, trace).await.status, 502);
    mesh.release();
    assert_eq!(held.await.unwrap().status, 200);
    assert_eq!(ask(&mesh, "/as/ada/b", Some(&ada), trace).await.status, 200);
}

#[tokio::test]
async fn who_was_not_given_a_token_cannot_use_it() {
    let mesh = Mesh::start().await;
    // What `a` was given by the gateway, as a thief would find it.
    let value = mesh.token("gateway/edge", "a", "ada");
    let (bundle, gateway, a) = (mesh.world.bundle(), mesh.id("gateway/edge"), mesh.id("a"));
    let expected = Expected { bundle: &bundle, revoked: &Revoked::default(), peer: &gateway, to: &a, now: now_s() };
    let token = verify(value.as_bytes(), &expected, &mut Signers::default()).unwrap();
    let over = |by: &str, to: &str| hand_over(&mesh.svid(by), &value, &token, &mesh.id(to)).unwrap();
    for (peer, to, value, status) in [
        ("thief", "b", value.clone(), 400),
        ("thief", "b", over("thief", "b"), 400),
        ("thief", "b", over("a", "b"), 400),
        ("a", "b", over("a", "c"), 400),
        ("a", "b", value.clone(), 400),
        ("gateway/other", "a", value.clone(), 400),
        ("a", "b", over("a", "b"), 200),
    ] {
        let status_seen = mesh.shows(peer, to, "/as/ada", &value).await;
        assert_eq!(status_seen, status, "{peer} to {to}");
    }
}

#[tokio::test]
async fn a_token_from_outside_is_nothing() {
    let mesh = Mesh::start().await;
    let value = mesh.token("gateway/edge", "a", "ada");
    for (field, status) in
        [("txn-token", 502), ("Txn-Token", 502), ("TXN-TOKEN", 502), ("txn_token", 400), ("txn.token", 400)]
    {
        let answer = ask(&mesh, "/open/as/ada/b", None, &format!("{field}: {value}\r\n")).await;
        assert_eq!(answer.status, status, "{field}");
    }
    assert!(mesh.records().iter().all(|record| record.user.is_none()));
}

#[tokio::test]
async fn of_10000_requests_none_gets_another_ones_user() {
    let mesh = Arc::new(Mesh::start().await);
    let tokens: Arc<Vec<(String, String)>> =
        Arc::new((0..20).map(|n| (format!("u{n}"), bearer(&mesh, &format!("u{n}"), "read write"))).collect());
    let (next, right, wrong) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let clients: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (mesh, tokens) = (mesh.clone(), tokens.clone());
            let (next, right, wrong) = (next.clone(), right.clone(), wrong.clone());
            tokio::spawn(async move {
                let mut client = Client::plain(mesh.edge).await;
                loop {
                    let n = next.fetch_add(1, Ordering::Relaxed);
                    if n >= REQUESTS as u64 {
                        return;
                    }
                    let (user, token) = &tokens[n as usize % tokens.len()];
                    let (trace, path) = (selvedge_net::random_u128() | 1, format!("/as/{user}/b"));
                    let trace = format!("traceparent: 00-{trace:032x}-00f067aa0ba902b7-01\r\n");
                    // `b` lets in whom the path names alone.
                    let status = send(&mut client, &path, Some(token), &trace).await.status;
                    let counted = if status == 200 { &right } else { &wrong };
                    counted.fetch_add(1, Ordering::Relaxed);
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    assert_eq!((right.load(Ordering::Relaxed), wrong.load(Ordering::Relaxed)), (REQUESTS as u64, 0));
    let hops = until(|| Some(mesh.records()).filter(|all| all.len() >= 4 * REQUESTS)).await;
    let theirs = |record: &Record| {
        let (path, user) = (record.path.as_deref().unwrap(), record.user.as_ref().unwrap());
        path.split('/').nth(2) == Some(&*user.subject)
    };
    assert_eq!(hops.iter().filter(|record| !theirs(record)).count(), 0);
}

fn is_at(record: &Record, service: &str, role: Role) -> bool {
    record.role == role && record.at.as_ref().is_some_and(|at| at.as_str() == service)
}

fn denied(records: &[Record]) -> Vec<&Record> {
    records.iter().filter(|record| matches!(record.outcome, Outcome::Denied(_))).collect()
}

/// A name that is one.
trait ParseName {
    fn parse_name(&self) -> selvedge_model::Name;
}

impl ParseName for str {
    fn parse_name(&self) -> selvedge_model::Name {
        selvedge_model::Name::parse(self).unwrap()
    }
}

/// The protocol of every port here.
const SPOKEN: Alpn = Alpn::Http1;
