//! Issuers against a small server of the test's own, on loopback.

mod idp;
mod introspect;

use super::*;
use crate::fetch::{self, get};
use idp::{Idp, jwks, ok};
use selvedge_config::checked::Reach;
use selvedge_identity::{Authority, PrivateKey, Terms, request};
use selvedge_model::{Host, HostPattern, TrustDomain};
use std::time::Instant;

const SOON: Duration = Duration::from_secs(5);

fn name() -> Name {
    Name::parse("corporate").unwrap()
}

fn issuer(url: &str) -> Issuer {
    Issuer {
        name: name(),
        url: url.into(),
        audiences: vec!["https://api.example".into()],
        jwks_uri: None,
        groups_claim: vec!["groups".into()],
        token_types: vec!["jwt".into()],
        reach: Reach::Loopback,
        ca: None,
        introspection: None,
    }
}

/// Everything at once, so that a test need not wait.
fn hurried() -> Pace {
    let quick = Duration::from_millis(10);
    Pace {
        refresh: quick,
        retry_min: quick,
        retry_max: quick,
        refetch: quick,
        refetch_keyless: quick,
        fetch_timeout: SOON,
    }
}

fn started(pace: Pace, files: &Path, issuer: &Issuer) -> Issuers {
    let issuers = Issuers::paced(pace, files);
    issuers.set(&BTreeMap::from([(name(), issuer.clone())]));
    issuers.start();
    issuers
}

async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < SOON, "never: {what}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn state(issuers: &Issuers) -> IssuerState {
    issuers.snapshot().get(&name()).unwrap().clone()
}

async fn keys(issuers: &Issuers) -> IssuerState {
    until("keys", || state(issuers).keys.is_some()).await;
    state(issuers)
}

async fn error(issuers: &Issuers) -> String {
    until("an error", || issuers.status()[&name()].error.is_some()).await;
    assert!(state(issuers).keys.is_none(), "a fetch that failed gives no keys");
    issuers.status()[&name()].error.clone().unwrap()
}

#[tokio::test]
async fn keys_are_discovered() {
    let idp = Idp::start().await;
    for path in ["", "/", "/realms/acme"] {
        let url = format!("{}{path}", idp.url());
        idp.discovery(&url);
        idp.answer("/jwks", ok(&jwks("A")));
        let issuers = started(hurried(), Path::new(""), &issuer(&url));
        assert!(keys(&issuers).await.generation > 0);
        let status = &issuers.status()[&name()];
        assert!(status.succeeded_ms.is_some() && status.error.is_none(), "{status:?}");
    }
}

#[tokio::test]
async fn a_jwks_uri_in_the_document_is_not_discovered() {
    let idp = Idp::start().await;
    idp.answer("/my/keys?v=1", ok(&jwks("A")));
    let issuer = Issuer { jwks_uri: Some(format!("{}/my/keys?v=1", idp.url()).into()), ..issuer(&idp.url()) };
    keys(&started(hurried(), Path::new(""), &issuer)).await;
    assert!(idp.asked().iter().all(|path| path == "/my/keys?v=1"));
}

#[tokio::test]
async fn a_discovery_document_of_another_issuer_is_refused() {
    let idp = Idp::start().await;
    idp.answer("/jwks", ok(&jwks("A")));
    for other in [format!("{}/", idp.url()), "https://evil.example".to_owned(), String::new()] {
        idp.document(&serde_json::json!({ "issuer": other, "jwks_uri": format!("{}/jwks", idp.url()) }).to_string());
        let error = error(&started(hurried(), Path::new(""), &issuer(&idp.url()))).await;
        assert!(error.contains("another issuer"), "{error}");
    }
    assert!(!idp.asked().contains(&"/jwks".to_owned()));
}

#[tokio::test]
async fn what_is_no_discovery_document_is_refused() {
    let idp = Idp::start().await;
    let long = format!("{{\"issuer\":\"{0}\",\"jwks_uri\":\"{0}/{1}\"}}", idp.url(), "a".repeat(3000));
    let control = format!("{{\"issuer\":\"{0}\",\"jwks_uri\":\"{0}/a\\nb\"}}", idp.url());
    for document in ["", "[]", "{}", "<html>", "{\"issuer\": 1}", &long, &control] {
        idp.document(document);
        let error = error(&started(hurried(), Path::new(""), &issuer(&idp.url()))).await;
        assert!(error.contains("discovery document"), "{document}: {error}");
    }
}

