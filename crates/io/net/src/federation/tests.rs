//! Bundle endpoints: which are believed, and what of their answers.

use super::*;
use crate::{EndpointTls, Listener, now_s, random_bytes};
use selvedge_config::checked::Reach;
use selvedge_identity::{Authority, PrivateKey, Svid, Terms, request};
use selvedge_model::{SpiffeId, TrustDomain};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::watch;
use tokio::task::JoinHandle;

fn authority(domain: &str) -> Authority {
    Authority::create(&TrustDomain::parse(domain).unwrap(), now_s()).unwrap()
}

fn terms() -> Terms {
    Terms { ttl_s: 3600, now: now_s(), serial: random_bytes() }
}

fn svid(authority: &Authority, id: &str) -> Svid {
    let key = PrivateKey::generate().unwrap();
    let chain = authority.issue_svid(&request(&key).unwrap(), &SpiffeId::parse(id).unwrap(), &[], &terms()).unwrap();
    Svid::new(chain, key).unwrap()
}

/// An endpoint that answers this.
fn endpoint(tls: EndpointTls, document: String) -> (SocketAddr, JoinHandle<std::io::Result<()>>) {
    let listener = Listener::bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let address = listener.local_addr().unwrap();
    let (_, tls) = watch::channel(Some(tls));
    (address, tokio::spawn(serve(listener, tls, Arc::new(move || document.clone()))))
}

fn spiffe(address: SocketAddr) -> Federation {
    let endpoint_id = SpiffeId::parse("spiffe://partner.example/control/main").unwrap();
    Federation {
        trust_domain: TrustDomain::parse("partner.example").unwrap(),
        endpoint: format!("https://{address}/").into(),
        profile: Profile::Spiffe { endpoint_id },
        first: None,
        reach: Reach::Loopback,
    }
}

async fn refused(federation: &Federation, known: Option<&TrustBundle>) -> String {
    match fetch(federation, known, Path::new(".")).await {
        Ok(found) => panic!("{found:?}"),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn an_endpoint_with_the_svid_that_is_expected_is_believed() {
    let partner = authority("partner.example");
    let tls = EndpointTls::of_svid(&svid(&partner, "spiffe://partner.example/control/main")).unwrap();
    let (address, _serving) = endpoint(tls, partner.bundle().to_spiffe(60));
    let found = fetch(&spiffe(address), Some(&partner.bundle()), Path::new(".")).await.unwrap();
    assert_eq!((found.bundle, found.refresh_hint_s), (partner.bundle(), Some(60)));
}

#[tokio::test]
async fn an_endpoint_that_is_another_workload_of_the_trust_domain_is_not() {
    let partner = authority("partner.example");
    let tls = EndpointTls::of_svid(&svid(&partner, "spiffe://partner.example/orders")).unwrap();
    let (address, _serving) = endpoint(tls, partner.bundle().to_spiffe(60));
    let reason = refused(&spiffe(address), Some(&partner.bundle())).await;
    assert!(reason.contains("spiffe://partner.example/orders"), "{reason}");
}

#[tokio::test]
async fn an_endpoint_by_another_authority_is_not() {
    // Ours, or one of the same name: neither is in the bundle that is known.
    for domain in ["acme.example", "partner.example"] {
        let (stranger, partner) = (authority(domain), authority("partner.example"));
        let tls = EndpointTls::of_svid(&svid(&stranger, &format!("spiffe://{domain}/control/main"))).unwrap();
        let (address, _serving) = endpoint(tls, partner.bundle().to_spiffe(60));
        let reason = refused(&spiffe(address), Some(&partner.bundle())).await;
        assert!(reason.contains("root") || reason.contains("signature"), "{reason}");
        let reason = refused(&spiffe(address), None).await;
        assert!(reason.contains("no bundle of it is known"), "{reason}");
    }
}

#[tokio::test]
async fn a_certificate_of_the_web_is_believed_by_the_authorities_that_are_named() {
    let (web, partner) = (authority("web.example"), authority("partner.example"));
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("ca.pem"), web.bundle().to_pem()).unwrap();
    let key = PrivateKey::generate().unwrap();
    let host = selvedge_model::Host::parse("127.0.0.1").unwrap();
    let chain = web.issue_server(&request(&key).unwrap(), &[host], &terms()).unwrap();
    let pem = selvedge_identity::certificates_to_pem(&chain);
    let tls = EndpointTls::of_pem(pem.as_bytes(), key.to_pem().as_bytes()).unwrap();
    let (address, _serving) = endpoint(tls, partner.bundle().to_spiffe(60));
    let named = Federation { profile: Profile::Web { ca: Some("ca.pem".into()) }, ..spiffe(address) };
    assert_eq!(fetch(&named, None, directory.path()).await.unwrap().bundle, partner.bundle());
    std::fs::write(directory.path().join("ca.pem"), partner.bundle().to_pem()).unwrap();
    let reason = refused(&Federation { endpoint: named.endpoint.clone(), ..named.clone() }, None).await;
    assert!(reason.contains("ca.pem"), "{reason}");
    assert!(fetch(&named, None, directory.path()).await.is_err());
}

#[tokio::test]
async fn what_an_endpoint_answers_is_bounded_and_read_strictly() {
    let partner = authority("partner.example");
    let tls = EndpointTls::of_svid(&svid(&partner, "spiffe://partner.example/control/main")).unwrap();
    let ours = authority("acme.example").bundle().to_spiffe(60);
    for (document, said) in [
        ("x".repeat(300 * 1024), "256 KiB"),
        ("{}".to_owned(), "`keys`"),
        (ours, "spiffe://acme.example"),
        (r#"{"keys":[{"kty":"EC","use":"jwt-svid","d":"AA"}]}"#.to_owned(), "private key"),
    ] {
        let (address, _serving) = endpoint(tls.clone(), document);
        let reason = refused(&spiffe(address), Some(&partner.bundle())).await;
        assert!(reason.contains(said), "{said}: {reason}");
    }
}

#[tokio::test]
async fn an_endpoint_leads_nowhere_but_where_its_reach_permits() {
    let partner = authority("partner.example");
    for reach in [Reach::Public, Reach::Private] {
        let federation = Federation { reach, ..spiffe("127.0.0.1:1".parse().unwrap()) };
        let reason = refused(&federation, Some(&partner.bundle())).await;
        assert!(reason.contains("does not permit"), "{reason}");
    }
}
