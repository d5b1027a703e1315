//! Which chains become a peer, and which never do.

use super::*;
use rcgen::{BasicConstraints, KeyPair, PKCS_ECDSA_P384_SHA384};

/// How the bundle answers a leaf in which one thing was changed.
fn verify_changed(change: impl FnOnce(&mut CertificateParams)) -> Result<Peer, VerifyError> {
    let (authority, key) = (authority(), PrivateKey::generate().unwrap());
    let mut params = leaf_params();
    change(&mut params);
    verify(&authority.bundle(), &forge(&authority, &key, &params), NOW)
}

fn refused_leaf(error: LeafError) -> Result<Peer, VerifyError> {
    Err(VerifyError::Leaf(error))
}

#[test]
fn an_issued_svid_is_its_workload() -> Outcome {
    let authority = authority();
    let svid = svid(&authority);
    let peer = verify(&authority.bundle(), &svid.chain, NOW)?;
    let (root, not_before) = (authority.root_fingerprint(), NOW - 60);
    assert_eq!(peer, Peer { id: orders(), not_after: NOW + 3600, serial: "07".repeat(16), not_before, root });
    Ok(())
}

#[test]
fn the_unchanged_forgery_is_good_so_that_the_others_fail_for_their_one_change() {
    assert_eq!(verify_changed(|_| {}).unwrap().id, orders());
}

#[test]
fn an_svid_without_extended_key_usage_is_good() {
    assert!(verify_changed(|params| params.extended_key_usages.clear()).is_ok());
}

#[test]
fn an_svid_may_carry_dns_names_beside_its_id() {
    let dns = SanType::DnsName("orders.internal".try_into().unwrap());
    assert!(verify_changed(|params| params.subject_alt_names.push(dns)).is_ok());
}

#[test]
fn an_svid_of_another_trust_domain_is_refused_even_when_our_authority_signed_it() {
    let id = id("spiffe://other.example/orders");
    let answer = verify_changed(|params| params.subject_alt_names = vec![uri(id.as_str())]);
    assert_eq!(answer, Err(VerifyError::WrongTrustDomain { id, trust_domain: domain() }));
}

#[test]
fn two_uri_names_are_refused() {
    let answer = verify_changed(|params| params.subject_alt_names.push(uri("spiffe://acme.example/payments")));
    assert_eq!(answer, refused_leaf(LeafError::ManyIds(2)));
}

#[test]
fn the_same_uri_name_twice_is_refused() {
    let answer = verify_changed(|params| params.subject_alt_names.push(uri("spiffe://acme.example/orders")));
    assert_eq!(answer, refused_leaf(LeafError::ManyIds(2)));
}

#[test]
fn a_leaf_without_uri_name_is_refused() {
    let dns = SanType::DnsName("orders.acme.example".try_into().unwrap());
    assert_eq!(verify_changed(|params| params.subject_alt_names = vec![dns]), refused_leaf(LeafError::NoId));
    assert_eq!(verify_changed(|params| params.subject_alt_names.clear()), refused_leaf(LeafError::NoId));
}

#[test]
fn a_uri_name_that_is_no_workload_is_refused() {
    for text in [
        "spiffe://acme.example",
        "spiffe://acme.example/",
        "https://acme.example/orders",
        "spiffe://acme.example/a%2fb",
    ] {
        let answer = verify_changed(|params| params.subject_alt_names = vec![uri(text)]);
        assert!(matches!(answer, Err(VerifyError::Leaf(LeafError::Id(_)))), "{text}: {answer:?}");
    }
}

#[test]
fn an_authority_is_no_workload() {
    let answer = verify_changed(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    assert_eq!(answer, refused_leaf(LeafError::Authority));
    let authority = authority();
    let chain = [authority.intermediate.certificate.clone()];
    assert_eq!(verify(&authority.bundle(), &chain, NOW), refused_leaf(LeafError::Authority));
}

#[test]
fn key_usage_must_be_to_sign_data_and_nothing_that_an_authority_does() {
    for usages in [
        vec![],
        vec![KeyUsagePurpose::KeyEncipherment],
        vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign],
        vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::CrlSign],
    ] {
        let answer = verify_changed(|params| params.key_usages = usages.clone());
        assert_eq!(answer, refused_leaf(LeafError::KeyUsage), "{usages:?}");
    }
}

