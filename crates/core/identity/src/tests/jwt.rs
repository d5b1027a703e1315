//! JWT-SVIDs: what is issued is verified, and every forgery that must be refused.

use super::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;
use serde_json::{Value, json};

fn bundle(key: &JwtKey) -> JwtBundle {
    JwtBundle { trust_domain: domain(), keys: vec![key.authority().clone()], sequence: 1, refresh_hint_s: 60 }
}

fn audiences() -> Vec<String> {
    vec!["ledger".to_owned(), "spiffe://acme.example/ledger".to_owned()]
}

fn token(key: &JwtKey) -> String {
    let terms = JwtTerms { audiences: &audiences(), ttl_s: JwtKey::TTL_S, now: NOW };
    key.issue(&domain(), &orders(), &terms).unwrap()
}

/// A token with any header and claims, well signed.
fn forge(key: &JwtKey, header: Value, claims: Value) -> String {
    let part = |value: Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let signed = format!("{}.{}", part(header), part(claims));
    let asn1 = key.private().sign(signed.as_bytes()).unwrap();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(pair(&asn1)))
}

fn pair(asn1: &[u8]) -> Vec<u8> {
    let number = |at: usize| {
        let digits = &asn1[at + 2..at + 2 + usize::from(asn1[at + 1])];
        let digits = if digits.len() > 32 { &digits[1..] } else { digits };
        [vec![0; 32 - digits.len()], digits.to_vec()].concat()
    };
    [number(2), number(4 + usize::from(asn1[3]))].concat()
}

fn header(key: &JwtKey) -> Value {
    json!({ "alg": "ES256", "kid": key.authority().kid, "typ": "JWT" })
}

fn claims() -> Value {
    json!({ "sub": "spiffe://acme.example/orders", "aud": ["ledger"], "exp": NOW + 300, "iat": NOW })
}

fn with(mut value: Value, name: &str, to: Value) -> Value {
    value[name] = to;
    value
}

fn without(mut value: Value, name: &str) -> Value {
    value.as_object_mut().unwrap().remove(name);
    value
}

#[test]
fn an_issued_token_is_its_workload_for_each_of_its_audiences() {
    let key = JwtKey::generate().unwrap();
    for audience in audiences() {
        let svid = JwtSvid::verify(&token(&key), &bundle(&key), &audience, NOW).unwrap();
        assert_eq!((svid.id, svid.expires_at), (orders(), NOW + 300));
    }
    assert_eq!(JwtSvid::unverified_trust_domain(&token(&key)), Ok("acme.example".to_owned()));
}

#[test]
fn what_no_token_is_issued_for() {
    let key = JwtKey::generate().unwrap();
    let issue = |audiences: &[String], ttl_s| key.issue(&domain(), &orders(), &JwtTerms { audiences, ttl_s, now: NOW });
    assert_eq!(issue(&[], 300), Err(JwtIssueError::Audiences(0)));
    assert_eq!(issue(&[String::new()], 300), Err(JwtIssueError::Audiences(1)));
    assert_eq!(issue(&vec!["a".to_owned(); 17], 300), Err(JwtIssueError::Audiences(17)));
    assert_eq!(issue(&["a".repeat(2049)], 300), Err(JwtIssueError::Audiences(1)));
    for ttl_s in [0, 3601] {
        assert_eq!(issue(&audiences(), ttl_s), Err(JwtIssueError::Life(ttl_s)));
    }
    let foreign = id("spiffe://other.example/orders");
    let terms = JwtTerms { audiences: &audiences(), ttl_s: 300, now: NOW };
    assert_eq!(key.issue(&domain(), &foreign, &terms), Err(JwtIssueError::WrongTrustDomain(foreign)));
}

#[test]
fn the_unchanged_forgery_is_good_so_that_the_others_fail_for_their_one_change() {
    let key = JwtKey::generate().unwrap();
    let answer = |header, claims| JwtSvid::verify(&forge(&key, header, claims), &bundle(&key), "ledger", NOW).map(drop);
    assert_eq!(answer(header(&key), claims()), Ok(()));
    assert_eq!(answer(without(header(&key), "typ"), claims()), Ok(()));
    assert_eq!(answer(with(header(&key), "typ", json!("JOSE")), claims()), Ok(()));
    assert_eq!(answer(header(&key), with(claims(), "aud", json!("ledger"))), Ok(()));
    assert_eq!(answer(header(&key), with(claims(), "exp", json!(NOW as f64 + 0.5))), Ok(()));
    assert_eq!(answer(header(&key), without(claims(), "iat")), Ok(()));
}

