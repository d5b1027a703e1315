//! When each step is taken, and above all when it is not.

use super::*;

const LEAF_TTL_S: u64 = 3600;

fn realm() -> Realm {
    let mut realm = Realm::create(authority(), NOW).unwrap();
    realm.note_leaf(LEAF_TTL_S);
    realm
}

fn step(realm: &mut Realm, now: u64, receipts: &Receipts) -> Option<Step> {
    let pace = Pace { root_ttl_s: 1_000_000, settle_s: 100 };
    realm.advance(now, receipts, pace, &mut |now| Authority::create(&domain(), now)).unwrap()
}

fn active(realm: &Realm) -> String {
    realm.rotation().active_root().unwrap().id.clone()
}

fn receipts(realm: &Realm) -> Receipts {
    let has = realm.rotation().sequence;
    Receipts { everyone_has: has, connected_have: has, ..Receipts::nobody(&active(realm)) }
}

#[test]
fn a_new_realm_signs_and_has_nothing_to_do() {
    let mut realm = realm();
    assert_eq!((realm.bundle().roots.len(), realm.bundle().jwt_keys.len()), (1, 1));
    let told = receipts(&realm);
    assert_eq!(step(&mut realm, NOW, &told), None);
}

#[test]
fn a_root_is_rotated_in_steps_each_of_which_waits_for_what_it_needs() {
    let mut realm = realm();
    let old = active(&realm);
    let leaf = svid(realm.active().unwrap());
    realm.ask();
    let before = receipts(&realm);
    assert_eq!(step(&mut realm, NOW, &before), Some(Step::PrepareRoot));
    assert_eq!(realm.bundle().roots.len(), 2);
    assert_eq!(active(&realm), old, "what is only prepared signs nothing");

    assert_eq!(step(&mut realm, NOW + 500, &before), None, "a node has not the new bundle");
    let told = receipts(&realm);
    assert_eq!(step(&mut realm, NOW + 99, &told), None, "not settled");
    assert_eq!(step(&mut realm, NOW + 500, &Receipts { tokens_until: NOW + 600, ..told.clone() }), None, "a token");
    assert!(matches!(step(&mut realm, NOW + 100, &told), Some(Step::ActivateRoot(_))));
    assert_ne!(active(&realm), old);
    assert!(verify(&realm.bundle(), &leaf.chain, NOW + 100).is_ok(), "the overlap");

    let moved = receipts(&realm);
    let late = NOW + 100 + LEAF_TTL_S + 60;
    assert_eq!(step(&mut realm, late, &Receipts { everyone_moved: false, ..moved.clone() }), None);
    assert_eq!(step(&mut realm, late, &Receipts { moved_to: old.clone(), ..moved.clone() }), None, "old receipts");
    assert_eq!(step(&mut realm, late - 1, &moved), None, "a leaf below it may live");
    assert_eq!(step(&mut realm, late, &moved), Some(Step::RetireRoot(old)));
    assert_eq!(realm.bundle().roots.len(), 1);
    assert!(verify(&realm.bundle(), &leaf.chain, NOW + 100).is_err());
}

#[test]
fn a_tainted_root_goes_as_soon_as_the_connected_have_moved() {
    let mut realm = realm();
    let old = active(&realm);
    assert!(!realm.taint("no such root"));
    assert!(realm.taint(&old));
    let away = Receipts { everyone_has: 0, everyone_moved: false, ..receipts(&realm) };
    assert_eq!(step(&mut realm, NOW, &away), Some(Step::PrepareRoot));
    assert_eq!(step(&mut realm, NOW, &Receipts { connected_have: 1, ..away.clone() }), None);
    let away = Receipts { everyone_has: 0, everyone_moved: false, ..receipts(&realm) };
    assert!(matches!(step(&mut realm, NOW, &away), Some(Step::ActivateRoot(_))), "who is away is not waited for");
    let away = Receipts { everyone_has: 0, everyone_moved: false, ..receipts(&realm) };
    assert_eq!(step(&mut realm, NOW, &Receipts { connected_moved: false, ..away.clone() }), None);
    assert_eq!(step(&mut realm, NOW, &away), Some(Step::RetireRoot(old)));
}

#[test]
fn a_tainted_root_that_is_only_prepared_never_signs() {
    let mut realm = realm();
    realm.ask();
    let told = receipts(&realm);
    step(&mut realm, NOW, &told);
    let prepared = realm.rotation().prepared_root().unwrap().id.clone();
    realm.taint(&prepared);
    let told = receipts(&realm);
    let next = step(&mut realm, NOW + 1000, &told);
    assert_ne!(next, Some(Step::ActivateRoot(prepared)));
}

#[test]
fn roots_and_intermediates_are_renewed_when_a_third_of_their_life_is_left() {
    let mut realm = realm();
    let day = 24 * 3600;
    let told = receipts(&realm);
    let jwt = |step: &Option<Step>| {
        matches!(step, Some(Step::PrepareJwtKey | Step::ActivateJwtKey(_) | Step::RetireJwtKey(_)))
    };
    let mut without_jwt = |now| (0..9).map(|_| step(&mut realm, now, &told)).find(|step| !jwt(step)).unwrap();
    assert_eq!(without_jwt(NOW + 240 * day), None);
    assert_eq!(without_jwt(NOW + 250 * day), Some(Step::RenewIntermediate));
    assert_eq!(without_jwt(NOW + 250 * day), None);
    let mut realm = super::rotation::realm();
    let told = receipts(&realm);
    assert_eq!(step(&mut realm, NOW + 2500 * day, &told), Some(Step::PrepareRoot));
}

