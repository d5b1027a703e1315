//! Whatever bytes come, the answer is a refusal and never a panic.

use super::*;
use proptest::prelude::*;
use std::sync::LazyLock;

static AUTHORITY: LazyLock<Authority> = LazyLock::new(authority);
static CHAIN: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| svid(&AUTHORITY).chain);

/// A true text or encoding with some bytes overwritten, cut at some place.
fn damaged(good: Vec<u8>) -> impl Strategy<Value = Vec<u8>> {
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8);
    (changes, any::<prop::sample::Index>(), any::<bool>()).prop_map(move |(changes, end, cut)| {
        let mut bytes = good.clone();
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(if cut { end.index(bytes.len()) } else { bytes.len() });
        bytes
    })
}

proptest! {
    #[test]
    fn arbitrary_bytes_are_no_certificate(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        prop_assert!(AUTHORITY.bundle().verify(&[&bytes], NOW).is_err());
        prop_assert!(AUTHORITY.bundle().verify(&[&CHAIN[0], &bytes], NOW).is_err());
        prop_assert!(facts(&bytes).is_err());
        let bundle = TrustBundle::of(domain(), vec![bytes]);
        prop_assert!(verify(&bundle, &CHAIN, NOW).is_err());
    }

    #[test]
    fn a_damaged_leaf_is_refused(bytes in damaged(CHAIN[0].clone())) {
        let answer = AUTHORITY.bundle().verify(&[&bytes, &CHAIN[1]], NOW);
        prop_assert!(answer.is_err() || bytes == CHAIN[0]);
        let _ = (facts(&bytes), Svid::new(vec![bytes], PrivateKey::generate().unwrap()));
    }

    #[test]
    fn a_damaged_intermediate_or_root_is_refused_or_did_not_matter(bytes in damaged(CHAIN[1].clone())) {
        let _ = AUTHORITY.bundle().verify(&[&CHAIN[0], &bytes], NOW);
        let _ = TrustBundle::of(domain(), vec![bytes.clone()]).verify(&slices(&CHAIN), NOW);
        let signature = Signature { chain: vec![bytes.clone()], ..AUTHORITY.sign(b"m").unwrap() };
        prop_assert!(AUTHORITY.bundle().verify_signature(&signature, b"m", NOW).is_err() || bytes == CHAIN[1]);
    }

    #[test]
    fn a_damaged_request_is_refused(bytes in damaged(request(&PrivateKey::generate().unwrap()).unwrap())) {
        let _ = AUTHORITY.issue_svid(&bytes, &orders(), &[], &terms());
    }

    #[test]
    fn arbitrary_bytes_are_no_request(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(AUTHORITY.issue_svid(&bytes, &orders(), &[], &terms()).is_err());
    }

    #[test]
    fn arbitrary_texts_are_no_token(text in "\\PC{0,200}", prefixed in any::<bool>()) {
        let text = if prefixed { format!("selvedge-join-1.{text}") } else { text };
        prop_assert!(JoinToken::parse(&text).is_err());
    }

    #[test]
    fn arbitrary_texts_are_no_pem(text in "(-----BEGIN |-----END |PRIVATE KEY|CERTIFICATE|-----|\n|\r|[A-Za-z0-9+/=]{4}|\\PC){0,40}") {
        prop_assert!(PrivateKey::from_pem(&text).is_err());
        prop_assert!(Svid::from_pem(&text).is_err());
    }

    #[test]
    fn damaged_pem_never_panics(bytes in damaged(svid(&AUTHORITY).to_pem().as_bytes().to_vec())) {
        let _ = Svid::from_pem(&String::from_utf8_lossy(&bytes));
    }

    #[test]
    fn arbitrary_keys_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        prop_assert!(PrivateKey::from_pkcs8_der(&bytes).is_err());
    }

    #[test]
    fn arbitrary_signatures_are_refused(signature in prop::collection::vec(any::<u8>(), 0..80)) {
        let signature = Signature { signature, chain: vec![CHAIN[1].clone()] };
        prop_assert!(AUTHORITY.bundle().verify_signature(&signature, b"m", NOW).is_err());
    }

    #[test]
    fn every_token_survives_its_text(secret: [u8; 32], port in 1_u16..) {
        let control = format!("10.0.0.1:{port}");
        let root = fingerprint(&secret);
        let token = JoinToken { control, trust_domain: domain(), root, next_root: None, secret: secret.into() };
        prop_assert_eq!(JoinToken::parse(&token.to_string()), Ok(token));
    }
}
