//! Keys and SVIDs as text.

use super::*;
use crate::pem::PemError;

#[test]
fn a_key_survives_its_text() -> Outcome {
    let key = PrivateKey::generate()?;
    let again = PrivateKey::from_pem(&key.to_pem())?;
    assert_eq!(again.pkcs8_der(), key.pkcs8_der());
    assert_eq!(again.public_der(), key.public_der());
    assert_eq!(PrivateKey::from_pkcs8_der(key.pkcs8_der())?.public_der(), key.public_der());
    Ok(())
}

#[test]
fn rcgen_and_pki_types_read_what_we_write() -> Outcome {
    use rustls_pki_types::pem::PemObject;
    let svid = svid(&authority());
    let text = svid.to_pem();
    let key = rustls_pki_types::PrivatePkcs8KeyDer::from_pem_slice(text.as_bytes())?;
    assert_eq!(key.secret_pkcs8_der(), svid.key.pkcs8_der());
    let chain: Result<Vec<_>, _> = rustls_pki_types::CertificateDer::pem_slice_iter(text.as_bytes()).collect();
    assert_eq!(chain?.iter().map(|der| der.to_vec()).collect::<Vec<_>>(), svid.chain);
    assert_eq!(rcgen::KeyPair::from_pem(&svid.key.to_pem())?.serialized_der(), svid.key.pkcs8_der());
    Ok(())
}

#[test]
fn an_svid_survives_its_text_with_carriage_returns_and_words_around() -> Outcome {
    let svid = svid(&authority());
    let text = format!("subject=\n{}", svid.to_pem().replace('\n', "\r\n"));
    let again = Svid::from_pem(&text)?;
    assert_eq!((again.id, again.chain, again.serial), (svid.id, svid.chain, svid.serial));
    assert_eq!((again.not_before, again.not_after), (svid.not_before, svid.not_after));
    Ok(())
}

#[test]
fn texts_without_one_key_are_refused() -> Outcome {
    let svid = svid(&authority());
    let key = svid.key.to_pem();
    assert_eq!(PrivateKey::from_pem("").map(drop), Err(KeyError::Count(0)));
    assert_eq!(PrivateKey::from_pem(&format!("{}{}", *key, *key)).map(drop), Err(KeyError::Count(2)));
    assert_eq!(Svid::from_pem(&key).map(drop), Err(SvidError::Chain(ChainError::Empty)));
    Ok(())
}

#[test]
fn broken_blocks_are_refused() {
    let answer = |text: &str| PrivateKey::from_pem(text).map(drop);
    let broken = |line| Err(KeyError::Pem(PemError::Block { line }));
    assert_eq!(answer("-----BEGIN PRIVATE KEY-----\nAAAA"), broken(1));
    assert_eq!(answer("-----BEGIN PRIVATE KEY-----\n!\n-----END PRIVATE KEY-----"), broken(3));
    assert_eq!(answer("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END CERTIFICATE-----"), broken(3));
    let nested = "-----BEGIN PRIVATE KEY-----\n-----BEGIN PRIVATE KEY-----\n-----END PRIVATE KEY-----";
    assert_eq!(answer(nested), broken(3));
    let label = Err(KeyError::Pem(PemError::Label { line: 2 }));
    assert_eq!(answer("\n-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----"), label);
    assert_eq!(answer("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"), Err(KeyError::Malformed));
}

#[test]
fn large_texts_are_refused() {
    let too_large = Err(KeyError::Pem(PemError::TooLarge));
    assert_eq!(PrivateKey::from_pem(&" ".repeat(64 * 1024 + 1)).map(drop), too_large);
    let many = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".repeat(33);
    assert_eq!(PrivateKey::from_pem(&many).map(drop), too_large);
}

#[test]
fn keys_of_other_kinds_are_refused() -> Outcome {
    for algorithm in [&rcgen::PKCS_ECDSA_P384_SHA384, &rcgen::PKCS_ED25519] {
        let other = rcgen::KeyPair::generate_for(algorithm)?;
        assert_eq!(PrivateKey::from_pkcs8_der(other.serialized_der()).map(drop), Err(KeyError::Malformed));
    }
    assert_eq!(PrivateKey::from_pkcs8_der(&[0; 2000]).map(drop), Err(KeyError::Malformed));
    Ok(())
}

#[test]
fn a_key_whose_halves_do_not_belong_together_is_refused() -> Outcome {
    let (mine, theirs) = (PrivateKey::generate()?, PrivateKey::generate()?);
    let mut der = mine.pkcs8_der().to_vec();
    let at = der.windows(65).position(|window| window == crate::key::p256_point(&mine.public_der()).unwrap()).unwrap();
    der[at..at + 65].copy_from_slice(crate::key::p256_point(&theirs.public_der()).unwrap());
    assert_eq!(PrivateKey::from_pkcs8_der(&der).map(drop), Err(KeyError::Malformed));
    Ok(())
}
