//! Each way to forge a token, or to show one out of time.

use super::super::write::sign;
use super::*;
use proptest::prelude::*;
use serde_json::{Value, json};

/// A good token's claims, with some keys replaced (`null` removes one), signed by `svid`.
fn claiming(svid: &Svid, changes: &Value) -> String {
    let value = minted(svid, &outside(), "orders");
    let payload = value.split('.').nth(1).unwrap();
    let mut claims: Value = serde_json::from_slice(&super::super::parts::decode(payload).unwrap()).unwrap();
    for (path, new) in changes.as_object().unwrap() {
        let (object, key) = path.rsplit_once('/').unwrap();
        let object = claims.pointer_mut(object).unwrap().as_object_mut().unwrap();
        if new.is_null() { drop(object.remove(key)) } else { drop(object.insert(key.to_owned(), new.clone())) }
    }
    sign(svid, TOKEN, &svid.chain, &claims).unwrap()
}

fn refused(changes: Value) -> TxnError {
    let mesh = Mesh::new();
    let value = claiming(&mesh.svid(&id("gateway/public")), &changes);
    mesh.read(&value, "gateway/public", "orders", NOW).unwrap_err()
}

#[test]
fn only_the_gateway_that_it_names_signs_it() {
    let mesh = Mesh::new();
    for signer in ["orders", "gateway/other", "node/n1", "control/main"] {
        let value = minted(&mesh.svid(&id(signer)), &outside(), "orders");
        let refused = mesh.read(&value, signer, "orders", NOW);
        assert_eq!(refused, Err(TxnError::NotTheGateway(id(signer))));
    }
}

#[test]
fn another_mesh_signs_nothing_here() {
    let (mesh, other) = (Mesh::new(), Mesh::new());
    let refused = mesh.read(&from_public(&other), "gateway/public", "orders", NOW);
    assert!(matches!(refused, Err(TxnError::Chain(_))), "{refused:?}");
    let evil = TrustDomain::parse("evil.example").unwrap();
    let evil = Mesh(Authority::create(&evil, NOW).unwrap());
    let svid = evil.svid(&SpiffeId::parse("spiffe://evil.example/gateway/public").unwrap());
    let refused = mesh.read(&minted(&svid, &outside(), "orders"), "gateway/public", "orders", NOW);
    assert!(matches!(refused, Err(TxnError::Chain(_))), "{refused:?}");
}

#[test]
fn it_is_for_its_trust_domain_and_its_minute() {
    assert_eq!(refused(json!({"/aud": "evil.example"})), TxnError::Audience);
    assert_eq!(refused(json!({"/exp": NOW + 61})), TxnError::Lifetime);
    assert_eq!(refused(json!({"/iat": NOW + 6, "/exp": NOW + 60})), TxnError::Lifetime);
    assert_eq!(refused(json!({"/iat": NOW, "/exp": NOW - 5})), TxnError::Expired);
    let mesh = Mesh::new();
    let value = from_public(&mesh);
    assert!(mesh.read(&value, "gateway/public", "orders", NOW + 64).is_ok());
    assert_eq!(mesh.read(&value, "gateway/public", "orders", NOW + 65), Err(TxnError::Expired));
    assert_eq!(mesh.read(&value, "gateway/public", "orders", NOW - 6), Err(TxnError::Lifetime));
}

#[test]
fn a_signer_whose_certificate_has_ended_signs_nothing() {
    let mesh = Mesh::new();
    let gateway = mesh.svid(&id("gateway/public"));
    let (bundle, mut signers) = (mesh.bundle(), Signers::default());
    let late = gateway.not_after + 1;
    let claims = json!({"/iat": late, "/exp": late + 30});
    let (peer, to) = (id("gateway/public"), id("orders"));
    let value = claiming(&gateway, &claims);
    let (bundle, revoked) = (&bundle, &Revoked::default());
    let mut read =
        |now| verify(value.as_bytes(), &Expected { bundle, revoked, peer: &peer, to: &to, now }, &mut signers);
    // Known already, and still refused.
    assert!(read(late - 1).is_ok());
    assert!(matches!(read(late), Err(TxnError::Chain(_))));
}

#[test]
fn a_signer_that_was_revoked_signs_nothing() {
    let mesh = Mesh::new();
    let gateway = mesh.svid(&id("gateway/public"));
    let value = minted(&gateway, &outside(), "orders");
    let (bundle, peer, to, mut signers) = (&mesh.bundle(), &id("gateway/public"), &id("orders"), Signers::default());
    let (none, mut revoked) = (Revoked::default(), Revoked::default());
    revoked.serial(&gateway.serial, gateway.not_after).unwrap();
    let mut read = |revoked| verify(value.as_bytes(), &Expected { bundle, revoked, peer, to, now: NOW }, &mut signers);
    assert!(read(&none).is_ok());
    // Known already, and still refused.
    assert_eq!(read(&revoked), Err(TxnError::Revoked));
}

