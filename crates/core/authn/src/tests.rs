//! Each way to forge a token, and the three ways to make a good one. Keys are made when the tests run.

use crate::*;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use selvedge_model::Name;
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

struct Issuer(EcdsaKeyPair);

impl Issuer {
    fn new() -> Issuer {
        Issuer(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        json!({"kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "x": b64(&point[1..33]), "y": b64(&point[33..])})
    }

    fn keys(&self) -> KeySet {
        KeySet::parse(json!({ "keys": [self.jwk()] }).to_string().as_bytes()).unwrap()
    }

    fn sign(&self, header: &str, claims: &str) -> String {
        let message = format!("{}.{}", b64(header), b64(claims));
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", b64(signature))
    }
}

fn settings() -> IssuerSettings {
    IssuerSettings {
        name: Name::parse("corporate").unwrap(),
        url: "https://idp.example".into(),
        audiences: vec!["https://api.example".into()],
        token_types: vec!["at+jwt".into(), "jwt".into()],
        groups_claim: vec!["realm_access".into(), "roles".into()],
    }
}

fn header() -> Value {
    json!({"alg": "ES256", "typ": "at+jwt", "kid": "k1"})
}

fn claims() -> Value {
    json!({
        "iss": "https://idp.example", "aud": ["https://api.example"], "sub": "u1", "exp": NOW + 300, "iat": NOW,
        "scope": "orders:read orders:write", "realm_access": {"roles": ["staff"]},
    })
}

/// A value with one key changed, or removed by null.
fn with(mut value: Value, key: &str, to: Value) -> Value {
    let object = value.as_object_mut().unwrap();
    if to.is_null() {
        drop(object.remove(key))
    } else {
        drop(object.insert(key.to_owned(), to))
    }
    value
}

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
fn a_claim_that_is_wrong_is_refused() {
    use TokenError as E;
    let issuer = Issuer::new();
    for (key, value, error) in [
        ("iss", json!("https://idp.example/"), E::Issuer),
        ("iss", Value::Null, E::Issuer),
        ("aud", json!("https://other.example"), E::Audience),
        ("aud", json!([]), E::Audience),
        ("aud", Value::Null, E::Audience),
        ("exp", json!(NOW - 61), E::Expired),
        ("exp", json!("9999999999"), E::Expired),
        ("exp", json!(-1), E::Expired),
        ("exp", Value::Null, E::Expired),
        ("nbf", json!(NOW + 61), E::NotYetValid),
        ("nbf", json!("0"), E::NotYetValid),
        ("iat", json!(NOW + 61), E::NotYetValid),
        ("sub", Value::Null, E::Subject),
        ("sub", json!(""), E::Subject),
        ("sub", json!("a\nb"), E::Subject),
        ("sub", json!("s".repeat(256)), E::Subject),
    ] {
        let token = issuer.sign(&header().to_string(), &with(claims(), key, value.clone()).to_string());
        assert_eq!(verify(&token, &settings(), &issuer.keys(), NOW), Err(error), "{key} {value}");
    }
}

#[test]
fn a_header_that_is_wrong_is_refused() {
    use TokenError as E;
    let issuer = Issuer::new();
    for (key, value, error) in [
        ("alg", json!("none"), E::Algorithm),
        ("alg", json!("None"), E::Algorithm),
        ("alg", json!("HS256"), E::Algorithm),
        ("alg", json!("RS256"), E::Signature),
        ("alg", json!(["ES256"]), E::Algorithm),
        ("alg", Value::Null, E::Algorithm),
        ("typ", json!("dpop+jwt"), E::Type),
        ("crit", json!(["exp"]), E::Critical),
        ("kid", json!("../../k1"), E::UnknownKey),
    ] {
        let token = issuer.sign(&with(header(), key, value.clone()).to_string(), &claims().to_string());
        assert_eq!(verify(&token, &settings(), &issuer.keys(), NOW), Err(error), "{key} {value}");
    }
}

#[test]
fn a_key_that_the_token_brings_is_worth_nothing() {
    let (issuer, forger) = (Issuer::new(), Issuer::new());
    let header = with(with(header(), "jwk", forger.jwk()), "jku", json!("https://forger.example/jwks"));
    let token = forger.sign(&header.to_string(), &claims().to_string());
    assert_eq!(verify(&token, &settings(), &issuer.keys(), NOW), Err(TokenError::Signature));
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
fn a_key_set_keeps_what_it_can_use() {
    let key = Issuer::new().jwk();
    let parse = |keys: Value| KeySet::parse(json!({ "keys": keys }).to_string().as_bytes()).err();
    assert_eq!(parse(json!([{"kty": "oct", "k": "c2VjcmV0"}, key])), None);
    for unusable in [
        json!([]),
        json!([{"kty": "oct", "k": "c2VjcmV0"}]),
        json!([with(key.clone(), "use", json!("enc"))]),
        json!([with(key.clone(), "alg", json!("HS256"))]),
        json!([with(key.clone(), "x", json!("AA"))]),
        json!([{"kty": "RSA", "n": b64([1; 128]), "e": "AQAB"}]),
    ] {
        assert_eq!(parse(unusable), Some(JwksError::NoKeys));
    }
    assert_eq!(parse(Value::Array(vec![key; 65])), Some(JwksError::TooLarge));
    assert_eq!(KeySet::parse(b"{}").err(), Some(JwksError::Malformed));
    assert_eq!(KeySet::parse(&vec![b' '; 300_000]).err(), Some(JwksError::TooLarge));
}

#[test]
fn the_field_carries_one_bearer_token() {
    assert_eq!(bearer(b"bearer abc.def"), Ok("abc.def"));
    for (value, error) in [
        ("Basic dTpw", BearerError::Scheme),
        ("Bearer", BearerError::Scheme),
        ("Bearer ", BearerError::Malformed),
        ("Bearer a b", BearerError::Malformed),
        ("Bearer a,b", BearerError::Malformed),
    ] {
        assert_eq!(bearer(value.as_bytes()), Err(error), "{value}");
    }
    assert_eq!(bearer(format!("Bearer {}", "a".repeat(17_000)).as_bytes()), Err(BearerError::TooLong));
}

proptest! {
    #[test]
    fn no_text_is_a_token_by_chance(token in "[a-zA-Z0-9_.=-]{0,80}") {
        let keys = Issuer::new().keys();
        prop_assert!(verify(&token, &settings(), &keys, NOW).is_err());
    }
}