#[test]
fn extended_key_usage_must_have_both_purposes_when_it_is_there() {
    for purpose in
        [ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth, ExtendedKeyUsagePurpose::CodeSigning]
    {
        let answer = verify_changed(|params| params.extended_key_usages = vec![purpose.clone()]);
        assert_eq!(answer, refused_leaf(LeafError::Purpose), "{purpose:?}");
    }
}

#[test]
fn an_expired_svid_is_refused_from_the_next_second_on() {
    let authority = authority();
    let svid = svid(&authority);
    assert!(verify(&authority.bundle(), &svid.chain, svid.not_after).is_ok());
    let now = svid.not_after + 1;
    let expired = VerifyError::Expired { not_after: svid.not_after, now };
    assert_eq!(verify(&authority.bundle(), &svid.chain, now), Err(expired));
}

#[test]
fn an_svid_is_refused_before_its_time() {
    let answer = verify_changed(|params| params.not_before = date(NOW + 1));
    assert_eq!(answer, Err(VerifyError::NotYetValid { not_before: NOW + 1, now: NOW }));
}

#[test]
fn an_issued_svid_is_good_for_a_peer_whose_clock_is_a_minute_behind() {
    let mut authority = Authority::create(&domain(), NOW - 3600).unwrap();
    assert!(verify(&authority.bundle(), &svid(&authority).chain, NOW - 60).is_ok());
    assert!(verify(&authority.bundle(), &svid(&authority).chain, NOW - 61).is_err());
    authority.renew_intermediate(NOW).unwrap();
    assert!(verify(&authority.bundle(), &svid(&authority).chain, NOW - 60).is_ok());
}

#[test]
fn a_root_of_the_same_name_and_another_key_vouches_for_nobody() {
    let (ours, theirs) = (authority(), authority());
    let answer = verify(&ours.bundle(), &svid(&theirs).chain, NOW);
    assert_eq!(answer, Err(VerifyError::Signature));
    let foreign = Authority::create(&TrustDomain::parse("other.example").unwrap(), NOW).unwrap();
    let mut chain = svid(&ours).chain;
    chain.push(ours.root.certificate.clone());
    assert!(foreign.bundle().verify(&slices(&chain), NOW).is_err(), "a root in the chain is no trust");
}

#[test]
fn both_roots_vouch_while_they_are_rotated() {
    let (old, new) = (authority(), authority());
    let bundle = TrustBundle::of(domain(), [old.bundle().roots, new.bundle().roots].concat());
    assert!(verify(&bundle, &svid(&old).chain, NOW).is_ok());
    assert!(verify(&bundle, &svid(&new).chain, NOW).is_ok());
}

#[test]
fn an_expired_root_vouches_for_nobody() {
    let authority = authority();
    let chain = svid(&authority).chain;
    let answer = verify(&authority.bundle(), &chain, authority.root_not_after() + 1);
    assert_eq!(answer, Err(VerifyError::NoRoot(domain())));
}

#[test]
fn a_bundle_without_roots_or_with_too_many_vouches_for_nobody() {
    let authority = authority();
    let chain = svid(&authority).chain;
    for roots in [vec![], vec![vec![0x30, 0x00]], vec![authority.root.certificate.clone(); 17]] {
        let bundle = TrustBundle::of(domain(), roots);
        assert_eq!(verify(&bundle, &chain, NOW), Err(VerifyError::NoRoot(domain())));
    }
}

#[test]
fn the_roots_of_one_domain_do_not_vouch_in_another() {
    let authority = authority();
    let other = TrustDomain::parse("other.example").unwrap();
    let bundle = TrustBundle::of(other.clone(), authority.bundle().roots);
    assert_eq!(verify(&bundle, &svid(&authority).chain, NOW), Err(VerifyError::NoRoot(other)));
}

#[test]
fn a_leaf_without_its_intermediate_is_refused() {
    let authority = authority();
    let chain = [svid(&authority).chain.remove(0)];
    assert_eq!(verify(&authority.bundle(), &chain, NOW), Err(VerifyError::ForeignRoot(domain())));
}

#[test]
fn an_svid_cannot_issue_another() {
    let authority = authority();
    let thief = svid(&authority);
    let mut params = leaf_params();
    params.subject_alt_names = vec![uri("spiffe://acme.example/payments")];
    let issuer = rcgen::Issuer::new(leaf_params(), Lent(&thief.key));
    let leaf = params.signed_by(&Lent(&PrivateKey::generate().unwrap()), &issuer).unwrap();
    let chain = [vec![leaf.der().to_vec()], thief.chain].concat();
    assert!(verify(&authority.bundle(), &chain, NOW).is_err());
}

