//! What an issuer may answer about a token, and each way in which an answer must not count.

use super::{NOW, b64, settings, with};
use crate::{Answer, AnswerError, Shape, TokenError, client_secret_basic, question, read_answer, shape};
use serde_json::{Value, json};

fn answer() -> Value {
    json!({
        "active": true, "token_type": "Bearer", "client_id": "shop", "sub": "u1", "aud": "https://api.example",
        "iss": "https://idp.example", "exp": NOW + 300, "iat": NOW, "scope": "orders:read orders:write",
        "realm_access": {"roles": ["staff"]},
    })
}

fn read(answer: &Value) -> Result<Answer, AnswerError> {
    read_answer(answer.to_string().as_bytes(), &settings(), 30, NOW)
}

fn refused(key: &str, value: Value) -> TokenError {
    match read(&with(answer(), key, value.clone())) {
        Ok(Answer::Refused(error)) => error,
        other => panic!("{key} as {value}: {other:?}"),
    }
}

fn active(answer: &Value) -> crate::Verified {
    match read(answer) {
        Ok(Answer::Active(verified)) => verified,
        other => panic!("{answer}: {other:?}"),
    }
}

#[test]
fn an_active_token_speaks_for_its_user_with_what_it_was_granted() {
    let verified = active(&answer());
    let user = &verified.principal;
    assert_eq!((user.issuer.as_str(), &*user.subject, verified.expires), ("corporate", "u1", NOW + 300));
    assert_eq!(user.scopes, ["orders:read".into(), "orders:write".into()]);
    assert_eq!(user.groups, ["staff".into()]);
}

#[test]
fn what_an_answer_leaves_out_is_filled_in_and_what_it_says_is_kept() {
    assert_eq!(active(&with(answer(), "exp", Value::Null)).expires, NOW + 30);
    assert_eq!(active(&with(answer(), "iss", Value::Null)).expires, NOW + 300);
    let client = active(&with(answer(), "sub", Value::Null));
    assert_eq!(&*client.principal.subject, "client:shop");
    assert_eq!(active(&with(answer(), "token_type", json!("DPoP"))).principal.subject, "u1".into());
}

#[test]
fn what_is_active_and_not_good_for_us_is_refused() {
    use TokenError::{Audience, Expired, Issuer, NotYetValid, Subject, Type};
    for (key, value, error) in [
        ("aud", Value::Null, Audience),
        ("aud", json!("https://other.example"), Audience),
        ("aud", json!(["https://api.example", 1]), Audience),
        ("iss", json!("https://other.example"), Issuer),
        ("iss", json!(1), Issuer),
        ("exp", json!(NOW), Expired),
        ("exp", json!(NOW - 30), Expired),
        ("exp", json!("soon"), Expired),
        ("exp", json!(-1), Expired),
        ("exp", json!(1e40), Expired),
        ("nbf", json!(NOW + 61), NotYetValid),
        ("nbf", json!("now"), NotYetValid),
        ("iat", json!(NOW + 61), NotYetValid),
        ("sub", json!(1), Subject),
        ("sub", json!(""), Subject),
        ("sub", json!("a\nb"), Subject),
        ("sub", json!("client:shop"), Subject),
        ("token_type", Value::Null, Type),
        ("token_type", json!("refresh_token"), Type),
        ("token_type", json!("N_A"), Type),
        ("token_type", json!(["Bearer"]), Type),
        ("token_use", json!("refresh_token"), Type),
        ("token_use", json!(1), Type),
        ("cnf", json!({"x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}), TokenError::Bound),
        ("cnf", json!({"jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"}), TokenError::Bound),
        ("cnf", json!(1), TokenError::Bound),
    ] {
        assert_eq!(refused(key, value.clone()), error, "{key} as {value}");
    }
    let nobody = with(with(answer(), "sub", Value::Null), "client_id", Value::Null);
    assert_eq!(read(&nobody), Ok(Answer::Refused(Subject)));
}

#[test]
fn inactive_is_inactive_whatever_else_is_said() {
    assert_eq!(read(&with(answer(), "active", json!(false))), Ok(Answer::Inactive));
    assert_eq!(read(&json!({"active": false})), Ok(Answer::Inactive));
}

#[test]
fn what_is_no_answer_is_the_issuers_fault_and_lets_nobody_in() {
    let doubled = answer().to_string().replacen('{', "{\"active\":false,", 1);
    let deep = format!("{{\"active\":true,\"a\":{}{}}}", "[".repeat(80), "]".repeat(80));
    let twice_below = r#"{"active":true,"a":{"b":1,"b":2}}"#;
    for text in [
        "",
        "{}",
        "[]",
        "true",
        "{\"active\":1}",
        "{\"active\":\"true\"}",
        "{\"active\":null}",
        "{\"Active\":true}",
        &doubled,
        &deep,
        twice_below,
        &format!("{} {{}}", answer()),
        "{\"active\":true",
        "eyJhbGciOiJFUzI1NiJ9.e30.AA",
    ] {
        assert_eq!(read_answer(text.as_bytes(), &settings(), 30, NOW), Err(AnswerError::Malformed), "{text}");
    }
    assert_eq!(read_answer(b"\xff", &settings(), 30, NOW), Err(AnswerError::Malformed));
    let large = with(answer(), "more", json!("x".repeat(70_000))).to_string();
    assert_eq!(read_answer(large.as_bytes(), &settings(), 30, NOW), Err(AnswerError::TooLarge));
}

#[test]
fn the_shape_of_a_token_says_who_is_asked() {
    let jwt = |header: &str, claims: &str| shape(&format!("{}.{}.c2ln", b64(header), b64(claims)));
    let of = |issuer: &str| Shape::Jwt(Some(issuer.to_owned()));
    assert_eq!(jwt("{\"alg\":\"ES256\"}", "{\"iss\":\"https://a\"}"), of("https://a"));
    for claims in ["{}", "{\"iss\":1}", "not json", "{\"iss\":\"a\",\"iss\":\"b\"}"] {
        assert_eq!(jwt("{\"alg\":\"ES256\"}", claims), Shape::Jwt(None), "{claims}");
    }
    let header = b64("{\"alg\":\"dir\"}");
    for opaque in [
        "",
        "abc",
        "a.b",
        "a.b.c",
        "..",
        "a.b.c.d",
        &format!("{header}.a.b.c.d"),
        &format!("{header}.a"),
        "2YotnFZFEjr1zCsicMWpAA",
    ] {
        assert_eq!(shape(opaque), Shape::Opaque, "{opaque}");
    }
}

#[test]
fn nothing_in_a_token_or_secret_ends_its_parameter() {
    assert_eq!(question("a+b/c=&x~"), "token=a%2Bb%2Fc%3D%26x%7E&token_type_hint=access_token");
    // RFC 6749 §2.3.1: each is encoded before the colon joins them.
    assert_eq!(client_secret_basic("a:b", "p %"), "Basic YSUzQWI6cCUyMCUyNQ==");
}
