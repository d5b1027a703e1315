//! An issuer that is asked about opaque tokens: what is sent, how often, and what becomes of bad answers.

use super::idp::{Idp, ok};
use super::*;
use crate::now_s;
use selvedge_config::checked::{Introspection, SecretAt};
use serde_json::{Value, json};
use std::sync::Arc;

fn variable(name: &str) -> Option<String> {
    match name {
        "SELVEDGE_SECRET_GOOD" => Some("s:e/c".to_owned()),
        "SELVEDGE_SECRET_LINES" => Some("a\nb".to_owned()),
        _ => None,
    }
}

fn asked(idp: &Idp, secret: SecretAt, cache_s: u64) -> Issuer {
    let endpoint = Some(format!("{}/introspect", idp.url()).into());
    let introspection = Introspection { endpoint, client_id: "edge".into(), client_secret: secret, cache_s };
    Issuer { introspection: Some(introspection), ..issuer(&idp.url()) }
}

fn good() -> SecretAt {
    SecretAt::Variable("SELVEDGE_SECRET_GOOD".into())
}

fn open(files: &Path, issuer: &Issuer, pace: Pace) -> Issuers {
    let issuers = Issuers::with_variables(pace, files, variable);
    issuers.set(&BTreeMap::from([(name(), issuer.clone())]));
    issuers.start();
    issuers
}

fn active(idp: &Idp, lives_s: u64) -> Value {
    json!({
        "active": true, "token_type": "Bearer", "aud": "https://api.example", "sub": "u1", "iss": idp.url(),
        "exp": now_s() + lives_s, "scope": "read",
    })
}

fn answers(idp: &Idp, answer: &Value) {
    idp.answer("/introspect", ok(&answer.to_string()));
}

async fn ready(issuers: &Issuers) {
    until("an asker", || issuers.status()[&name()].succeeded_ms.is_some()).await;
}

async fn ask(issuers: &Issuers, token: &str) -> Result<Option<String>, Unanswered> {
    issuers.introspect(&name(), token).await.map(|known| known.map(|active| active.principal.subject.to_string()))
}

#[tokio::test]
async fn a_token_is_asked_about_once_with_our_secret_and_never_in_a_url() {
    let idp = Idp::start().await;
    answers(&idp, &active(&idp, 300));
    let issuers = open(Path::new(""), &asked(&idp, good(), 30), Pace::default());
    ready(&issuers).await;
    let mut set = tokio::task::JoinSet::new();
    let issuers = Arc::new(issuers);
    for _ in 0..20 {
        let issuers = Arc::clone(&issuers);
        set.spawn(async move { ask(&issuers, "tok+en/1").await });
    }
    for said in set.join_all().await {
        assert_eq!(said, Ok(Some("u1".to_owned())));
    }
    assert_eq!(ask(&issuers, "tok+en/1").await, Ok(Some("u1".to_owned())));
    let [(form, authorization)] = &idp.posted()[..] else { panic!("{:?}", idp.posted()) };
    assert_eq!(form, "token=tok%2Ben%2F1&token_type_hint=access_token");
    // RFC 6749 §2.3.1: `edge:s%3Ae%2Fc`.
    assert_eq!(authorization, "Basic ZWRnZTpzJTNBZSUyRmM=");
    assert_eq!(idp.asked(), ["/introspect"]);
    assert_eq!(ask(&issuers, "another").await, Ok(Some("u1".to_owned())));
    assert_eq!(idp.posted().len(), 2);
}

#[tokio::test]
async fn the_endpoint_is_discovered_and_the_secret_read_from_a_file() {
    let idp = Idp::start().await;
    let document = json!({ "issuer": idp.url(), "introspection_endpoint": format!("{}/introspect", idp.url()) });
    idp.document(&document.to_string());
    answers(&idp, &active(&idp, 300));
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("secret"), "s:e/c\n").unwrap();
    let mut issuer = asked(&idp, SecretAt::File("secret".into()), 30);
    issuer.introspection.as_mut().unwrap().endpoint = None;
    let issuers = open(files.path(), &issuer, hurried());
    ready(&issuers).await;
    assert_eq!(ask(&issuers, "a").await, Ok(Some("u1".to_owned())));
    assert_eq!(idp.posted()[0].1, "Basic ZWRnZTpzJTNBZSUyRmM=");
}

#[tokio::test]
async fn without_its_secret_an_issuer_is_not_asked_and_nobody_gets_in() {
    let idp = Idp::start().await;
    answers(&idp, &active(&idp, 300));
    let files = tempfile::tempdir().unwrap();
    std::fs::write(files.path().join("key.pem"), "-----BEGIN PRIVATE KEY-----\nabc\n-----END\n").unwrap();
    std::fs::write(files.path().join("long"), "x".repeat(2000)).unwrap();
    std::fs::write(files.path().join("empty"), "\n").unwrap();
    let file = |file: &str| SecretAt::File(file.into());
    let variable = |name: &str| SecretAt::Variable(name.into());
    for secret in [
        file("missing"),
        file("key.pem"),
        file("long"),
        file("empty"),
        variable("SELVEDGE_SECRET_NONE"),
        variable("SELVEDGE_SECRET_LINES"),
    ] {
        let issuers = open(files.path(), &asked(&idp, secret.clone(), 30), hurried());
        let error = error(&issuers).await;
        assert!(error.contains("secret") && !error.contains("abc"), "{secret:?}: {error}");
        assert_eq!(ask(&issuers, "a").await, Err(Unanswered::Silent), "{secret:?}");
    }
    assert!(idp.posted().is_empty());
}

