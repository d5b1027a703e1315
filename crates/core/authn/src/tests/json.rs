//! JSON that two readers would read differently, or that one would choke on.

use super::*;

/// So many lists inside one another.
fn deep(levels: usize) -> String {
    format!("{}{}", "[".repeat(levels), "]".repeat(levels))
}

#[test]
fn a_key_that_stands_twice_at_any_level_is_refused() {
    for (once, twice) in [
        (r#""sub":"u1""#, r#""sub":"u1","sub":"admin""#),
        (r#""sub":"u1""#, r#""sub":"u1","sub":"u1""#),
        (r#""sub":"u1""#, r#""sub":"u1","s\u0075b":"admin""#),
        (r#""roles":["staff"]"#, r#""roles":["staff"],"roles":["admin"]"#),
        (r#""roles":["staff"]"#, r#""roles":["staff"],"unused":[{"a":[{"b":1,"b":2}]}]"#),
    ] {
        let claims = claims().to_string();
        assert!(claims.contains(once));
        assert_eq!(with_claims(&claims.replace(once, twice)), Err(TokenError::Malformed), "{twice}");
    }
    for twice in [r#""alg":"none","alg":"ES256""#, r#""alg":"ES256","jwk":{"kty":"EC","kty":"oct"}"#] {
        let header = header().to_string().replace(r#""alg":"ES256""#, twice);
        assert_eq!(with_header(&header), Err(TokenError::Malformed), "{twice}");
    }
}

#[test]
fn keys_of_different_objects_are_not_the_same() {
    let claims = with(claims(), "extra", json!([{"sub": 1, "a": {"sub": 2}}, {"sub": 3}]));
    assert!(with_claims(&claims.to_string()).is_ok());
    let cases = with(super::claims(), "SUB", json!("admin"));
    assert_eq!(with_claims(&cases.to_string()).map(|verified| verified.principal.subject), Ok("u1".into()));
}

#[test]
fn json_deeper_than_64_is_refused() {
    let extra = |levels: usize| claims().to_string().replacen('{', &format!(r#"{{"extra":{},"#, deep(levels)), 1);
    assert!(with_claims(&extra(63)).is_ok(), "with the object itself, 64");
    assert_eq!(with_claims(&extra(64)), Err(TokenError::Malformed));
    let header = header().to_string().replacen('{', &format!(r#"{{"extra":{},"#, deep(5000)), 1);
    assert_eq!(with_header(&header), Err(TokenError::Malformed));
    assert_eq!(KeySet::parse(deep(120_000).as_bytes()).err(), Some(JwksError::Malformed));
}

#[test]
fn what_is_no_object_or_not_only_one_is_refused() {
    let good = claims().to_string();
    for claims in [
        "",
        "null",
        "[]",
        "{",
        "{}{}",
        r#""text""#,
        &format!("{good}x"),
        &format!("{good}{good}"),
        &format!("[{good}]"),
        &format!("\u{feff}{good}"),
        &format!("{good}\u{0}"),
        &good.replace("\"u1\"", "'u1'"),
        &good.replace("\"u1\"", r#""\ud800""#),
        &good.replace("\"u1\"", "\"u1\"/**/"),
        &good.replace("\"u1\"", "NaN"),
        &good.replace('}', ",}"),
    ] {
        assert_eq!(with_claims(claims), Err(TokenError::Malformed), "{claims}");
    }
    assert!(with_claims(&format!(" \r\n\t{good} \n")).is_ok(), "space around is JSON");
}

#[test]
fn bytes_that_are_no_utf_8_are_refused() {
    let issuer = Issuer::new();
    let mut claims = claims().to_string().into_bytes();
    let at = claims.windows(4).position(|window| window == b"\"u1\"").unwrap();
    claims[at + 1] = 0xff;
    let message = format!("{}.{}", b64(header().to_string()), b64(claims));
    let token = issuer.sign_message(&message);
    assert_eq!(verify(&token, &settings(), &issuer.keys(), NOW), Err(TokenError::Malformed));
}