#[tokio::test]
async fn bad_answers_are_refused() {
    let idp = Idp::start().await;
    idp.discovery(&idp.url());
    let big = "x".repeat(300 * 1024);
    let redirect = format!("HTTP/1.1 302 Found\r\nLocation: {}/elsewhere\r\nContent-Length: 0\r\n\r\n", idp.url());
    let endless = format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4b000\r\n{big}\r\n0\r\n\r\n");
    let fat = format!("HTTP/1.1 200 OK\r\nX-Fat: {big}\r\nContent-Length: 0\r\n\r\n");
    for (answer, expected) in [
        (ok(&big), "more than 256 KiB"),
        (endless, "more than 256 KiB"),
        (fat, "broke off"),
        (redirect, "redirects are not followed"),
        ("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n".to_owned(), "500"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{".to_owned(), "broke off"),
        ("nonsense".to_owned(), "broke off"),
        (ok("{\"keys\":[]}"), "no usable key"),
        (ok("[]"), "no key set"),
    ] {
        idp.answer("/jwks", answer);
        let error = error(&started(hurried(), Path::new(""), &issuer(&idp.url()))).await;
        assert!(error.contains(expected), "{expected}: {error}");
    }
    assert!(!idp.asked().contains(&"/elsewhere".to_owned()));
}

#[tokio::test]
async fn an_issuer_that_hangs_is_given_up() {
    let idp = Idp::start().await;
    idp.discovery(&idp.url());
    idp.answer("/jwks", String::new());
    idp.hang();
    let pace = Pace { fetch_timeout: Duration::from_millis(50), ..hurried() };
    let error = error(&started(pace, Path::new(""), &issuer(&idp.url()))).await;
    assert!(error.contains("50 ms"), "{error}");
}

#[tokio::test]
async fn the_last_good_keys_stay_when_the_issuer_dies() {
    let idp = Idp::start().await;
    idp.discovery(&idp.url());
    idp.answer("/jwks", ok(&jwks("A")));
    let issuers = started(hurried(), Path::new(""), &issuer(&idp.url()));
    let good = keys(&issuers).await;
    drop(idp);
    until("an error", || issuers.status()[&name()].error.is_some()).await;
    let still = state(&issuers);
    assert!(Arc::ptr_eq(&good.keys.unwrap(), &still.keys.unwrap()));
    assert_eq!(good.generation, still.generation);
    assert!(issuers.status()[&name()].succeeded_ms.is_some());
}

#[tokio::test]
async fn the_generation_changes_with_the_keys_and_only_then() {
    let idp = Idp::start().await;
    idp.discovery(&idp.url());
    idp.answer("/jwks", ok(&jwks("A")));
    let issuers = started(hurried(), Path::new(""), &issuer(&idp.url()));
    let first = keys(&issuers).await.generation;
    let asked = idp.asked().len();
    until("three more fetches", || idp.asked().len() > asked + 6).await;
    assert_eq!(state(&issuers).generation, first);
    idp.answer("/jwks", ok(&jwks("B")));
    until("another generation", || state(&issuers).generation != first).await;
}

#[tokio::test]
async fn unknown_keys_cause_few_fetches() {
    let idp = Idp::start().await;
    idp.discovery(&idp.url());
    idp.answer("/jwks", ok(&jwks("A")));
    let refetch = Duration::from_millis(150);
    let pace = Pace { refresh: Duration::from_secs(3600), refetch, ..hurried() };
    let issuers = started(pace, Path::new(""), &issuer(&idp.url()));
    keys(&issuers).await;
    let fetches = || idp.asked().iter().filter(|path| *path == "/jwks").count();
    assert_eq!(fetches(), 1);
    let began = Instant::now();
    until("two more fetches", || {
        issuers.report_unknown_key(&name());
        issuers.report_unknown_key(&Name::parse("unheard-of").unwrap());
        fetches() == 3
    })
    .await;
    assert!(began.elapsed() >= refetch, "two fetches more take at least one whole pause");
}

#[tokio::test]
async fn a_change_keeps_keys_that_come_from_the_same_place() {
    let idp = Idp::start().await;
    idp.discovery(&idp.url());
    idp.answer("/jwks", ok(&jwks("A")));
    let old = issuer(&idp.url());
    let pace = Pace { refresh: Duration::from_secs(3600), ..hurried() };
    let issuers = started(pace, Path::new(""), &old);
    let good = keys(&issuers).await;
    let set = |issuer: Issuer| {
        issuers.set(&BTreeMap::from([(name(), issuer)]));
        state(&issuers)
    };
    assert_eq!(set(old.clone()).generation, good.generation, "nothing changed");
    let widened = set(Issuer { audiences: vec!["https://other.example".into()], ..old.clone() });
    assert!(widened.keys.is_some());
    assert_ne!(widened.generation, good.generation, "tokens are verified again");
    assert_eq!(&*widened.settings.audiences[0], "https://other.example");
    let moved = set(Issuer { url: "http://127.0.0.1:9/".into(), ..old });
    assert!(moved.keys.is_none(), "keys of another place prove nothing");
    issuers.set(&BTreeMap::new());
    assert!(issuers.snapshot().get(&name()).is_none());
}

#[tokio::test]
async fn addresses_that_reach_does_not_permit_are_not_dialled() {
    let idp = Idp::start().await;
    let port = idp.addr.port();
    for (reach, host) in [
        (Reach::Public, "127.0.0.1"),
        (Reach::Public, "localhost"),
        (Reach::Public, "[::ffff:127.0.0.1]"),
        (Reach::Private, "localhost"),
        (Reach::Private, "169.254.169.254"),
        (Reach::Loopback, "10.0.0.1"),
        (Reach::Loopback, "1.1.1.1"),
    ] {
        let error = get(&format!("https://{host}:{port}/"), reach, None, SOON).await.unwrap_err().to_string();
        assert!(error.contains("`reach` does not permit"), "{host}: {error}");
    }
    assert_eq!(idp.connections(), 0);
}

#[tokio::test]
async fn urls_that_cannot_be_fetched_are_refused() {
    for (reach, url) in [
        (Reach::Public, "http://idp.example/"),
        (Reach::Private, "http://idp.example/"),
        (Reach::Loopback, "ftp://127.0.0.1/"),
        (Reach::Loopback, "file:///etc/passwd"),
        (Reach::Loopback, "/jwks"),
        (Reach::Loopback, "http://user:secret@127.0.0.1/"),
        (Reach::Loopback, "http://127.0.0.1:99999/"),
        (Reach::Loopback, ""),
    ] {
        let error = get(url, reach, None, SOON).await.unwrap_err();
        assert!(matches!(error, fetch::FetchError::Url(_) | fetch::FetchError::Plain(_)), "{url}: {error}");
    }
}

#[tokio::test]
async fn https_trusts_the_ca_file_alone() {
    let now = crate::now_s();
    let authority = Authority::create(&TrustDomain::parse("idp.example").unwrap(), now).unwrap();
    let key = PrivateKey::generate().unwrap();
    let terms = Terms { ttl_s: 3600, now, serial: crate::random_bytes() };
    let hosts = [Host::parse("localhost").unwrap()];
    let chain = authority.issue_server(&request(&key).unwrap(), &hosts, &terms).unwrap();
    let names = vec![HostPattern::Exact(hosts[0].clone())];
    let key_der = zeroize::Zeroizing::new(key.pkcs8_der().to_vec());
    let tls = crate::EdgeTls::new(vec![crate::EdgeCertificate { chain, key_der, names }], Default::default()).unwrap();
    let idp = Idp::start_with(Some(tls)).await;
    idp.discovery(&idp.url());
    idp.answer("/jwks", ok(&jwks("A")));
    let files = tempfile::tempdir().unwrap();
    let other = Authority::create(&TrustDomain::parse("idp.example").unwrap(), now).unwrap();
    std::fs::write(files.path().join("ca.pem"), authority.bundle().to_pem()).unwrap();
    std::fs::write(files.path().join("other.pem"), other.bundle().to_pem()).unwrap();
    std::fs::write(files.path().join("empty.pem"), "").unwrap();
    let with = |ca: &str| Issuer { ca: Some(ca.into()), ..issuer(&idp.url()) };
    keys(&started(hurried(), files.path(), &with("ca.pem"))).await;
    for (ca, expected) in
        [("other.pem", "certificate is refused"), ("gone.pem", "unreadable"), ("empty.pem", "no certificate")]
    {
        let error = error(&started(hurried(), files.path(), &with(ca))).await;
        assert!(error.contains(expected), "{ca}: {error}");
    }
}

#[test]
fn waits_differ_by_a_tenth_at_most() {
    let wait = Duration::from_secs(300);
    assert_eq!(keep::jittered(wait, 0), Duration::from_secs(270));
    assert_eq!(keep::jittered(wait, 100), wait);
    assert_eq!(keep::jittered(wait, 200), Duration::from_secs(330));
}
