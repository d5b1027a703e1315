//! What a signed token says.

use super::*;

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
fn a_date_is_whole_seconds_and_nothing_else() {
    use TokenError as E;
    for date in ["1800000300.0", "1.8000003e9", "-0", "null", "true", "[1800000300]", r#""1800000300""#] {
        for (key, error) in [("exp", E::Expired), ("nbf", E::NotYetValid), ("iat", E::NotYetValid)] {
            let mut claims = claims();
            claims[key] = serde_json::from_str(date).unwrap();
            assert_eq!(with_claims(&claims.to_string()), Err(error), "{key} {date}");
        }
    }
}

#[test]
fn a_date_beyond_the_year_9999_is_none() {
    let until = |exp: &str| {
        let claims = claims().to_string().replace("1800000300", exp);
        with_claims(&claims).map(|verified| verified.expires)
    };
    assert_eq!(until("253402300799"), Ok(253_402_300_799));
    for exp in ["253402300800", "1800000300000", "18446744073709551615", "18446744073709551616", "1e300"] {
        assert_eq!(until(exp), Err(TokenError::Expired), "{exp}");
    }
    assert_eq!(until("1e400"), Err(TokenError::Malformed));
}

#[test]
fn a_token_ends_one_minute_after_its_end() {
    let issuer = Issuer::new();
    let token = issuer.sign(&header().to_string(), &claims().to_string());
    let at = |now| verify(&token, &settings(), &issuer.keys(), now).map(drop);
    assert_eq!(at(NOW + 359), Ok(()));
    assert_eq!(at(NOW + 360), Err(TokenError::Expired));
    assert_eq!(at(u64::MAX), Err(TokenError::Expired));
    assert_eq!(at(NOW - 60), Ok(()));
    assert_eq!(at(NOW - 61), Err(TokenError::NotYetValid));
    assert_eq!(at(0), Err(TokenError::NotYetValid));
}

#[test]
fn an_audience_is_a_text_or_a_list_of_texts() {
    assert!(with_claim("aud", json!("https://api.example")).is_ok());
    assert!(with_claim("aud", json!(["https://other.example", "https://api.example"])).is_ok());
    for audience in [
        json!(["https://api.example", 5]),
        json!(["https://api.example", null]),
        json!([["https://api.example"]]),
        json!({"https://api.example": true}),
        json!(true),
        json!("https://API.example"),
        json!("https://api.example/"),
        json!("https://api.example https://other.example"),
        json!(""),
    ] {
        assert_eq!(with_claim("aud", audience.clone()), Err(TokenError::Audience), "{audience}");
    }
}

#[test]
fn an_issuer_and_a_subject_are_texts() {
    for value in [json!(["https://idp.example"]), json!({"https://idp.example": 1}), json!(1)] {
        assert_eq!(with_claim("iss", value), Err(TokenError::Issuer));
    }
    for value in [json!(["u1"]), json!({"u1": 1}), json!(1), json!(true), json!("u1\u{0}"), json!("u\u{85}1")] {
        assert_eq!(with_claim("sub", value), Err(TokenError::Subject));
    }
}

#[test]
fn scopes_are_what_the_issuer_can_only_have_meant() {
    let scopes = |scope: Value, scp: Value| {
        let claims = with(with(claims(), "scope", scope), "scp", scp);
        let scopes = with_claims(&claims.to_string()).unwrap().principal.scopes;
        scopes.iter().map(|scope| scope.to_string()).collect::<Vec<_>>().join(",")
    };
    let absent = || Value::Null;
    assert_eq!(scopes(json!("a  b "), absent()), "a,b");
    assert_eq!(scopes(json!(""), absent()), "");
    assert_eq!(scopes(absent(), json!("a b")), "a,b");
    assert_eq!(scopes(absent(), json!(["a", "b"])), "a,b");
    assert_eq!(scopes(json!(""), json!("admin")), "", "`scope` is there, so `scp` says nothing");
    assert_eq!(scopes(json!(["a"]), json!("admin")), "");
    assert_eq!(scopes(json!({"a": true}), absent()), "");
    assert_eq!(scopes(json!("a\tb c\nd é e\"f g\\h i"), absent()), "i");
    assert_eq!(scopes(absent(), json!(["a b", "c", ""])), "c");
    assert_eq!(scopes(absent(), json!(["a", 1])), "");
    assert_eq!(scopes(absent(), json!([["a"]])), "");
}

#[test]
fn groups_are_texts_at_the_end_of_the_path() {
    let groups = |access: Value| {
        let groups = with_claim("realm_access", access).unwrap().principal.groups;
        groups.iter().map(|group| group.to_string()).collect::<Vec<_>>().join(",")
    };
    assert_eq!(groups(json!({"roles": "staff"})), "staff");
    assert_eq!(groups(json!({"roles": ["/staff", "domain users"]})), "/staff,domain users");
    for nothing in [
        json!(null),
        json!("roles"),
        json!(["roles"]),
        json!([{"roles": ["staff"]}]),
        json!({"roles": {"staff": true}}),
        json!({"roles": ["staff", {"name": "admin"}]}),
        json!({"roles": [["staff"]]}),
        json!({"roles": ["", "a\nb"]}),
        json!({"Roles": ["staff"]}),
    ] {
        assert_eq!(groups(nothing.clone()), "", "{nothing}");
    }
}

#[test]
fn a_token_with_more_than_256_scopes_or_groups_is_refused() {
    let many = |count: usize| Value::from((0..count).map(|n| n.to_string()).collect::<Vec<_>>());
    let few = with_claim("realm_access", json!({"roles": many(256)})).unwrap();
    assert_eq!(few.principal.groups.len(), 256);
    assert_eq!(with_claim("realm_access", json!({"roles": many(257)})), Err(TokenError::Grants));
    assert_eq!(with_claim("scope", json!("s ".repeat(257))), Err(TokenError::Grants));
}

#[test]
fn a_token_that_is_bound_to_a_key_is_no_bearer_token() {
    for cnf in [json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}), json!({}), json!("x")] {
        assert_eq!(with_claim("cnf", cnf), Err(TokenError::Bound));
    }
}