#[tokio::test]
async fn a_refusal_is_kept_for_a_moment_and_what_is_no_answer_is_not_kept() {
    let idp = Idp::start().await;
    let issuers = open(Path::new(""), &asked(&idp, good(), 30), Pace::default());
    ready(&issuers).await;
    answers(&idp, &json!({ "active": false }));
    for _ in 0..3 {
        assert_eq!(ask(&issuers, "revoked").await, Ok(None));
    }
    assert_eq!(idp.posted().len(), 1);
    let other = {
        let mut other = active(&idp, 300);
        other["aud"] = json!("https://other.example");
        other
    };
    answers(&idp, &other);
    assert_eq!(ask(&issuers, "elsewhere").await, Ok(None));
    let big = "x".repeat(300 * 1024);
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: {}/good\r\nContent-Length: 0\r\n\r\n", idp.url());
    idp.answer("/good", ok(&active(&idp, 300).to_string()));
    for raw in [
        ok("{}"),
        ok("{\"active\":\"true\"}"),
        ok(&active(&idp, 300).to_string().replacen('{', "{\"active\":true,", 1)),
        ok(&big),
        "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_owned(),
        "HTTP/1.1 204 No Content\r\n\r\n".to_owned(),
        redirect,
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"active\":true".to_owned(),
        "nonsense".to_owned(),
    ] {
        idp.answer("/introspect", raw.clone());
        assert_eq!(ask(&issuers, "odd").await, Err(Unanswered::Silent), "{}", raw.get(..60).unwrap_or(&raw));
    }
    answers(&idp, &active(&idp, 300));
    assert_eq!(ask(&issuers, "odd").await, Ok(Some("u1".to_owned())));
}

#[tokio::test]
async fn an_answer_never_outlives_its_token() {
    let idp = Idp::start().await;
    let issuers = open(Path::new(""), &asked(&idp, good(), 300), Pace::default());
    ready(&issuers).await;
    answers(&idp, &active(&idp, 2));
    let began = Instant::now();
    assert_eq!(ask(&issuers, "short").await, Ok(Some("u1".to_owned())));
    answers(&idp, &json!({ "active": false }));
    // It says so itself when it is over: whole seconds, so at most two of them.
    loop {
        match ask(&issuers, "short").await {
            Ok(Some(_)) => assert!(began.elapsed() < SOON, "it lives on"),
            said => break assert_eq!(said, Ok(None)),
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert!(began.elapsed() <= Duration::from_millis(2100), "{:?}", began.elapsed());
}

#[tokio::test]
async fn an_issuer_that_is_gone_or_hangs_lets_nobody_in_that_was_not_in() {
    let idp = Idp::start().await;
    answers(&idp, &active(&idp, 300));
    let pace = Pace { fetch_timeout: Duration::from_millis(200), ..Pace::default() };
    let issuers = open(Path::new(""), &asked(&idp, good(), 300), pace);
    ready(&issuers).await;
    assert_eq!(ask(&issuers, "seen").await, Ok(Some("u1".to_owned())));
    idp.hang();
    let hung = ask(&issuers, "new").await;
    assert!(matches!(hung, Err(Unanswered::Timeout | Unanswered::Silent)), "{hung:?}");
    drop(idp);
    assert!(ask(&issuers, "newer").await.is_err());
    assert_eq!(ask(&issuers, "seen").await, Ok(Some("u1".to_owned())));
}

#[tokio::test]
async fn a_flood_of_tokens_is_cut_off_and_asks_few_at_a_time() {
    let idp = Idp::start().await;
    idp.hang();
    let pace = Pace { fetch_timeout: Duration::from_millis(300), ..Pace::default() };
    let issuers = Arc::new(open(Path::new(""), &asked(&idp, good(), 300), pace));
    ready(&issuers).await;
    let mut set = tokio::task::JoinSet::new();
    for number in 0..1_000 {
        let issuers = Arc::clone(&issuers);
        set.spawn(async move { ask(&issuers, &format!("token-{number}")).await });
    }
    let said = set.join_all().await;
    assert!(said.iter().all(Result::is_err));
    assert_eq!(said.iter().filter(|said| **said == Err(Unanswered::Busy)).count(), 1_000 - 256);
    assert!(idp.connections() <= 64, "{}", idp.connections());
}

#[tokio::test]
async fn what_was_said_under_other_settings_counts_no_more() {
    let idp = Idp::start().await;
    answers(&idp, &active(&idp, 300));
    let issuer = asked(&idp, good(), 300);
    let issuers = open(Path::new(""), &issuer, Pace::default());
    ready(&issuers).await;
    assert_eq!(ask(&issuers, "a").await, Ok(Some("u1".to_owned())));
    let narrowed = Issuer { audiences: vec!["https://other.example".into()], ..issuer.clone() };
    issuers.set(&BTreeMap::from([(name(), narrowed)]));
    assert_eq!(ask(&issuers, "a").await, Ok(None));
    issuers.set(&BTreeMap::from([(name(), Issuer { introspection: None, ..issuer })]));
    assert_eq!(ask(&issuers, "a").await, Err(Unanswered::Nobody));
}