#[test]
fn what_says_too_much_too_little_or_something_else_is_malformed() {
    for changes in [
        json!({"/more": 1}),
        json!({"/txn": null}),
        json!({"/to": "orders"}),
        json!({"/rctx/credential": "password"}),
        json!({"/rctx/host": "a b"}),
        json!({"/rctx/client": "nowhere"}),
        json!({"/rctx/tls/more": 1}),
        json!({"/user/name": "ada"}),
        json!({"/user/iss": null}),
        json!({"/exp": "1800000000"}),
        json!({"/exp": -1}),
    ] {
        assert_eq!(refused(changes.clone()), TxnError::Malformed, "{changes}");
    }
    for changes in [
        json!({"/rctx/credential": "none"}),
        json!({"/user": null}),
        json!({"/user/sub": ""}),
        json!({"/user/sub": "a\nb"}),
        json!({"/user/sub": "a".repeat(256)}),
        json!({"/user/groups": vec!["g"; 257]}),
    ] {
        assert_eq!(refused(changes.clone()), TxnError::User, "{changes}");
    }
}

#[test]
fn a_key_that_stands_twice_is_malformed() {
    let mesh = Mesh::new();
    let gateway = mesh.svid(&id("gateway/public"));
    let value = minted(&gateway, &outside(), "orders");
    let parts: Vec<&str> = value.split('.').collect();
    let claims = String::from_utf8(super::super::parts::decode(parts[1]).unwrap()).unwrap();
    let twice = claims.replacen("\"sub\":\"ada\"", "\"sub\":\"ada\",\"sub\":\"eve\"", 1);
    assert_ne!(twice, claims);
    let message = format!("{}.{}", parts[0], encode(&twice));
    let signature = encode(gateway.key.sign_jose(message.as_bytes()).unwrap());
    let refused = mesh.read(&format!("{message}.{signature}"), "gateway/public", "orders", NOW);
    assert_eq!(refused, Err(TxnError::Malformed));
}

#[test]
fn another_algorithm_type_or_key_is_refused() {
    let mesh = Mesh::new();
    let gateway = mesh.svid(&id("gateway/public"));
    let value = minted(&gateway, &outside(), "orders");
    let parts: Vec<&str> = value.split('.').collect();
    let header: Value = serde_json::from_slice(&super::super::parts::decode(parts[0]).unwrap()).unwrap();
    let with = |key: &str, new: Value| {
        let mut header = header.clone();
        header[key] = new;
        let message = format!("{}.{}", encode(header.to_string()), parts[1]);
        let signature = encode(gateway.key.sign_jose(message.as_bytes()).unwrap());
        mesh.read(&format!("{message}.{signature}"), "gateway/public", "orders", NOW).unwrap_err()
    };
    for (key, new) in [("alg", "none"), ("alg", "HS256"), ("typ", "JWT"), ("typ", HAND_OVER)] {
        assert_eq!(with(key, new.into()), TxnError::Algorithm, "{key}: {new}");
    }
    for (key, new) in
        [("jwk", json!({})), ("crit", json!(["x"])), ("x5c", json!("none")), ("x5c", json!(vec!["YQ=="; 5]))]
    {
        assert_eq!(with(key, new), TxnError::Malformed, "{key}");
    }
    assert!(matches!(with("x5c", json!([])), TxnError::Chain(_)));
    // A certificate of the gateway, and a signature by another.
    let thief = Svid { chain: gateway.chain.clone(), ..mesh.svid(&id("orders")) };
    let refused = mesh.read(&minted(&thief, &outside(), "orders"), "gateway/public", "orders", NOW);
    assert_eq!(refused, Err(TxnError::Signature));
}

#[test]
fn what_is_too_large_is_not_read() {
    let mesh = Mesh::new();
    let refused = mesh.read(&"a".repeat(VALUE_BYTES_MAX + 1), "gateway/public", "orders", NOW);
    assert_eq!(refused, Err(TxnError::TooLarge));
}

#[test]
fn a_changed_byte_anywhere_is_refused() {
    let mesh = Mesh::new();
    let first = from_public(&mesh);
    let token = mesh.read(&first, "gateway/public", "orders", NOW).unwrap();
    let value = hand_over(&mesh.svid(&id("orders")), &first, &token, &id("ledger")).unwrap();
    for at in (0..value.len()).step_by(7) {
        let mut bytes = value.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        let changed = String::from_utf8(bytes).unwrap();
        assert!(mesh.read(&changed, "orders", "ledger", NOW).is_err(), "byte {at}");
    }
}

proptest! {
    #[test]
    fn no_value_makes_the_reader_panic(value in "[A-Za-z0-9_.~-]{0,200}") {
        let mesh = Mesh::new();
        prop_assert!(mesh.read(&value, "orders", "ledger", NOW).is_err());
    }
}
