//! Signed documents: only the authority's intermediate signs, and only what was signed verifies.

use super::*;
use rcgen::BasicConstraints;

const MESSAGE: &[u8] = b"{\"revision\":1}";

#[test]
fn a_signed_document_verifies() -> Outcome {
    let authority = authority();
    let signature = authority.sign(MESSAGE)?;
    authority.bundle().verify_signature(&signature, MESSAGE, NOW)?;
    let json = serde_json::to_string(&signature)?;
    assert_eq!(serde_json::from_str::<Signature>(&json)?, signature);
    Ok(())
}

#[test]
fn a_signature_over_other_bytes_is_refused() -> Outcome {
    let authority = authority();
    let signature = authority.sign(MESSAGE)?;
    for other in [b"{\"revision\":2}".as_slice(), b"", &MESSAGE[1..]] {
        let answer = authority.bundle().verify_signature(&signature, other, NOW);
        assert_eq!(answer, Err(VerifyError::Signature));
    }
    Ok(())
}

#[test]
fn a_bare_signature_of_the_same_key_is_no_signed_document() -> Outcome {
    let authority = authority();
    let bare = authority.intermediate.key.sign(MESSAGE)?;
    let signature = Signature { signature: bare, ..authority.sign(MESSAGE)? };
    let answer = authority.bundle().verify_signature(&signature, MESSAGE, NOW);
    assert_eq!(answer, Err(VerifyError::Signature));
    Ok(())
}

#[test]
fn a_workload_cannot_sign_a_document() -> Outcome {
    let authority = authority();
    let svid = svid(&authority);
    let signature = Signature::make(&svid.key, &svid.chain[0], MESSAGE)?;
    let answer = authority.bundle().verify_signature(&signature, MESSAGE, NOW);
    assert_eq!(answer, Err(VerifyError::Issuer(domain())));
    let whole = Signature { chain: svid.chain, ..signature };
    let answer = authority.bundle().verify_signature(&whole, MESSAGE, NOW);
    assert_eq!(answer, Err(VerifyError::Chain(ChainError::TooLong(2))));
    Ok(())
}

#[test]
fn an_authority_that_the_intermediate_made_cannot_sign_a_document() -> Outcome {
    let (authority, key) = (authority(), PrivateKey::generate()?);
    let mut params = leaf_params();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages.push(KeyUsagePurpose::KeyCertSign);
    params.subject_alt_names.clear();
    let signature = Signature::make(&key, &forge(&authority, &key, &params)[0], MESSAGE)?;
    let answer = authority.bundle().verify_signature(&signature, MESSAGE, NOW);
    assert_eq!(answer, Err(VerifyError::ForeignRoot(domain())));
    Ok(())
}

#[test]
fn the_root_itself_signs_no_documents() -> Outcome {
    let authority = authority();
    let signature = Signature::make(&*authority.root.key, &authority.root.certificate, MESSAGE)?;
    let answer = authority.bundle().verify_signature(&signature, MESSAGE, NOW);
    assert_eq!(answer, Err(VerifyError::Issuer(domain())));
    Ok(())
}

#[test]
fn a_foreign_authority_of_the_same_name_is_refused() -> Outcome {
    let (ours, theirs) = (authority(), authority());
    let answer = ours.bundle().verify_signature(&theirs.sign(MESSAGE)?, MESSAGE, NOW);
    assert_eq!(answer, Err(VerifyError::ForeignRoot(domain())));
    Ok(())
}

#[test]
fn a_signature_is_good_only_while_its_certificate_is() -> Outcome {
    let authority = authority();
    let signature = authority.sign(MESSAGE)?;
    let at = |now| authority.bundle().verify_signature(&signature, MESSAGE, now);
    let end = authority.intermediate_not_after();
    assert_eq!(at(end), Ok(()));
    assert_eq!(at(end + 1), Err(VerifyError::Expired { not_after: end, now: end + 1 }));
    assert_eq!(at(NOW - 61), Err(VerifyError::NotYetValid { not_before: NOW - 60, now: NOW - 61 }));
    Ok(())
}

#[test]
fn a_signature_without_certificate_is_refused() -> Outcome {
    let authority = authority();
    let signature = Signature { chain: vec![], ..authority.sign(MESSAGE)? };
    let answer = authority.bundle().verify_signature(&signature, MESSAGE, NOW);
    assert_eq!(answer, Err(VerifyError::Chain(ChainError::Empty)));
    Ok(())
}
