//! Tokens as a whole.

use super::*;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use proptest::prelude::*;

#[test]
fn a_good_token_gives_its_principal() {
    let issuer = Issuer::new();
    let token = issuer.sign(&header().to_string(), &claims().to_string());
    let verified = verify(&token, &settings(), &issuer.keys(), NOW).unwrap();
    assert_eq!((&*verified.principal.subject, verified.expires), ("u1", NOW + 300));
    assert!(verified.principal.has_scope("orders:write") && verified.principal.in_group("staff"));
}

#[test]
fn ed25519_and_rsa_verify_too() {
    let (ed, rsa) = (Ed25519KeyPair::generate().unwrap(), RsaKeyPair::generate(KeySize::Rsa2048).unwrap());
    // PKCS #1: a sequence of the modulus, 256 bytes after its sign byte, and the exponent 65537.
    let public = rsa.public_key().as_ref();
    let (n, e) = (&public[9..265], &public[267..270]);
    let keys = json!({"keys": [
        {"kty": "OKP", "crv": "Ed25519", "kid": "ed", "x": b64(ed.public_key())},
        {"kty": "RSA", "kid": "rsa", "n": b64(n), "e": b64(e)},
    ]});
    let keys = KeySet::parse(keys.to_string().as_bytes()).unwrap();
    let message = |alg: &str, kid: &str| {
        format!("{}.{}", b64(json!({"alg": alg, "kid": kid}).to_string()), b64(claims().to_string()))
    };
    let of_ed = message("EdDSA", "ed");
    let signed = format!("{of_ed}.{}", b64(ed.sign(of_ed.as_bytes())));
    assert!(verify(&signed, &settings(), &keys, NOW).is_ok());
    let of_rsa = message("RS256", "rsa");
    let mut signature = vec![0; rsa.public_modulus_len()];
    rsa.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), of_rsa.as_bytes(), &mut signature).unwrap();
    assert!(verify(&format!("{of_rsa}.{}", b64(signature)), &settings(), &keys, NOW).is_ok());
}

#[test]
fn a_token_with_two_readings_is_refused() {
    let issuer = Issuer::new();
    let good = issuer.sign(&header().to_string(), &claims().to_string());
    let twice = claims().to_string().replace("\"sub\":\"u1\"", "\"sub\":\"u1\",\"sub\":\"admin\"");
    for token in [
        issuer.sign(&header().to_string(), &twice),
        issuer.sign(&header().to_string(), "[]"),
        format!("{good}="),
        format!("{good}."),
        format!("{good}\n"),
        format!(" {good}"),
        good.replace('.', ""),
        String::new(),
        "a.b.c.d.e".to_owned(),
        format!("{good}{}", "A".repeat(17 * 1024)),
    ] {
        assert!(verify(&token, &settings(), &issuer.keys(), NOW).is_err());
    }
    let (message, signature) = good.rsplit_once('.').unwrap();
    let short = format!("{message}.{}", &signature[..40]);
    assert_eq!(verify(&short, &settings(), &issuer.keys(), NOW), Err(TokenError::Signature));
    let none = format!("{}.{}.", b64(r#"{"alg":"none"}"#), b64(claims().to_string()));
    assert_eq!(verify(&none, &settings(), &issuer.keys(), NOW), Err(TokenError::Algorithm));
}

#[test]
fn a_part_has_one_text() {
    let issuer = Issuer::new();
    let answer = |token: &str| verify(token, &settings(), &issuer.keys(), NOW).map(drop);
    let good = issuer.sign(&header().to_string(), &claims().to_string());
    // Of 64 bytes the last of 86 characters has four unused bits.
    let (rest, last) = good.split_at(good.len() - 1);
    assert!(matches!(last, "A" | "Q" | "g" | "w"));
    for other in "BRhxPfv".chars() {
        assert_eq!(answer(&format!("{rest}{other}")), Err(TokenError::Malformed), "{other}");
    }
    for padded in ["=", "==", "\n", " ", "\u{0}", "A"] {
        assert!(answer(&format!("{good}{padded}")).is_err(), "{padded:?}");
    }
    // The issuer itself signs over another text of its header or claims.
    let (header, claims) = (b64(header().to_string()), b64(format!("{} ", claims())));
    for message in [
        format!("{header}=.{claims}"),
        format!("{header}==.{claims}"),
        format!("{header}.{claims}="),
        format!("{header}.{claims}=="),
        format!("{header}.{claims}\n"),
        format!("{header}.{}", claims.replacen('e', "+", 1)),
        format!("{header}.{}", &claims[..claims.len() - 1]),
        format!("{header}..{claims}"),
        format!(".{claims}"),
        format!("{header}."),
    ] {
        assert_eq!(answer(&issuer.sign_message(&message)), Err(TokenError::Malformed), "{message}");
    }
}

#[test]
fn unused_bits_of_signed_parts_are_zero() {
    let issuer = Issuer::new();
    let answer = |message: String| verify(&issuer.sign_message(&message), &settings(), &issuer.keys(), NOW).map(drop);
    // Padded with spaces, so that one byte stands alone in the last group: `}` or a space, then four unused bits.
    let padded = |text: String| format!("{text}{}", " ".repeat((3 - text.len() % 3) % 3 + 1));
    let (header, claims) = (b64(padded(header().to_string())), b64(padded(claims().to_string())));
    assert!(header.ends_with("IA") && claims.ends_with("IA"), "a space alone is `IA`");
    let other = |part: &str| format!("{}B", &part[..part.len() - 1]);
    assert_eq!(answer(format!("{header}.{claims}")), Ok(()));
    assert_eq!(answer(format!("{}.{claims}", other(&header))), Err(TokenError::Malformed));
    assert_eq!(answer(format!("{header}.{}", other(&claims))), Err(TokenError::Malformed));
}

#[test]
fn a_token_has_at_most_16_kib() {
    let issuer = Issuer::new();
    let answer = |fill: usize| {
        let claims = with(claims(), "fill", json!("f".repeat(fill)));
        let token = issuer.sign(&header().to_string(), &claims.to_string());
        (token.len(), verify(&token, &settings(), &issuer.keys(), NOW).map(drop))
    };
    let (small, (length, over)) = (answer(11_000).1, answer(13_000));
    assert_eq!(small, Ok(()));
    assert!(length > 16 * 1024);
    assert_eq!(over, Err(TokenError::Malformed));
}

#[test]
fn no_keys_verify_nothing() {
    let token = Issuer::new().sign(&header().to_string(), &claims().to_string());
    assert_eq!(verify(&token, &settings(), &KeySet::default(), NOW), Err(TokenError::UnknownKey));
    let nameless = Issuer::new().sign(&with(header(), "kid", Value::Null).to_string(), &claims().to_string());
    assert_eq!(verify(&nameless, &settings(), &KeySet::default(), NOW), Err(TokenError::UnknownKey));
}

proptest! {
    #[test]
    fn no_text_is_a_token_by_chance(token in "[a-zA-Z0-9_.=-]{0,80}") {
        let keys = Issuer::new().keys();
        prop_assert!(verify(&token, &settings(), &keys, NOW).is_err());
    }
}