#[test]
fn a_header_that_is_not_a_jwt_svids_is_refused() {
    let key = JwtKey::generate().unwrap();
    let answer = |header| JwtSvid::verify(&forge(&key, header, claims()), &bundle(&key), "ledger", NOW).map(drop);
    for alg in ["none", "None", "HS256", "EdDSA", "", "es256"] {
        assert_eq!(answer(with(header(&key), "alg", json!(alg))), Err(JwtError::Algorithm), "{alg}");
    }
    for alg in ["RS256", "ES384", "PS256"] {
        assert_eq!(answer(with(header(&key), "alg", json!(alg))), Err(JwtError::Signature), "{alg}");
    }
    assert_eq!(answer(with(header(&key), "typ", json!("at+jwt"))), Err(JwtError::Type));
    assert_eq!(answer(with(header(&key), "crit", json!(["b64"]))), Err(JwtError::Critical));
    assert_eq!(answer(without(header(&key), "kid")), Err(JwtError::UnknownKey(domain())));
    assert_eq!(answer(with(header(&key), "kid", json!("x"))), Err(JwtError::UnknownKey(domain())));
    assert_eq!(answer(json!([])), Err(JwtError::Malformed));
}

#[test]
fn claims_that_say_too_little_or_another_thing_are_refused() {
    let key = JwtKey::generate().unwrap();
    let answer = |claims| JwtSvid::verify(&forge(&key, header(&key), claims), &bundle(&key), "ledger", NOW).map(drop);
    let foreign = id("spiffe://other.example/orders");
    let wrong = JwtError::WrongTrustDomain { id: foreign.clone(), trust_domain: domain() };
    assert_eq!(answer(with(claims(), "sub", json!(foreign.as_str()))), Err(wrong));
    for sub in ["orders", "spiffe://acme.example", "https://acme.example/orders", "spiffe://acme.example/a%2fb"] {
        assert!(matches!(answer(with(claims(), "sub", json!(sub))), Err(JwtError::Subject(_))), "{sub}");
    }
    for aud in [json!("other"), json!([]), json!(null), json!(["ledger", 5]), json!({ "ledger": 1 }), json!("LEDGER")] {
        assert_eq!(answer(with(claims(), "aud", aud.clone())), Err(JwtError::Audience), "{aud}");
    }
    assert_eq!(answer(without(claims(), "aud")), Err(JwtError::Audience));
    for exp in [json!("9999999999"), json!(null), json!(-1), json!(1e300)] {
        assert_eq!(answer(with(claims(), "exp", exp.clone())), Err(JwtError::Malformed), "{exp}");
    }
    assert_eq!(answer(without(claims(), "exp")), Err(JwtError::Malformed));
    assert_eq!(answer(without(claims(), "sub")), Err(JwtError::Malformed));
    assert_eq!(answer(with(claims(), "nbf", json!(NOW + 61))), Err(JwtError::NotYetValid(NOW + 61)));
    assert_eq!(answer(with(claims(), "iat", json!(NOW + 61))), Err(JwtError::NotYetValid(NOW + 61)));
}

#[test]
fn no_expired_token_is_accepted_beyond_a_minute() {
    let key = JwtKey::generate().unwrap();
    let at = |now| JwtSvid::verify(&token(&key), &bundle(&key), "ledger", now).map(drop);
    assert_eq!(at(NOW + 359), Ok(()));
    assert_eq!(at(NOW + 360), Err(JwtError::Expired(NOW + 300)));
    assert_eq!(at(NOW - 60), Ok(()));
    assert_eq!(at(NOW - 61), Err(JwtError::NotYetValid(NOW)));
}

#[test]
fn another_key_of_the_same_name_signed_nothing() {
    let (key, thief) = (JwtKey::generate().unwrap(), JwtKey::generate().unwrap());
    let stolen = forge(&thief, header(&key), claims());
    assert_eq!(JwtSvid::verify(&stolen, &bundle(&key), "ledger", NOW), Err(JwtError::Signature));
    assert_eq!(JwtSvid::verify(&token(&thief), &bundle(&key), "ledger", NOW), Err(JwtError::UnknownKey(domain())));
}

