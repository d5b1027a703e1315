//! Access tokens: none is believed that the issuer did not sign, and whatever is signed is read without a panic.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use selvedge_authn::{IssuerSettings, KeySet, bearer, verify};
use selvedge_model::Name;
use std::sync::OnceLock;

const NOW: u64 = 1_800_000_000;
const HEADER: &str = r#"{"alg":"ES256","typ":"at+jwt","kid":"k1"}"#;
const CLAIMS: &str = r#"{"iss":"https://idp.example","aud":["https://api.example"],"sub":"u1","exp":1800000300,"iat":1800000000,"scope":"a b","realm_access":{"roles":["x"]}}"#;

/// An issuer with a key of this run, and one token of it.
struct Issuer {
    key: EcdsaKeyPair,
    keys: KeySet,
    settings: IssuerSettings,
    token: String,
}

fn issuer() -> &'static Issuer {
    static ISSUER: OnceLock<Issuer> = OnceLock::new();
    ISSUER.get_or_init(|| {
        let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key");
        let (x, y) = key.public_key().as_ref()[1..].split_at(32);
        let (x, y) = (URL_SAFE_NO_PAD.encode(x), URL_SAFE_NO_PAD.encode(y));
        let jwks = format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"k1","use":"sig","x":"{x}","y":"{y}"}}]}}"#);
        let settings = IssuerSettings {
            name: Name::parse("corporate").expect("a name"),
            url: "https://idp.example".into(),
            audiences: vec!["https://api.example".into()],
            token_types: vec!["at+jwt".into(), "jwt".into()],
            groups_claim: vec!["realm_access".into(), "roles".into()],
        };
        let token = sign(&key, HEADER.as_bytes(), CLAIMS.as_bytes());
        Issuer { keys: KeySet::parse(jwks.as_bytes()).expect("a key set"), key, settings, token }
    })
}

fn sign(key: &EcdsaKeyPair, header: &[u8], claims: &[u8]) -> String {
    let message = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
    let signature = key.sign(&SystemRandom::new(), message.as_bytes()).expect("a signature");
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// The first byte says what the rest is: a token (where `$` stands for our own), a header and claims with a newline
/// between them that are signed, a key set, or an `Authorization` value.
pub(super) fn run(data: &[u8]) {
    let [kind, rest @ ..] = data else { return };
    let issuer = issuer();
    match kind % 4 {
        0 => {
            let token = String::from_utf8_lossy(rest).replace('$', &issuer.token);
            if verify(&token, &issuer.settings, &issuer.keys, NOW).is_ok() {
                let message = |token: &str| token.rsplit_once('.').map(|(message, _)| message.to_owned());
                assert_eq!(message(&token), message(&issuer.token), "believed, and never signed");
            }
        }
        1 => {
            let (header, claims) = match rest.iter().position(|b| *b == b'\n') {
                Some(at) => (&rest[..at], &rest[at + 1..]),
                None => (HEADER.as_bytes(), rest),
            };
            let token = sign(&issuer.key, header, claims);
            if let Ok(verified) = verify(&token, &issuer.settings, &issuer.keys, NOW) {
                assert!(verified.expires + 60 > NOW && verified.not_before <= NOW + 60, "out of its time");
                assert!(!verified.principal.subject.is_empty(), "nobody");
            }
        }
        2 => {
            if let Ok(keys) = KeySet::parse(rest) {
                assert!(verify(&issuer.token, &issuer.settings, &keys, NOW).is_err(), "by another's key");
            }
        }
        _ => {
            if let Ok(token) = bearer(rest) {
                assert!(!token.is_empty() && !token.contains(char::is_whitespace), "no token");
            }
        }
    }
}

pub(super) fn inputs() -> Vec<Vec<u8>> {
    let issuer = issuer();
    let jwks = r#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"}]}"#;
    vec![
        b"\0$".to_vec(),
        [b"\0", issuer.token.as_bytes()].concat(),
        [b"\x01", CLAIMS.as_bytes()].concat(),
        [b"\x01", HEADER.as_bytes(), b"\n", CLAIMS.as_bytes()].concat(),
        [b"\x02", jwks.as_bytes()].concat(),
        b"\x03Bearer abc".to_vec(),
    ]
}
