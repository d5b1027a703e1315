//! `introspection` of an issuer: where it is asked, where the secret is, and what would be ambiguous.

use super::{file, refused, template_text};
use crate::check;
use crate::checked::SecretAt;
use selvedge_model::Name;

const GOOD: &str = "{ endpoint: \"https://login.acme.example/introspect\", clientId: edge, clientSecret: { file: secrets/idp }, cache: 10s }";

fn with(block: &str) -> String {
    let audiences = "audiences: [https://api.acme.example]";
    template_text().replacen(audiences, &format!("{audiences}\n      introspection: {block}"), 1)
}

#[test]
fn the_secret_is_in_a_file_or_a_variable() {
    for (secret, at) in [
        ("{ file: secrets/idp }", SecretAt::File("secrets/idp".into())),
        ("{ env: SELVEDGE_SECRET_IDP }", SecretAt::Variable("SELVEDGE_SECRET_IDP".into())),
    ] {
        let checked = check(&file(&with(&format!("{{ clientId: edge, clientSecret: {secret} }}")))).unwrap();
        let issuer = &checked.mesh.issuers[&Name::parse("corporate").unwrap()];
        let introspection = issuer.introspection.as_ref().unwrap();
        assert_eq!((&introspection.client_secret, introspection.cache_s, &introspection.endpoint), (&at, 30, &None));
    }
    assert!(check(&file(&with(GOOD))).is_ok());
}

#[test]
fn what_could_not_be_kept_or_asked_is_refused() {
    for (right, wrong, code) in [
        ("{ file: secrets/idp }", "hunter2", "secret-in-document"),
        ("{ file: secrets/idp }", "\"true\"", "secret-in-document"),
        ("{ file: secrets/idp }", "{ value: hunter2 }", "unknown-key"),
        ("{ file: secrets/idp }", "{}", "bad-value"),
        ("{ file: secrets/idp }", "{ file: a, env: SELVEDGE_SECRET_A }", "bad-value"),
        ("secrets/idp", "/etc/shadow", "bad-value"),
        ("secrets/idp", "../key.pem", "bad-value"),
        ("secrets/idp", "a//b", "bad-value"),
        ("{ file: secrets/idp }", "{ env: AWS_SECRET_ACCESS_KEY }", "bad-value"),
        ("{ file: secrets/idp }", "{ env: SELVEDGE_SECRET_ }", "bad-value"),
        ("clientSecret: { file: secrets/idp }, ", "", "missing-key"),
        ("clientId: edge, ", "", "missing-key"),
        ("clientId: edge", "clientId: \"a\\tb\"", "bad-value"),
        ("https://login.acme.example/introspect", "http://login.acme.example/introspect", "plaintext-issuer"),
        ("https://login.acme.example/introspect", "https://login.acme.example/introspect?a=b", "bad-value"),
        ("cache: 10s", "cache: 6m", "bad-value"),
        ("cache: 10s", "cache: 1500ms", "bad-value"),
        ("cache: 10s", "cache: 0s", "bad-value"),
        ("cache: 10s", "negative: 10s", "unknown-key"),
    ] {
        assert!(GOOD.contains(right), "{right}");
        let found = refused(&with(&GOOD.replacen(right, wrong, 1)));
        assert!(found.iter().any(|d| d.code == code), "{wrong}: {found:?}");
        assert!(!found.iter().any(|d| format!("{} {}", d.message, d.help).contains("hunter2")), "{found:?}");
    }
    for key in ["jwksUri: https://login.acme.example/jwks", "tokenTypes: [jwt]"] {
        let found = refused(&with(&format!("{GOOD}\n      {key}")));
        assert!(found.iter().any(|d| d.code == "not-enforceable"), "{key}: {found:?}");
    }
}

#[test]
fn two_issuers_of_one_service_that_a_token_could_be_of_are_refused() {
    let (issuers, url) = ("  issuers:\n", "https://login.acme.example/realms/acme");
    assert!(template_text().contains(url), "the template's issuer is another");
    let other = |url: &str, block: &str| {
        let second = format!("    second:\n      issuer: {url}\n      audiences: [https://api.acme.example]\n{block}");
        let rule = "    - { name: second, from: { gateway: public, token: second }, methods: [GET], paths: [/second] }";
        with(GOOD).replacen(issuers, &format!("{issuers}{second}"), 1).replacen(
            "  rules:\n",
            &format!("  rules:\n{rule}\n"),
            1,
        )
    };
    let asks = "      introspection: { clientId: edge, clientSecret: { file: a } }\n";
    for (text, ambiguous) in [
        (other("https://other.example", asks), true),
        (other(url, ""), true),
        (other("https://other.example", ""), false),
    ] {
        let found = refused(&text);
        assert_eq!(found.iter().any(|d| d.code == "ambiguous-token"), ambiguous, "{found:?}");
        assert!(ambiguous || found.is_empty(), "{found:?}");
    }
}
