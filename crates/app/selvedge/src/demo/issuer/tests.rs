use super::*;
use selvedge_authn::{IssuerSettings, KeySet, TokenError, verify};
use selvedge_model::Name;

const URL: &str = "http://127.0.0.1:9400";
const AUDIENCE: &str = "https://shop.localhost";
const NOW: u64 = 1_800_000_000;

fn grant(form: &str) -> Grant {
    Grant::parse(form.as_bytes()).unwrap()
}

fn settings() -> IssuerSettings {
    IssuerSettings {
        name: Name::parse("accounts").unwrap(),
        url: URL.into(),
        audiences: vec![AUDIENCE.into()],
        token_types: vec!["at+jwt".into()],
        groups_claim: vec!["groups".into()],
    }
}

fn keys(issuer: &Issuer) -> KeySet {
    KeySet::parse(issuer.jwks().to_string().as_bytes()).unwrap()
}

fn ask(issuer: &Issuer, method: Method, host: &str, path: &str, body: &'static str) -> Reply {
    let request = Request::builder().method(method).uri(path).header(HOST, host).body(Bytes::from(body)).unwrap();
    issuer.reply(&request)
}

#[test]
fn a_token_is_what_a_gateway_accepts() {
    let issuer = Issuer::new(URL.to_owned()).unwrap();
    let grant = grant("subject=ada&scope=orders%3Aread+orders%3Awrite&audience=https%3A%2F%2Fshop.localhost");
    let token = issuer.token(&grant, NOW, 7).unwrap();
    let verified = verify(&token, &settings(), &keys(&issuer), NOW).unwrap();
    assert_eq!(&*verified.principal.subject, "ada");
    assert!(verified.principal.has_scope("orders:read") && verified.principal.has_scope("orders:write"));
    assert_eq!(verified.expires, NOW + 300);
}

#[test]
fn each_bad_token_is_refused_for_its_own_reason() {
    let issuer = Issuer::new(URL.to_owned()).unwrap();
    let refused = |form: &str| verify(&issuer.token(&grant(form), NOW, 7).unwrap(), &settings(), &keys(&issuer), NOW);
    assert_eq!(refused("subject=ada&audience=https://other.example"), Err(TokenError::Audience));
    assert_eq!(refused("subject=ada&audience=https://shop.localhost&lifetime=-120"), Err(TokenError::Expired));
    let good = grant("subject=ada&audience=https://shop.localhost");
    let genuine = issuer.token(&good, NOW, 7).unwrap();
    let forged = forge(&genuine, URL.to_owned(), &good, NOW).unwrap();
    assert_eq!(verify(&forged, &settings(), &keys(&issuer), NOW), Err(TokenError::Signature));
}

#[test]
fn a_grant_survives_its_form() {
    let grant =
        Grant { subject: "ä&=+%".to_owned(), scope: "a b".to_owned(), audience: "u:x".to_owned(), lifetime_s: -7 };
    assert_eq!(Grant::parse(grant.form().as_bytes()), Ok(grant));
}

#[test]
fn a_bad_form_is_refused() {
    for (form, error) in [
        ("", form::FormError::Missing),
        ("subject=ada", form::FormError::Missing),
        ("subject=&audience=a", form::FormError::Missing),
        ("subject", form::FormError::Malformed),
        ("subject=%4&audience=a", form::FormError::Malformed),
        ("subject=%ff&audience=a", form::FormError::Malformed),
        ("subject=%0a&audience=a", form::FormError::Value),
        ("subject=a&audience=a&lifetime=86401", form::FormError::Lifetime),
        ("subject=a&audience=a&grant_type=password", form::FormError::GrantType),
        ("subject=a&audience=a&role=admin", form::FormError::Unknown),
    ] {
        assert_eq!(Grant::parse(form.as_bytes()), Err(error), "{form}");
    }
    assert_eq!(Grant::parse(format!("subject={}&audience=a", "x".repeat(256)).as_bytes()), Err(form::FormError::Value));
}

#[test]
fn discovery_names_the_issuer_exactly() {
    let issuer = Issuer::new(URL.to_owned()).unwrap();
    assert_eq!(issuer.discovery()["issuer"], URL);
    assert_eq!(issuer.discovery()["jwks_uri"], format!("{URL}/jwks"));
}

#[test]
fn the_issuer_answers_under_its_own_host_alone() {
    let issuer = Issuer::new(URL.to_owned()).unwrap();
    let form = "subject=ada&audience=a";
    assert_eq!(ask(&issuer, Method::POST, "127.0.0.1:9400", "/token", form).status(), StatusCode::OK);
    assert_eq!(ask(&issuer, Method::POST, "evil.example", "/token", form).status(), StatusCode::MISDIRECTED_REQUEST);
    assert_eq!(ask(&issuer, Method::POST, "127.0.0.1:9400", "/token", "x").status(), StatusCode::BAD_REQUEST);
    assert_eq!(ask(&issuer, Method::GET, "127.0.0.1:9400", "/token", "").status(), StatusCode::NOT_FOUND);
}