#[test]
fn texts_that_are_no_token_are_refused() {
    let key = JwtKey::generate().unwrap();
    let good = token(&key);
    for text in
        ["", ".", "..", "a.b", "a.b.c", "a.b.c.d", &format!("{good}."), &format!(" {good}"), &format!("{good}=")]
    {
        assert!(JwtSvid::verify(text, &bundle(&key), "ledger", NOW).is_err(), "{text}");
    }
    let large = "a".repeat(16 * 1024 + 1);
    assert_eq!(JwtSvid::verify(&large, &bundle(&key), "ledger", NOW), Err(JwtError::TooLarge));
    let twice = format!("{{\"alg\":\"ES256\",\"alg\":\"none\",\"kid\":\"{}\"}}", key.authority().kid);
    let part = URL_SAFE_NO_PAD.encode(twice);
    let rest = good.split_once('.').unwrap().1;
    assert_eq!(JwtSvid::verify(&format!("{part}.{rest}"), &bundle(&key), "ledger", NOW), Err(JwtError::Malformed));
}

#[test]
fn a_bundle_is_read_as_it_is_written() {
    let (one, two) = (JwtKey::generate().unwrap(), JwtKey::generate().unwrap());
    let keys = vec![one.authority().clone(), two.authority().clone()];
    let bundle = JwtBundle { trust_domain: domain(), keys, sequence: 7, refresh_hint_s: 300 };
    assert_eq!(JwtBundle::parse(&domain(), &bundle.to_jwks()), Ok(bundle.clone()));
    let jwks: Value = serde_json::from_str(&bundle.to_jwks()).unwrap();
    assert_eq!((&jwks["spiffe_sequence"], &jwks["spiffe_refresh_hint"]), (&json!(7), &json!(300)));
    assert_eq!((&jwks["keys"][0]["use"], &jwks["keys"][0]["crv"]), (&json!("jwt-svid"), &json!("P-256")));
    assert!(JwtSvid::verify(&token(&two), &bundle, "ledger", NOW).is_ok());
}

#[test]
fn keys_of_another_use_are_passed_over_and_bad_documents_refused() {
    let key = JwtKey::generate().unwrap();
    let jwk = key.authority().to_jwk();
    let parse = |keys: Value| JwtBundle::parse(&domain(), &json!({ "keys": keys }).to_string());
    let count = |keys: Value| parse(keys).unwrap().keys.len();
    assert_eq!(count(json!([jwk])), 1);
    for (name, value) in [
        ("use", json!("x509-svid")),
        ("use", json!(null)),
        ("kid", json!("")),
        ("kid", json!(null)),
        ("crv", json!("P-521")),
        ("kty", json!("oct")),
        ("x", json!("AAAA")),
        ("y", json!("not base64")),
    ] {
        assert_eq!(count(json!([with(jwk.clone(), name, value)])), 0, "{name}");
    }
    assert!(parse(json!([jwk, jwk])).is_err());
    assert!(parse(json!({})).is_err());
    assert!(parse(json!(vec![json!({}); 65])).is_err());
    assert!(JwtBundle::parse(&domain(), "[").is_err());
    assert!(JwtBundle::parse(&domain(), &" ".repeat(300_000)).is_err());
}

/// RFC 7515 appendix A.2: an RSA key, and what it signed.
#[test]
fn an_rsa_key_verifies_its_own_algorithms_alone() {
    let n = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJrcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-bSf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9kG4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    let jwk = json!({ "kty": "RSA", "n": n, "e": "AQAB", "kid": "r", "use": "jwt-svid" });
    let bundle = JwtBundle::parse(&domain(), &json!({ "keys": [jwk] }).to_string()).unwrap();
    assert_eq!(JwtBundle::parse(&domain(), &bundle.to_jwks()), Ok(bundle));
}

proptest! {
    #[test]
    fn no_text_makes_the_parsers_panic(text in ".{0,200}", json in "[\\[\\]{}\",:a-z0-9]{0,60}") {
        let key = JwtKey::generate().unwrap();
        let part = URL_SAFE_NO_PAD.encode(&json);
        for token in [text.clone(), format!("{part}.{part}.{part}"), format!("{}.{part}.", URL_SAFE_NO_PAD.encode("{\"alg\":\"ES256\"}"))] {
            prop_assert!(JwtSvid::verify(&token, &bundle(&key), "ledger", NOW).is_err());
        }
        let _ = JwtBundle::parse(&domain(), &text);
    }

    #[test]
    fn a_changed_character_anywhere_is_refused(at in 0_usize..300, to in "[A-Za-z0-9_-]") {
        let key = JwtKey::generate().unwrap();
        let good = token(&key);
        let at = at % good.len();
        let changed = format!("{}{to}{}", &good[..at], &good[at + 1..]);
        prop_assume!(changed != good);
        prop_assert!(JwtSvid::verify(&changed, &bundle(&key), "ledger", NOW).is_err());
    }
}
