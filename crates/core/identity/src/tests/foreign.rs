//! Bundles of other trust domains: which are taken, and what no such document may say.

use super::*;
use serde_json::{Value, json};

fn partner() -> TrustDomain {
    TrustDomain::parse("partner.example").unwrap()
}

fn of(realm: &TrustDomain) -> TrustBundle {
    let realm = Realm::create(Authority::create(realm, NOW).unwrap(), NOW).unwrap();
    realm.bundle()
}

fn document(bundle: &TrustBundle) -> Value {
    serde_json::from_str(&bundle.to_spiffe(300)).unwrap()
}

fn read(document: &Value) -> Result<ForeignBundle, ForeignBundleError> {
    ForeignBundle::read(&partner(), document.to_string().as_bytes())
}

fn leaf(authority: &Authority) -> Value {
    use base64::Engine;
    let chain = forge(authority, &PrivateKey::generate().unwrap(), &leaf_params());
    json!({ "kty": "EC", "use": "x509-svid", "x5c": [base64::engine::general_purpose::STANDARD.encode(&chain[0])] })
}

/// A good document with one change.
fn changed(change: impl FnOnce(&mut Value)) -> Result<ForeignBundle, ForeignBundleError> {
    let mut document = document(&of(&partner()));
    change(&mut document);
    read(&document)
}

#[test]
fn what_is_written_is_read_back() {
    let bundle = of(&partner());
    let found = read(&document(&bundle)).unwrap();
    assert_eq!((found.bundle, found.refresh_hint_s), (bundle, Some(300)));
}

#[test]
fn a_root_of_another_trust_domain_is_refused() {
    let ours = document(&of(&domain()));
    assert!(
        matches!(read(&ours), Err(ForeignBundleError::OtherTrustDomain { uri, .. }) if uri == "spiffe://acme.example")
    );
    let among = changed(|document| document["keys"].as_array_mut().unwrap().push(ours["keys"][0].clone()));
    assert!(matches!(among, Err(ForeignBundleError::OtherTrustDomain { .. })));
}

#[test]
fn a_root_of_our_own_is_refused_though_it_names_no_trust_domain() {
    let (theirs, ours) = (of(&partner()), of(&domain()));
    let both = TrustBundle { roots: [theirs.roots.clone(), ours.roots.clone()].concat(), ..theirs };
    let found = ForeignBundle { bundle: both, refresh_hint_s: None };
    assert!(matches!(found.succeeds(None, &ours), Err(ForeignBundleError::Ours(_))));
}

#[test]
fn a_private_key_is_refused_whatever_it_is_for() {
    for (kind, member) in [("x509-svid", "d"), ("jwt-svid", "d"), ("jwt-svid", "p"), ("sig", "k"), ("jwt-svid", "oth")]
    {
        let answer = changed(|document| {
            document["keys"]
                .as_array_mut()
                .unwrap()
                .push(json!({ "kty": "EC", "use": kind, "kid": "x", member: "AA" }));
        });
        assert_eq!(answer, Err(ForeignBundleError::Private), "{kind} {member}");
    }
}

#[test]
fn a_leaf_is_no_root() {
    let authority = Authority::create(&partner(), NOW).unwrap();
    let answer = changed(|document| document["keys"].as_array_mut().unwrap().push(leaf(&authority)));
    assert!(matches!(answer, Err(ForeignBundleError::NotAuthority(_))), "{answer:?}");
}

#[test]
fn a_key_without_its_one_certificate_is_refused() {
    for x5c in [json!(null), json!([]), json!("AA"), json!(["AA", "AA"]), json!(["no base64!"]), json!([1])] {
        let answer = changed(|document| document["keys"][0]["x5c"] = x5c.clone());
        assert_eq!(answer, Err(ForeignBundleError::NoCertificate), "{x5c}");
    }
    let answer = changed(|document| document["keys"][0]["x5c"] = json!(["AAAA"]));
    assert!(matches!(answer, Err(ForeignBundleError::NotAuthority(_))));
}

#[test]
fn what_is_huge_is_refused() {
    let padded = changed(|document| document["note"] = json!("x".repeat(300 * 1024)));
    assert_eq!(padded, Err(ForeignBundleError::TooLarge));
    let many = changed(|document| document["keys"] = json!(vec![document["keys"][0].clone(); 65]));
    assert_eq!(many, Err(ForeignBundleError::TooMany));
    let roots = changed(|document| document["keys"] = json!(vec![document["keys"][0].clone(); 17]));
    assert_eq!(roots, Err(ForeignBundleError::TooMany));
}

#[test]
fn what_is_no_bundle_is_refused() {
    for text in ["", "null", "[]", "{}", r#"{"keys":{}}"#, "<html>", r#"{"keys":[}"#] {
        assert_eq!(ForeignBundle::read(&partner(), text.as_bytes()), Err(ForeignBundleError::Malformed), "{text}");
    }
}

#[test]
fn two_keys_of_one_name_are_refused() {
    let answer = changed(|document| {
        let key = document["keys"].as_array().unwrap().iter().find(|key| key["use"] == "jwt-svid").unwrap().clone();
        document["keys"].as_array_mut().unwrap().push(key);
    });
    assert!(matches!(answer, Err(ForeignBundleError::SameKid(_))));
}

#[test]
fn keys_of_other_uses_are_passed_over() {
    let more = json!({ "kty": "EC", "use": "sig", "kid": "web" });
    let found = changed(|document| document["keys"].as_array_mut().unwrap().push(more)).unwrap();
    assert_eq!((found.bundle.roots.len(), found.bundle.jwt_keys.len()), (1, 1));
}

#[test]
fn no_root_is_a_trust_domain_that_trusts_nobody() {
    let found = changed(|document| document["keys"] = json!([])).unwrap();
    assert!(found.bundle.roots.is_empty());
    assert!(matches!(found.bundle.verify(&[&[0][..]], NOW), Err(VerifyError::NoRoot(_))));
}

#[test]
fn a_sequence_that_goes_back_is_refused() {
    let (known, ours) = (TrustBundle { sequence: 5, ..of(&partner()) }, of(&domain()));
    let with = |sequence: Value| changed(|document| document["spiffe_sequence"] = sequence).unwrap();
    for (sequence, got) in [(json!(4), 4), (json!(null), 0), (json!("6"), 0), (json!(-1), 0)] {
        let back = Err(ForeignBundleError::Back { known: 5, got });
        assert_eq!(with(sequence.clone()).succeeds(Some(&known), &ours), back, "{sequence}");
    }
    assert_eq!(with(json!(5)).succeeds(Some(&known), &ours), Ok(()));
    assert_eq!(with(json!(6)).succeeds(Some(&known), &ours), Ok(()));
    assert_eq!(with(json!(1)).succeeds(None, &ours), Ok(()));
}

#[test]
fn a_foreign_root_vouches_for_nobody_of_ours_and_ours_for_nobody_there() {
    let (ours, theirs) = (authority(), Authority::create(&partner(), NOW).unwrap());
    let key = PrivateKey::generate().unwrap();
    // Their authority is compromised, and issues our names.
    let forged = forge(&theirs, &key, &leaf_params());
    let slices = slices(&forged);
    assert!(matches!(theirs.bundle().verify(&slices, NOW), Err(VerifyError::WrongTrustDomain { .. })));
    assert!(ours.bundle().verify(&slices, NOW).is_err());
    assert_eq!(TrustBundle::unverified_domain(slices[0]), Some(domain()));
}
