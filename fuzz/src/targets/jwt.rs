//! JWT-SVIDs and their bundles: nothing is believed that the key did not sign, and whatever the text, nothing panics.

use selvedge_identity::{JwtBundle, JwtKey, JwtSvid, JwtTerms, request_from_pem};
use selvedge_model::{SpiffeId, TrustDomain};
use std::sync::OnceLock;

const NOW: u64 = 1_800_000_000;

struct Issued {
    domain: TrustDomain,
    bundle: JwtBundle,
    token: String,
}

fn issued() -> &'static Issued {
    static ISSUED: OnceLock<Issued> = OnceLock::new();
    ISSUED.get_or_init(|| {
        let domain = TrustDomain::parse("acme.example").expect("a trust domain");
        let id = SpiffeId::parse("spiffe://acme.example/orders").expect("an id");
        let key = JwtKey::generate().expect("a key");
        let terms = JwtTerms { audiences: &["ledger".to_owned()], ttl_s: 300, now: NOW };
        let token = key.issue(&domain, &id, &terms).expect("a token");
        let keys = vec![key.authority().clone()];
        let bundle = JwtBundle { trust_domain: domain.clone(), keys, sequence: 1, refresh_hint_s: 60 };
        Issued { domain, bundle, token }
    })
}

/// A text as a token, as a bundle, and as a request in PEM.
pub(super) fn run(data: &[u8]) {
    let (text, issued) = (String::from_utf8_lossy(data), issued());
    let _ = JwtSvid::unverified_trust_domain(&text);
    if JwtSvid::verify(&text, &issued.bundle, "ledger", NOW).is_ok() {
        let signed = |token: &str| token.rsplit_once('.').map(|(signed, _)| signed.to_owned());
        assert_eq!(signed(&text), signed(&issued.token), "believed, and never issued");
    }
    if let Ok(bundle) = JwtBundle::parse(&issued.domain, &text) {
        let again = JwtBundle::parse(&issued.domain, &bundle.to_jwks());
        assert_eq!(again.as_ref(), Ok(&bundle), "a bundle is read as it is written");
    }
    let _ = request_from_pem(&text);
}

pub(super) fn inputs() -> Vec<Vec<u8>> {
    let issued = issued();
    vec![issued.token.clone().into_bytes(), issued.bundle.to_jwks().into_bytes()]
}
