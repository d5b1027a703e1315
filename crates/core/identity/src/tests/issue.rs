//! What the authority issues, and what it does not.

use super::*;
use rcgen::{KeyPair, PKCS_ECDSA_P384_SHA384};

#[test]
fn names_in_a_request_mean_nothing() -> Outcome {
    let (authority, key) = (authority(), PrivateKey::generate()?);
    let mut params = CertificateParams::default();
    params.subject_alt_names = vec![uri("spiffe://acme.example/payments")];
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let csr = params.serialize_request(&Lent(&key))?;
    let svid = Svid::new(authority.issue_svid(csr.der(), &orders(), &[], &terms())?, key)?;
    assert_eq!(svid.id, orders());
    assert!(!facts(&svid.chain[0])?.is_authority);
    Ok(())
}

#[test]
fn a_request_that_its_key_did_not_sign_is_refused() -> Outcome {
    let authority = authority();
    let mut csr = request(&PrivateKey::generate()?)?;
    // The last byte belongs to the signature's second number.
    *csr.last_mut().unwrap() ^= 1;
    let answer = authority.issue_svid(&csr, &orders(), &[], &terms());
    assert_eq!(answer, Err(IssueError::Request(RequestError::Signature)));
    assert_eq!(authority.issue_server(&csr, &hosts(&["a.example"]), &terms()), answer);
    Ok(())
}

#[test]
fn a_request_for_another_key_than_the_one_that_signed_is_refused() -> Outcome {
    let (mine, theirs) = (PrivateKey::generate()?, PrivateKey::generate()?);
    let mut csr = request(&mine)?;
    let at = csr.windows(65).position(|window| window == crate::key::p256_point(&mine.public_der()).unwrap()).unwrap();
    csr[at..at + 65].copy_from_slice(crate::key::p256_point(&theirs.public_der()).unwrap());
    let answer = authority().issue_svid(&csr, &orders(), &[], &terms());
    assert_eq!(answer, Err(IssueError::Request(RequestError::Signature)));
    Ok(())
}

#[test]
fn requests_that_are_garbled_large_or_of_another_curve_are_refused() -> Outcome {
    let authority = authority();
    let answer = |csr: &[u8]| authority.issue_svid(csr, &orders(), &[], &terms());
    let csr = request(&PrivateKey::generate()?)?;
    let refused = |error| Err(IssueError::Request(error));
    assert_eq!(answer(&[]), refused(RequestError::Malformed));
    assert_eq!(answer(&csr[..csr.len() - 1]), refused(RequestError::Malformed));
    assert_eq!(answer(&[csr.as_slice(), &[0]].concat()), refused(RequestError::Malformed));
    assert_eq!(answer(&[0; 8193]), refused(RequestError::TooLarge { bytes: 8193 }));
    let other = KeyPair::generate_for(&PKCS_ECDSA_P384_SHA384)?;
    let csr = CertificateParams::default().serialize_request(&other)?;
    assert_eq!(answer(csr.der()), refused(RequestError::KeyType));
    Ok(())
}

#[test]
fn an_id_of_another_trust_domain_is_not_issued() -> Outcome {
    let (csr, id) = (request(&PrivateKey::generate()?)?, id("spiffe://other.example/orders"));
    let answer = authority().issue_svid(&csr, &id, &[], &terms());
    assert_eq!(answer, Err(IssueError::WrongTrustDomain { id, trust_domain: domain() }));
    Ok(())
}

#[test]
fn terms_that_cannot_be_met_are_refused() -> Outcome {
    let (authority, csr) = (authority(), request(&PrivateKey::generate()?)?);
    let answer = |terms| authority.issue_svid(&csr, &orders(), &[], &terms).map(drop);
    let max_s = 24 * 3600;
    assert_eq!(answer(Terms { ttl_s: max_s, ..terms() }), Ok(()));
    for ttl_s in [0, max_s + 1, u64::MAX] {
        assert_eq!(answer(Terms { ttl_s, ..terms() }), Err(IssueError::Life { ttl_s, max_s }));
    }
    assert_eq!(answer(Terms { serial: [0; 16], ..terms() }), Err(IssueError::Serial));
    let end = authority.intermediate_not_after();
    for now in [0, NOW - 61, end, u64::MAX] {
        assert!(matches!(answer(Terms { now, ..terms() }), Err(IssueError::NotValid { .. })), "{now}");
    }
    assert_eq!(authority.issue_server(&csr, &[], &terms()), Err(IssueError::Hosts(0)));
    let many = hosts(&["a.example"; 65]);
    assert_eq!(authority.issue_server(&csr, &many, &terms()), Err(IssueError::Hosts(65)));
    assert_eq!(authority.issue_svid(&csr, &orders(), &many, &terms()), Err(IssueError::Hosts(65)));
    Ok(())
}

#[test]
fn no_leaf_outlives_the_intermediate() -> Outcome {
    let (authority, key) = (authority(), PrivateKey::generate()?);
    let end = authority.intermediate_not_after();
    let late = Terms { now: end - 10, ..terms() };
    let svid = Svid::new(authority.issue_svid(&request(&key)?, &orders(), &[], &late)?, key)?;
    assert_eq!(svid.not_after, end);
    Ok(())
}

#[test]
fn an_edge_certificate_has_its_hosts_and_no_id() -> Outcome {
    let (authority, key) = (authority(), PrivateKey::generate()?);
    let names = hosts(&["api.acme.example", "127.0.0.1", "[::1]"]);
    let chain = authority.issue_server(&request(&key)?, &names, &terms())?;
    let certificate = ServerCertificate::new(chain, key)?;
    assert_eq!(certificate.names, names);
    assert_eq!((certificate.not_before, certificate.not_after), (NOW - 60, NOW + 3600));
    let again = ServerCertificate::from_pem(&certificate.to_pem())?;
    assert_eq!((again.chain, again.names), (certificate.chain, certificate.names));
    Ok(())
}

#[test]
fn an_svid_is_no_edge_certificate() {
    let svid = svid(&authority());
    assert_eq!(ServerCertificate::new(svid.chain, svid.key).map(drop), Err(SvidError::Leaf(LeafError::HasId)));
}

#[test]
fn an_svid_has_the_dns_names_that_it_was_issued_with() -> Outcome {
    let (authority, key) = (authority(), PrivateKey::generate()?);
    let chain = authority.issue_svid(&request(&key)?, &orders(), &hosts(&["orders.internal"]), &terms())?;
    assert_eq!(facts(&chain[0])?.hosts, ["orders.internal"]);
    assert!(verify(&authority.bundle(), &chain, NOW).is_ok());
    Ok(())
}

#[test]
fn a_chain_and_a_foreign_key_make_no_svid() -> Outcome {
    let svid = svid(&authority());
    let answer = Svid::new(svid.chain, PrivateKey::generate()?).map(drop);
    assert_eq!(answer, Err(SvidError::WrongKey));
    Ok(())
}

#[test]
fn a_serial_number_is_the_same_in_the_certificate_and_in_hex() -> Outcome {
    let (authority, key) = (authority(), PrivateKey::generate()?);
    for (first, hex) in [(0xff, "ff"), (0x00, ""), (0x80, "80")] {
        let mut serial = [0xab; 16];
        serial[0] = first;
        let chain = authority.issue_svid(&request(&key)?, &orders(), &[], &Terms { serial, ..terms() })?;
        assert_eq!(facts(&chain[0])?.serial, format!("{hex}{}", "ab".repeat(15)));
        assert!(verify(&authority.bundle(), &chain, NOW).is_ok());
    }
    Ok(())
}
