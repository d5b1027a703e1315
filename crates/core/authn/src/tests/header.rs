//! What the header says, which the forger writes.

use super::*;

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
fn an_algorithm_is_named_exactly() {
    for alg in
        ["es256", "ES256 ", " ES256", "ES256\u{0}", "NONE", "nOnE", "", "ES384", "PS256", "HS512", "eddsa", "Ed25519"]
    {
        assert_eq!(with_header(&with(header(), "alg", json!(alg)).to_string()), Err(TokenError::Algorithm), "{alg:?}");
    }
    for alg in ["null", "256", "true", r#"{"ES256":1}"#] {
        let header = header().to_string().replace("\"ES256\"", alg);
        assert_eq!(with_header(&header), Err(TokenError::Algorithm), "{alg}");
    }
}

#[test]
fn a_key_verifies_its_own_algorithm_alone() {
    for alg in ["RS256", "EdDSA"] {
        assert_eq!(with_header(&with(header(), "alg", json!(alg)).to_string()), Err(TokenError::Signature), "{alg}");
    }
}

#[test]
fn a_type_is_a_media_type_in_any_case() {
    for typ in ["at+jwt", "AT+JWT", "JWT", "jwt", "application/at+jwt", "Application/AT+jwt"] {
        assert!(with_header(&with(header(), "typ", json!(typ)).to_string()).is_ok(), "{typ}");
    }
    assert!(with_header(&with(header(), "typ", Value::Null).to_string()).is_ok(), "none is `jwt`");
    for typ in
        ["", "application/", "application/application/jwt", "text/jwt", "jwt ", "at+jwt;v=1", "jose", "ſecevent+jwt"]
    {
        assert_eq!(with_header(&with(header(), "typ", json!(typ)).to_string()), Err(TokenError::Type), "{typ:?}");
    }
}

#[test]
fn a_type_that_is_no_text_is_not_taken_for_none() {
    for typ in ["null", "1", r#"["dpop+jwt"]"#, r#"{"jwt":1}"#] {
        let header = header().to_string().replace("\"at+jwt\"", typ);
        assert_eq!(with_header(&header), Err(TokenError::Type), "{typ}");
    }
}

#[test]
fn a_key_id_that_is_no_text_is_not_taken_for_none() {
    for kid in ["null", "1", r#"["k1"]"#, r#"{"k1":1}"#, "false"] {
        let header = header().to_string().replace("\"k1\"", kid);
        assert_eq!(with_header(&header), Err(TokenError::Malformed), "{kid}");
    }
}

#[test]
fn a_key_id_is_short_and_exact() {
    let of = |kid: String| with_header(&with(header(), "kid", json!(kid)).to_string());
    assert_eq!(of("k".repeat(512)), Err(TokenError::UnknownKey));
    assert_eq!(of("k".repeat(513)), Err(TokenError::Malformed));
    for kid in ["K1", "k1 ", "k1\u{0}", "", "k1' OR '1'='1"] {
        assert_eq!(of(kid.to_owned()), Err(TokenError::UnknownKey), "{kid:?}");
    }
}

#[test]
fn any_critical_extension_is_refused() {
    for crit in [json!([]), json!(["b64"]), json!("exp"), json!({})] {
        let header = with(with(header(), "b64", json!(false)), "crit", crit.clone());
        assert_eq!(with_header(&header.to_string()), Err(TokenError::Critical), "{crit}");
    }
    let null = header().to_string().replacen('{', r#"{"crit":null,"#, 1);
    assert_eq!(with_header(&null), Err(TokenError::Critical));
}