#[test]
fn an_intermediate_must_be_one_that_signs_certificates_of_this_domain() {
    let refused = Err(VerifyError::Issuer(domain()));
    let authority = authority();
    let chain_of = |change: &dyn Fn(&mut CertificateParams)| {
        let middle_key = PrivateKey::generate().unwrap();
        let mut params = leaf_params();
        params.distinguished_name.push(rcgen::DnType::CommonName, "between");
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        params.subject_alt_names.clear();
        change(&mut params);
        let middle = params.signed_by(&Lent(&middle_key), &authority.root.issuer().unwrap()).unwrap();
        let issuer = rcgen::Issuer::from_params(&params, Lent(&middle_key));
        let leaf = leaf_params().signed_by(&Lent(&PrivateKey::generate().unwrap()), &issuer).unwrap();
        vec![leaf.der().to_vec(), middle.der().to_vec()]
    };
    let answer = |change: &dyn Fn(&mut CertificateParams)| verify(&authority.bundle(), &chain_of(change), NOW);
    assert!(answer(&|_| {}).is_ok());
    assert_eq!(answer(&|params| params.key_usages = vec![KeyUsagePurpose::DigitalSignature]), refused);
    assert_eq!(answer(&|params| params.key_usages.clear()), refused);
    assert_eq!(answer(&|params| params.subject_alt_names = vec![uri("spiffe://other.example")]), refused);
    assert_eq!(answer(&|params| params.subject_alt_names = vec![uri("spiffe://acme.example/orders")]), refused);
    assert!(answer(&|params| params.is_ca = IsCa::ExplicitNoCa).is_err());
    assert!(answer(&|params| params.not_after = date(NOW - 1)).is_err());
}

#[test]
fn a_key_on_another_curve_is_refused() {
    let authority = authority();
    let key = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384).unwrap();
    let leaf = leaf_params().signed_by(&key, &authority.intermediate.issuer().unwrap()).unwrap();
    let chain = [leaf.der().to_vec(), authority.intermediate.certificate.clone()];
    assert_eq!(verify(&authority.bundle(), &chain, NOW), refused_leaf(LeafError::KeyType));
}

#[test]
fn a_changed_byte_anywhere_is_refused() {
    let authority = authority();
    let (bundle, chain) = (authority.bundle(), svid(&authority).chain);
    for (at, _) in chain[0].iter().enumerate() {
        let mut changed = chain.clone();
        changed[0][at] ^= 1;
        assert!(verify(&bundle, &changed, NOW).is_err(), "byte {at}");
    }
}

#[test]
fn chains_over_a_limit_are_not_looked_at() {
    let authority = authority();
    let (bundle, chain) = (authority.bundle(), svid(&authority).chain);
    assert_eq!(verify(&bundle, &[], NOW), Err(VerifyError::Chain(ChainError::Empty)));
    let long = [chain.clone(), vec![authority.root.certificate.clone(); 3]].concat();
    assert_eq!(verify(&bundle, &long, NOW), Err(VerifyError::Chain(ChainError::TooLong(5))));
    let bytes = chain.iter().map(Vec::len).sum::<usize>() + 16 * 1024;
    let huge = [chain.clone(), vec![vec![0; 16 * 1024]]].concat();
    assert_eq!(verify(&bundle, &huge, NOW), Err(VerifyError::Chain(ChainError::TooLarge(bytes))));
    let with_root = [chain, authority.bundle().roots].concat();
    assert!(verify(&bundle, &with_root, NOW).is_ok(), "a server appends its root for a first join");
}

#[test]
fn an_edge_certificate_is_worth_nothing_inside_the_mesh() -> Outcome {
    let (authority, key) = (authority(), PrivateKey::generate()?);
    let chain = authority.issue_server(&request(&key)?, &hosts(&["api.acme.example"]), &terms())?;
    assert_eq!(verify(&authority.bundle(), &chain, NOW), refused_leaf(LeafError::Purpose));
    assert_eq!(Svid::new(chain, key).map(|svid| svid.id), Err(SvidError::Leaf(LeafError::Purpose)));
    Ok(())
}
