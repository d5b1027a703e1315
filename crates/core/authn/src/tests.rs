//! Each way to forge a token, and the three ways to make a good one. Keys are made when the tests run.

mod bearer;
mod claims;
mod header;
mod introspection;
mod json;
mod keys;
mod token;

use crate::*;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use selvedge_model::Name;
use serde_json::{Value, json};

const NOW: u64 = 1_800_000_000;

fn b64(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

struct Issuer(EcdsaKeyPair);

impl Issuer {
    fn new() -> Issuer {
        Issuer(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }

    fn jwk(&self) -> Value {
        let point = self.0.public_key().as_ref();
        json!({"kty": "EC", "crv": "P-256", "kid": "k1", "use": "sig", "x": b64(&point[1..33]), "y": b64(&point[33..])})
    }

    fn keys(&self) -> KeySet {
        set(json!([self.jwk()])).unwrap()
    }

    fn sign(&self, header: &str, claims: &str) -> String {
        self.sign_message(&format!("{}.{}", b64(header), b64(claims)))
    }

    /// Signs a message whose parts are encoded already.
    fn sign_message(&self, message: &str) -> String {
        let signature = self.0.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", b64(signature))
    }
}

/// A key set of these keys.
fn set(keys: Value) -> Result<KeySet, JwksError> {
    KeySet::parse(json!({ "keys": keys }).to_string().as_bytes())
}

fn settings() -> IssuerSettings {
    IssuerSettings {
        name: Name::parse("corporate").unwrap(),
        url: "https://idp.example".into(),
        audiences: vec!["https://api.example".into()],
        token_types: vec!["at+jwt".into(), "jwt".into()],
        groups_claim: vec!["realm_access".into(), "roles".into()],
    }
}

fn header() -> Value {
    json!({"alg": "ES256", "typ": "at+jwt", "kid": "k1"})
}

fn claims() -> Value {
    json!({
        "iss": "https://idp.example", "aud": ["https://api.example"], "sub": "u1", "exp": NOW + 300, "iat": NOW,
        "scope": "orders:read orders:write", "realm_access": {"roles": ["staff"]},
    })
}

/// A value with one key changed, or removed by null.
fn with(mut value: Value, key: &str, to: Value) -> Value {
    let object = value.as_object_mut().unwrap();
    if to.is_null() {
        drop(object.remove(key))
    } else {
        drop(object.insert(key.to_owned(), to))
    }
    value
}

/// What becomes of a token with these claims.
fn with_claims(claims: &str) -> Result<Verified, TokenError> {
    let issuer = Issuer::new();
    verify(&issuer.sign(&header().to_string(), claims), &settings(), &issuer.keys(), NOW)
}

/// What becomes of a token with this one claim changed.
fn with_claim(key: &str, value: Value) -> Result<Verified, TokenError> {
    with_claims(&with(claims(), key, value).to_string())
}

/// What becomes of a token with this header.
fn with_header(header: &str) -> Result<Verified, TokenError> {
    let issuer = Issuer::new();
    verify(&issuer.sign(header, &claims().to_string()), &settings(), &issuer.keys(), NOW)
}