#[test]
fn an_expired_root_is_replaced_without_waiting_for_those_who_are_away() {
    let mut realm = realm();
    let late = realm.active().unwrap().root_not_after() + 1;
    let told = receipts(&realm);
    assert_eq!(step(&mut realm, late, &told), Some(Step::PrepareRoot));
    let away = Receipts { everyone_has: 0, everyone_moved: false, ..receipts(&realm) };
    assert!(matches!(step(&mut realm, late, &away), Some(Step::ActivateRoot(_))));
}

#[test]
fn what_is_kept_is_the_same_realm_and_a_damaged_one_is_refused() {
    let realm = realm();
    let find = |text: &str| Ok(std::sync::Arc::new(PrivateKey::from_pem(text)?) as std::sync::Arc<dyn Signer>);
    let text = serde_json::to_string(&realm.kept()).unwrap();
    let read =
        |text: &str| serde_json::from_str::<RealmKept>(text).ok().and_then(|kept| Realm::from_kept(&kept, &find).ok());
    let again = read(&text).unwrap();
    assert_eq!((again.bundle(), again.rotation()), (realm.bundle(), realm.rotation()));
    let id = active(&realm);
    for damaged in
        [text.replace(&id, &"0".repeat(64)), text.replace("\"active\"", "\"retiring\""), text.replace("acme", "acne")]
    {
        assert_ne!(damaged, text);
        assert!(read(&damaged).is_none());
    }
}

#[test]
fn a_root_of_an_upstream_authority_without_its_key_still_verifies_and_never_signs() {
    let upstream = authority();
    let pem = AuthorityPem { root_key: Default::default(), ..upstream.to_pem() };
    let mut ours = Authority::from_pem(&pem, &domain()).unwrap();
    assert!(verify(&ours.bundle(), &svid(&ours).chain, NOW).is_ok());
    assert!(ours.renew_intermediate(NOW).is_err());
    assert!(ours.to_pem().root_key.is_empty());
}

#[test]
fn revoked_leaves_and_identities_are_told_from_those_that_are_not() {
    let authority = authority();
    let peer = verify(&authority.bundle(), &svid(&authority).chain, NOW).unwrap();
    let mut revoked = Revoked::default();
    assert!(!revoked.has(&peer));
    revoked.serial("AA:bb", NOW + 10).unwrap();
    assert!(revoked.has_leaf("x", "aabb", NOW) && !revoked.has(&peer));
    revoked.serial(&peer.serial, peer.not_after).unwrap();
    assert!(revoked.has(&peer));
    assert!(revoked.forget(peer.not_after + 1) && revoked.is_empty());
    revoked.identity(peer.id.as_str(), NOW).unwrap();
    assert!(!revoked.has(&peer), "issued in that second");
    revoked.identity(peer.id.as_str(), NOW + 1).unwrap();
    assert!(revoked.has(&peer));
    let newer = Peer { not_before: NOW + 1 - 60, ..peer };
    assert!(!revoked.has(&newer), "issued anew");
    for text in ["", "xyz", "0x12", &"a".repeat(41)] {
        assert!(matches!(revoked.serial(text, 0), Err(RevokedError::Serial(_))), "{text}");
    }
}

#[test]
fn a_bundle_in_the_spiffe_format_has_roots_and_keys_each_with_its_use() {
    let realm = realm();
    let document: serde_json::Value = serde_json::from_str(&realm.bundle().to_spiffe(300)).unwrap();
    let uses: Vec<&str> = document["keys"].as_array().unwrap().iter().map(|key| key["use"].as_str().unwrap()).collect();
    assert_eq!(uses, ["x509-svid", "jwt-svid"]);
    assert_eq!(document["keys"][0]["x5c"].as_array().unwrap().len(), 1);
    assert!(document["keys"][0].get("kid").is_none(), "only keys of tokens have a name");
    assert_eq!(document["spiffe_sequence"], realm.bundle().sequence);
    let keys = JwtBundle::parse(&domain(), &document.to_string()).unwrap();
    assert_eq!(keys, realm.bundle().jwt(300));
}

#[test]
fn a_request_in_pem_is_read_and_nothing_else_is() {
    let csr = request(&PrivateKey::generate().unwrap()).unwrap();
    let lines = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &csr);
    let pem = |label: &str| format!("-----BEGIN {label}-----\n{lines}\n-----END {label}-----\n");
    assert_eq!(request_from_pem(&pem("CERTIFICATE REQUEST")), Ok(csr));
    for text in [String::new(), "x".into(), pem("CERTIFICATE"), pem("CERTIFICATE REQUEST").repeat(2)] {
        assert_eq!(request_from_pem(&text), Err(PemError::Request), "{text}");
    }
}
