//! `explain` and `replay` as a person runs them, on a repository that `init` wrote and records as a hop writes them.

use std::path::Path;
use std::process::{Command, Output};

#[expect(clippy::unwrap_used, reason = "a test that cannot start the program has failed")]
fn selvedge(arguments: &[&str], directory: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_selvedge")).args(arguments).current_dir(directory).output().unwrap()
}

fn text(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[expect(clippy::unwrap_used, reason = "a place that cannot be made fails the test")]
fn repository() -> tempfile::TempDir {
    let place = tempfile::tempdir().unwrap();
    assert_eq!(selvedge(&["init"], place.path()).status.code(), Some(0));
    place
}

const ID: &str = "01M4SYE5F80000000000000007";

/// A record of each kind: allowed inside, denied at the edge, unrouted at the edge, broken, and a torn line.
fn records() -> String {
    let inside = r#"{"id":"01M4SYE5F80000000000000007","time_ms":1800000000000,"role":"mesh-inbound","at":"orders","plan":"00","outcome":{"allowed":{"access":"orders","rule":"checkout-writes","source":{"file":"orders.yaml","line":28}}},"status":201,"peer":"spiffe://acme.example/checkout","client":"127.0.0.1","service":"orders","port":"http","host":"orders","method":"POST","path":"/orders","bytes_in":1,"bytes_out":2,"duration_us":3}"#;
    let edge = r#"{"id":"01M4SYE5F80000000000000008","time_ms":1800000000000,"role":"gateway","at":"public","plan":"00","outcome":{"denied":{"reason":"not-permitted","nearest":{"rule":{"access":"orders","rule":"customers-read","source":{"file":"orders.yaml","line":24}},"missing":{"scope":"orders:read"}}}},"status":403,"client":"192.0.2.7","user":{"issuer":"corporate","subject":"ada","scopes":["profile"]},"service":"orders","port":"http","host":"api.acme.example","method":"GET","path":"/orders/7","bytes_in":1,"bytes_out":2,"duration_us":3}"#;
    let unrouted = r#"{"id":"01M4SYE5F80000000000000009","time_ms":1800000000000,"role":"gateway","at":"public","plan":"00","outcome":{"denied":{"reason":"not-exposed"}},"status":404,"client":"192.0.2.7","host":"api.acme.example","method":"GET","path":"/health","bytes_in":1,"bytes_out":2,"duration_us":3}"#;
    let broken = r#"{"id":"01M4SYE5F8000000000000000A","time_ms":1800000000000,"role":"gateway","at":"public","plan":"00","outcome":{"faulted":{"fault":"bad-request","detail":"x"}},"status":400,"bytes_in":1,"bytes_out":2,"duration_us":3}"#;
    [inside, edge, unrouted, broken, "{\"id\":"].map(|line| format!("{line}\n")).concat()
}

#[test]
fn a_decision_that_was_not_made_is_explained_with_the_change_that_allows_it() {
    let place = repository();
    let denied = selvedge(&["explain", "--from", "service:checkout", "--to", "orders", "DELETE /orders"], place.path());
    assert_eq!(denied.status.code(), Some(1), "{}", text(&denied));
    for words in ["checkout-writes`, orders.yaml:28: lacked: the method", "add `DELETE` to its `methods`"] {
        assert!(text(&denied).contains(words), "{}", text(&denied));
    }
    let allowed =
        selvedge(&["explain", "--from", "service:checkout", "--to", "orders:http", "POST /orders"], place.path());
    assert_eq!(allowed.status.code(), Some(0), "{}", text(&allowed));
}

#[test]
fn claims_stand_for_a_token_only_when_an_issuer_could_have_made_them() {
    let place = repository();
    let claims = |audience: &str| {
        let issuer = "https://login.acme.example/realms/acme";
        format!(r#"{{"iss":"{issuer}","aud":"{audience}","sub":"ada","scope":"orders:read"}}"#)
    };
    let ask = |claims: String| {
        std::fs::write(place.path().join("claims.json"), claims).unwrap();
        let from = ["explain", "--from", "gateway:public", "--to", "orders", "GET /orders/7", "--token", "claims.json"];
        selvedge(&from, place.path())
    };
    let good = ask(claims("https://api.acme.example"));
    assert_eq!(good.status.code(), Some(0), "{}", text(&good));
    let other = ask(claims("https://elsewhere.example"));
    assert_eq!(other.status.code(), Some(1));
    assert!(text(&other).contains("401 (credential-refused)"), "{}", text(&other));
}

#[test]
fn what_does_not_exist_is_an_error_that_names_what_does() {
    let place = repository();
    let unknown = selvedge(&["explain", "--from", "service:nobody", "--to", "orders", "GET /"], place.path());
    assert_eq!(unknown.status.code(), Some(2));
    assert!(text(&unknown).contains("there are: checkout, orders"), "{}", text(&unknown));
    let path = selvedge(&["explain", "--from", "service:checkout", "--to", "orders", "GET /a%2fb"], place.path());
    assert_eq!(path.status.code(), Some(2));
}

#[test]
fn a_record_is_explained_beside_the_rules_that_decided() {
    let place = repository();
    std::fs::create_dir(place.path().join(".selvedge")).unwrap();
    std::fs::write(place.path().join(".selvedge/records.jsonl"), records()).unwrap();
    let same = selvedge(&["explain", ID], place.path());
    assert_eq!(same.status.code(), Some(0));
    assert!(text(&same).contains("`orders/checkout-writes`, orders.yaml:28: holds"), "{}", text(&same));
    assert!(!text(&same).contains("decide otherwise"), "{}", text(&same));
    let unrouted = selvedge(&["explain", "01M4SYE5F80000000000000009"], place.path());
    assert!(text(&unrouted).contains("add `/health` to its `paths`"), "{}", text(&unrouted));
    let json = selvedge(&["explain", ID, "--output", "json"], place.path());
    let hops: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(hops[0]["explanation"]["same"], true, "{hops}");
    let elsewhere = tempfile::tempdir().unwrap();
    let state = place.path().join(".selvedge");
    let alone = selvedge(&["explain", ID, "--state", state.to_str().unwrap()], elsewhere.path());
    assert_eq!(alone.status.code(), Some(0), "{}", text(&alone));
    assert!(text(&alone).contains("rules are not shown"), "{}", text(&alone));
}

#[test]
fn a_replay_under_the_same_documents_changes_nothing() {
    let place = repository();
    std::fs::write(place.path().join("records.jsonl"), records()).unwrap();
    let same = selvedge(&["replay", "--against", ".", "--records", "records.jsonl"], place.path());
    assert_eq!(same.status.code(), Some(0), "{}", text(&same));
    for words in
        ["3 decisions", "0 newly denied, 0 newly allowed, 3 as before", "1 more say nothing", "1 lines are no records"]
    {
        assert!(text(&same).contains(words), "{}", text(&same));
    }
}

#[test]
fn a_replay_under_other_documents_names_what_changes() {
    let place = repository();
    std::fs::write(place.path().join("records.jsonl"), records()).unwrap();
    let path = place.path().join("orders.yaml");
    let documents = std::fs::read_to_string(&path).unwrap();
    let other = documents.replace(", scopes: [\"orders:read\"]", "").replace("methods: [POST]", "methods: [PUT]");
    std::fs::write(&path, other).unwrap();
    let arguments = ["replay", "--against", ".", "--records", "records.jsonl", "--output", "json"];
    let changed = selvedge(&arguments, place.path());
    assert_eq!(changed.status.code(), Some(1), "{}", text(&changed));
    let outcome: serde_json::Value = serde_json::from_slice(&changed.stdout).unwrap();
    let denied = &outcome["newly_denied"]["groups"][0];
    assert_eq!(denied["caller"], "service:checkout", "{outcome}");
    assert_eq!(denied["why"], "not-permitted: it lacked: the method is not one of its methods");
    let allowed = &outcome["newly_allowed"]["groups"][0];
    assert_eq!((&allowed["request"], &allowed["count"]), (&"GET /orders/{id}".into(), &1.into()), "{outcome}");
    assert_eq!(allowed["caller"], "gateway:public@api.acme.example");
}

#[test]
fn without_the_solver_prove_says_how_to_get_it() {
    let place = repository();
    let program = env!("CARGO_BIN_EXE_selvedge");
    let output = Command::new(program).arg("prove").env("PATH", "/nowhere").current_dir(place.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output).contains("apt install cvc5"), "{}", text(&output));
}
