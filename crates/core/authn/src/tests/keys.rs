//! Which keys of an issuer are used, and for what.

use super::*;
use aws_lc_rs::signature::Ed25519KeyPair;

/// Why a set of this one key is refused; none when the key is used.
fn refused(jwk: Value) -> Option<JwksError> {
    set(json!([jwk])).err()
}

fn rsa(modulus: &[u8], exponent: &[u8]) -> Value {
    json!({"kty": "RSA", "n": b64(modulus), "e": b64(exponent)})
}

/// An odd modulus of so many bytes, with this first one.
fn modulus(first: u8, bytes: usize) -> Vec<u8> {
    let mut modulus = vec![0xff; bytes];
    modulus[0] = first;
    modulus
}

#[test]
fn a_key_set_keeps_what_it_can_use() {
    let key = Issuer::new().jwk();
    let parse = |keys: Value| set(keys).err();
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
fn a_document_with_two_readings_is_no_key_set() {
    let jwk = Issuer::new().jwk().to_string();
    let (same, other) = (jwk.replacen('{', r#"{"kid":"k0","#, 1), r#"{"kty":"oct"}"#);
    for document in [
        format!(r#"{{"keys":[{jwk}],"keys":[{other}]}}"#),
        format!(r#"{{"keys":[{other},{same}]}}"#),
        format!(r#"[{jwk}]"#),
        format!(r#"{{"keys":{jwk}}}"#),
        format!(r#"{{"Keys":[{jwk}]}}"#),
        format!(r#"{{"keys":[{jwk}]}}]"#),
    ] {
        assert_eq!(KeySet::parse(document.as_bytes()).err(), Some(JwksError::Malformed), "{document}");
    }
    assert!(KeySet::parse(format!(r#"{{"keys":[null,1,[],"key",{jwk}]}}"#).as_bytes()).is_ok());
}

#[test]
fn a_member_of_another_type_does_not_count_as_absent() {
    for (key, value) in [
        ("use", json!(["enc"])),
        ("use", json!("Sig")),
        ("use", json!(1)),
        ("alg", json!(["HS256"])),
        ("alg", json!("es256")),
        ("kid", json!(1)),
        ("kty", json!("ec")),
        ("crv", json!("P-384")),
        ("crv", json!("p-256")),
        ("crv", json!(["P-256"])),
        ("key_ops", json!("verify")),
        ("key_ops", json!([])),
        ("key_ops", json!(["sign"])),
        ("key_ops", json!({"verify": true})),
    ] {
        assert_eq!(refused(with(Issuer::new().jwk(), key, value.clone())), Some(JwksError::NoKeys), "{key} {value}");
    }
    let mut null = Issuer::new().jwk();
    null["use"] = Value::Null;
    assert_eq!(refused(null), Some(JwksError::NoKeys));
    assert_eq!(refused(with(Issuer::new().jwk(), "key_ops", json!(["verify", "sign"]))), None);
}

#[test]
fn a_key_whose_private_half_is_published_is_not_used() {
    for name in ["d", "p", "q", "dp", "dq", "qi", "oth", "k"] {
        assert_eq!(refused(with(Issuer::new().jwk(), name, json!("AQ"))), Some(JwksError::NoKeys), "{name}");
    }
}

#[test]
fn a_point_off_the_curve_is_no_key() {
    let good = Issuer::new().jwk();
    // The prime of the field: no coordinate is as large (SEC 1 §2.3.5).
    let prime = [
        [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
    ]
    .concat();
    for (x, y) in [
        (json!(b64([0; 32])), json!(b64([0; 32]))),
        (json!(b64(&prime)), json!(b64(&prime))),
        (json!(b64([0xff; 32])), good["y"].clone()),
        (good["x"].clone(), good["x"].clone()),
        (good["x"].clone(), Issuer::new().jwk()["y"].clone()),
        (good["x"].clone(), json!("")),
        (good["x"].clone(), json!(b64([1; 33]))),
    ] {
        let jwk = with(with(good.clone(), "x", x.clone()), "y", y.clone());
        assert_eq!(refused(jwk), Some(JwksError::NoKeys), "{x} {y}");
    }
}

#[test]
fn a_coordinate_has_one_text() {
    let good = Issuer::new().jwk();
    let x = good["x"].as_str().unwrap();
    // Of the last of 43 characters two bits are unused.
    let last = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let at = last.iter().position(|b| Some(b) == x.as_bytes().last()).unwrap();
    for other in [
        format!("{}{}", &x[..42], char::from(last[at + 1])),
        format!("{x}="),
        format!("{x}\n"),
        format!(" {x}"),
        format!("+{}", &x[1..]),
        format!("/{}", &x[1..]),
    ] {
        assert_eq!(refused(with(good.clone(), "x", json!(other))), Some(JwksError::NoKeys), "{other:?}");
    }
}

#[test]
fn an_rsa_modulus_has_2048_to_8192_bits() {
    const E: [u8; 3] = [1, 0, 1];
    assert_eq!(refused(rsa(&modulus(0x80, 256), &E)), None);
    assert_eq!(refused(rsa(&modulus(0x01, 257), &E)), None);
    assert_eq!(refused(rsa(&modulus(0xff, 1024), &E)), None);
    let even = [modulus(0xff, 255), vec![0xfe]].concat();
    let padded = [vec![0], modulus(0xff, 256)].concat();
    let hidden = [vec![0; 128], modulus(0xff, 128)].concat();
    for bad in
        [modulus(0x7f, 256), modulus(0x01, 1025), modulus(0xff, 4096), even, padded, hidden, vec![0; 256], vec![]]
    {
        assert_eq!(refused(rsa(&bad, &E)), Some(JwksError::NoKeys), "{} bytes", bad.len());
    }
}

#[test]
fn an_rsa_exponent_is_odd_and_neither_small_nor_large() {
    let modulus = modulus(0xff, 256);
    assert_eq!(refused(rsa(&modulus, &[1, 0, 1])), None);
    assert_eq!(refused(rsa(&modulus, &[0xff, 0xff, 0xff, 0xff])), None);
    for e in [
        &[][..],
        &[0],
        &[1],
        &[3],
        &[17],
        &[0xff, 0xff],
        &[1, 0, 0],
        &[1, 0, 2],
        &[0, 1, 0, 1],
        &[1, 0, 0, 0, 1],
        &[0xff; 256],
    ] {
        assert_eq!(refused(rsa(&modulus, e)), Some(JwksError::NoKeys), "{e:?}");
    }
}

#[test]
fn a_key_of_small_order_is_not_used() {
    let ed = |x: &[u8]| json!({"kty": "OKP", "crv": "Ed25519", "x": b64(x)});
    let ends = |first: u8, between: u8, last: u8| [vec![first], vec![between; 30], vec![last]].concat();
    let mut bad = vec![ends(0, 0, 0), ends(1, 0, 0), ends(0, 0, 0x80), ends(1, 0, 0x80)];
    for last in [0x7f, 0xff] {
        bad.extend([0xec, 0xed, 0xee].map(|first| ends(first, 0xff, last)));
    }
    for text in [
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    ] {
        let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).unwrap();
        bad.push((0..64).step_by(2).map(byte).collect());
    }
    for x in bad {
        assert_eq!(refused(ed(&x)), Some(JwksError::NoKeys), "{x:02x?}");
    }
    assert_eq!(refused(ed(&[1; 31])), Some(JwksError::NoKeys));
    assert_eq!(refused(with(ed(&[9; 32]), "crv", json!("X25519"))), Some(JwksError::NoKeys));
    assert_eq!(refused(ed(Ed25519KeyPair::generate().unwrap().public_key().as_ref())), None);
}

#[test]
fn keys_without_an_id_or_with_an_empty_one_are_told_apart() {
    let issuers: Vec<Issuer> = (0..2).map(|_| Issuer::new()).collect();
    let jwks = |kid: Value| set(issuers.iter().map(|one| with(one.jwk(), "kid", kid.clone())).collect()).unwrap();
    let token = |kid: Value| issuers[1].sign(&with(header(), "kid", kid).to_string(), &claims().to_string());
    let answer = |keys: &KeySet, kid: Value| verify(&token(kid), &settings(), keys, NOW).map(drop);
    let (empty, absent) = (jwks(json!("")), jwks(Value::Null));
    assert_eq!(answer(&empty, json!("")), Ok(()), "each key of the id is tried");
    assert_eq!(answer(&empty, Value::Null), Ok(()));
    assert_eq!(answer(&absent, Value::Null), Ok(()));
    assert_eq!(answer(&absent, json!("")), Err(TokenError::UnknownKey), "an empty id is an id");
    let forged = Issuer::new().sign(&with(header(), "kid", json!("")).to_string(), &claims().to_string());
    assert_eq!(verify(&forged, &settings(), &empty, NOW), Err(TokenError::Signature));
}

#[test]
fn at_most_four_keys_are_tried_for_a_token() {
    let issuers: Vec<Issuer> = (0..5).map(|_| Issuer::new()).collect();
    let keys = |count: usize, named: bool| {
        let kid = |at: usize| if named { json!(at.to_string()) } else { json!("k1") };
        set(issuers.iter().take(count).enumerate().map(|(at, one)| with(one.jwk(), "kid", kid(at))).collect()).unwrap()
    };
    let answer = |keys: &KeySet, header: Value| {
        verify(&issuers[3].sign(&header.to_string(), &claims().to_string()), &settings(), keys, NOW).map(drop)
    };
    let nameless = || with(header(), "kid", Value::Null);
    assert_eq!(answer(&keys(4, true), nameless()), Ok(()));
    assert_eq!(answer(&keys(5, true), nameless()), Err(TokenError::ManyKeys));
    assert_eq!(answer(&keys(5, true), with(header(), "kid", json!("3"))), Ok(()));
    assert_eq!(answer(&keys(4, false), header()), Ok(()));
    assert_eq!(answer(&keys(5, false), header()), Err(TokenError::ManyKeys), "five keys of one id");
    assert_eq!(answer(&keys(5, true), with(nameless(), "alg", json!("EdDSA"))), Err(TokenError::Signature));
}
