//! Join tokens as people carry them, whole and damaged.

use super::*;
use crate::join::JoinToken;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

fn token() -> JoinToken {
    let root = fingerprint(b"root");
    JoinToken {
        control: "control.acme.example:9443".into(),
        trust_domain: domain(),
        root,
        next_root: None,
        secret: [0xa5; 32].into(),
    }
}

fn with_json(json: &str) -> String {
    format!("selvedge-join-1.{}", URL_SAFE_NO_PAD.encode(json))
}

#[test]
fn a_token_survives_its_text() -> Outcome {
    let text = token().to_string();
    assert!(text.starts_with("selvedge-join-1."));
    let again = JoinToken::parse(&text)?;
    assert_eq!(again, token());
    assert!(again.pins(b"root") && !again.pins(b"other"));
    assert_eq!(again.secret_hash(), secret_hash(&[0xa5; 32]));
    assert_eq!(again.secret_hash().len(), 64);
    Ok(())
}

#[test]
fn a_token_is_debugged_without_its_secret() {
    let debugged = format!("{:?}", token());
    assert!(debugged.contains("[secret]") && !debugged.contains("165"), "{debugged}");
}

#[test]
fn garbled_tokens_are_refused() {
    let text = token().to_string();
    assert_eq!(JoinToken::parse(""), Err(JoinTokenError::Prefix));
    assert_eq!(JoinToken::parse(&text[1..]), Err(JoinTokenError::Prefix));
    assert_eq!(JoinToken::parse(&text.replace("join-1", "join-2")), Err(JoinTokenError::Prefix));
    assert_eq!(JoinToken::parse(&text[..text.len() - 3]), Err(JoinTokenError::Garbled));
    assert_eq!(JoinToken::parse(&format!("{text}\n")), Err(JoinTokenError::Garbled));
    assert_eq!(JoinToken::parse(&format!("{text}=")), Err(JoinTokenError::Garbled));
    assert_eq!(JoinToken::parse("selvedge-join-1."), Err(JoinTokenError::Garbled));
    assert_eq!(JoinToken::parse(&with_json("{}")), Err(JoinTokenError::Garbled));
}

#[test]
fn a_token_too_long_is_refused_before_it_is_read() {
    let text = format!("selvedge-join-1.{}", "A".repeat(2048));
    assert_eq!(JoinToken::parse(&text), Err(JoinTokenError::TooLong));
}

#[test]
fn the_longest_token_that_can_be_made_can_be_read() -> Outcome {
    let host = [["a".repeat(63).as_str(); 3].join("."), "a".repeat(61)].join(".");
    let trust_domain = TrustDomain::parse(&"d".repeat(255))?;
    let token = JoinToken { control: format!("{host}:65535"), trust_domain, ..token() };
    assert_eq!(JoinToken::parse(&token.to_string())?, token);
    Ok(())
}

#[test]
fn each_field_is_checked() {
    let (r, s) = ("a".repeat(64), URL_SAFE_NO_PAD.encode([1; 32]));
    let answer = |c: &str, d: &str, r: &str, s: &str| {
        let json = serde_json::json!({"c": c, "d": d, "r": r, "s": s}).to_string();
        JoinToken::parse(&with_json(&json)).map(drop)
    };
    let (c, d) = ("127.0.0.1:9443", "acme.example");
    assert_eq!(answer(c, d, &r, &s), Ok(()));
    assert_eq!(answer("[::1]:9443", d, &r, &s), Ok(()));
    for control in ["", "host", "host:", ":1", "host:0", "host:65536", "host:+1", "a b:1", "::1:9443", "host:1:2"] {
        assert_eq!(answer(control, d, &r, &s), Err(JoinTokenError::Control), "{control}");
    }
    let garbled = Err(JoinTokenError::Garbled);
    assert_eq!(answer(c, "ACME", &r, &s), garbled);
    assert_eq!(answer(c, d, &r[1..], &s), garbled);
    assert_eq!(answer(c, d, &"A".repeat(64), &s), garbled);
    assert_eq!(answer(c, d, &r, &URL_SAFE_NO_PAD.encode([1; 31])), garbled);
    assert_eq!(answer(c, d, &r, &URL_SAFE_NO_PAD.encode([1; 33])), garbled);
    let more = serde_json::json!({"c": c, "d": d, "r": r, "s": s, "x": 1}).to_string();
    assert_eq!(JoinToken::parse(&with_json(&more)).map(drop), garbled);
}
