//! An authority on disk and back, and what is no authority.

use super::*;

#[test]
fn an_authority_survives_its_texts() -> Outcome {
    let authority = authority();
    let again = Authority::from_pem(&authority.to_pem(), &domain())?;
    assert_eq!(again.bundle(), authority.bundle());
    assert!(verify(&authority.bundle(), &svid(&again).chain, NOW).is_ok());
    Ok(())
}

#[test]
fn texts_that_do_not_belong_together_are_no_authority() {
    let (ours, theirs) = (authority().to_pem(), authority().to_pem());
    let answer = |pem: AuthorityPem| Authority::from_pem(&pem, &domain()).map(drop);
    let root_key = theirs.root_key.clone();
    assert_eq!(answer(AuthorityPem { root_key, ..ours.clone() }), Err(AuthorityError::WrongKey));
    let intermediate_key = theirs.intermediate_key.clone();
    assert_eq!(answer(AuthorityPem { intermediate_key, ..ours.clone() }), Err(AuthorityError::WrongKey));
    let (root_certificate, root_key) = (theirs.root_certificate.clone(), theirs.root_key.clone());
    assert_eq!(answer(AuthorityPem { root_certificate, root_key, ..ours.clone() }), Err(AuthorityError::Unrelated));
    let (root_certificate, root_key) = (ours.intermediate_certificate.clone(), ours.intermediate_key.clone());
    let swapped = AuthorityPem { root_certificate, root_key, ..ours.clone() };
    assert_eq!(answer(swapped), Err(AuthorityError::Unrelated), "an intermediate is no root");
    let twice = format!("{0}{0}", ours.root_certificate);
    assert_eq!(answer(AuthorityPem { root_certificate: twice, ..ours.clone() }), Err(AuthorityError::Count(2)));
    assert_eq!(answer(AuthorityPem { root_certificate: String::new(), ..ours }), Err(AuthorityError::Count(0)));
}

#[test]
fn an_authority_of_a_renamed_trust_domain_is_refused() {
    let other = TrustDomain::parse("other.example").unwrap();
    let answer = Authority::from_pem(&authority().to_pem(), &other).map(drop);
    assert_eq!(answer, Err(AuthorityError::WrongTrustDomain(other)));
}

#[test]
fn leaves_of_both_intermediates_are_good_after_it_was_renewed() -> Outcome {
    let mut authority = authority();
    let before = svid(&authority);
    authority.renew_intermediate(NOW + 10)?;
    let after = svid(&authority);
    assert_ne!(before.chain[1], after.chain[1]);
    assert!(verify(&authority.bundle(), &before.chain, NOW).is_ok());
    assert!(verify(&authority.bundle(), &after.chain, NOW).is_ok());
    Ok(())
}

#[test]
fn an_expired_root_makes_no_intermediate() {
    let mut authority = authority();
    let answer = authority.renew_intermediate(authority.root_not_after());
    assert!(matches!(answer, Err(IssueError::NotValid { .. })));
}

#[test]
fn a_time_that_no_certificate_can_hold_is_refused() {
    for now in [u64::MAX, u64::MAX / 2] {
        assert!(matches!(Authority::create(&domain(), now).map(drop), Err(IssueError::Time(_))), "{now}");
    }
}

#[test]
fn no_key_is_ever_printed() {
    let authority = authority();
    let svid = svid(&authority);
    let printed = format!("{authority:?}{:?}{svid:?}", authority.to_pem());
    assert!(printed.contains("[secret]"));
    assert!(!printed.contains("PRIVATE KEY"));
    let bytes = format!("{:?}", &svid.key.pkcs8_der()[36..68]);
    assert!(!printed.contains(bytes.trim_matches(['[', ']'])));
}

#[test]
fn a_trust_domain_of_any_length_can_have_an_authority() -> Outcome {
    let long = TrustDomain::parse(&"a".repeat(255))?;
    let authority = Authority::create(&long, NOW)?;
    let key = PrivateKey::generate()?;
    let id = SpiffeId::parse(&format!("spiffe://{long}/orders"))?;
    let chain = authority.issue_svid(&request(&key)?, &id, &[], &terms())?;
    assert_eq!(verify(&authority.bundle(), &chain, NOW)?.id, id);
    Ok(())
}

#[test]
fn a_bundle_survives_json_and_says_its_fingerprints() -> Outcome {
    let bundle = authority().bundle();
    let json = serde_json::to_string(&bundle)?;
    assert_eq!(serde_json::from_str::<TrustBundle>(&json)?, bundle);
    assert_eq!(bundle.fingerprints(), [fingerprint(&bundle.roots[0])]);
    let many = TrustBundle { roots: vec![bundle.roots[0].clone(); 17], ..bundle.clone() };
    assert!(serde_json::from_str::<TrustBundle>(&serde_json::to_string(&many)?).is_err());
    let large = TrustBundle { roots: vec![vec![0; 9000]], ..bundle };
    assert!(serde_json::from_str::<TrustBundle>(&serde_json::to_string(&large)?).is_err());
    Ok(())
}
