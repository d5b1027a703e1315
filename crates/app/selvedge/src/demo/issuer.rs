//! A small issuer of tokens, for the demo alone: it gives whoever asks whatever they ask for, so it listens on loopback
//! and its key lives as long as its process.
//!
//! It has what a gateway needs of an OpenID Provider (Discovery 1.0, JWKS), and a token endpoint in the form of OAuth's
//! client credentials (RFC 6749 §4.4) that takes the subject, the scope and the audience from the form. Tokens are of
//! RFC 9068, signed with ES256.

mod form;

use super::serve::{self, Reply};
use anyhow::{Context, Result};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hyper::header::{CACHE_CONTROL, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::rc::Rc;

pub(crate) use form::Grant;

/// How long before its end a token was issued, in seconds, when it has ended already.
const ENDED_LIFETIME_S: u64 = 300;

/// An issuer: where it is, and its key.
pub(crate) struct Issuer {
    url: String,
    pair: EcdsaKeyPair,
    key_id: String,
}

impl Issuer {
    /// An issuer with a new key. The key comes from the crypto library's own generator.
    ///
    /// # Errors
    /// When the library has no randomness.
    pub(crate) fn new(url: String) -> Result<Issuer> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).context("cannot make the issuer's key")?;
        let print = digest(&SHA256, pair.public_key().as_ref());
        let key_id = encode(print.as_ref()).chars().take(16).collect();
        Ok(Issuer { url, pair, key_id })
    }

    /// Discovery metadata (OpenID Connect Discovery 1.0 §3).
    pub(crate) fn discovery(&self) -> Value {
        let url = &self.url;
        json!({
            "issuer": url,
            "jwks_uri": format!("{url}/jwks"),
            "token_endpoint": format!("{url}/token"),
            "response_types_supported": ["token"],
            "grant_types_supported": ["client_credentials"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        })
    }

    /// The public key as a JWKS (RFC 7517 §5).
    pub(crate) fn jwks(&self) -> Value {
        // An uncompressed point: a byte that says so, then both coordinates (SEC 1 §2.3.3).
        let point = self.pair.public_key().as_ref();
        let (x, y) = point.get(1..).unwrap_or_default().split_at_checked(32).unwrap_or_default();
        let key = json!({
            "kty": "EC", "crv": "P-256", "alg": "ES256", "use": "sig", "kid": self.key_id, "x": encode(x), "y": encode(y),
        });
        json!({ "keys": [key] })
    }

    /// A token for the grant; `now` in seconds since 1970.
    ///
    /// # Errors
    /// When the library cannot sign.
    pub(crate) fn token(&self, grant: &Grant, now: u64, id: u128) -> Result<String> {
        let expires = now.saturating_add_signed(grant.lifetime_s);
        let header = json!({ "alg": "ES256", "typ": "at+jwt", "kid": self.key_id });
        let claims = json!({
            "iss": self.url, "sub": grant.subject, "aud": grant.audience, "scope": grant.scope, "client_id": "demo",
            "jti": format!("{id:032x}"), "iat": now.min(expires.saturating_sub(ENDED_LIFETIME_S)), "exp": expires,
        });
        let message = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).context("cannot sign a token")?;
        Ok(format!("{message}.{}", encode(signature)))
    }

    fn reply(&self, request: &Request<Bytes>) -> Reply {
        // A page in a browser that made its own name lead to loopback asks with that name.
        let host = request.headers().get(HOST).map(HeaderValue::as_bytes);
        if host != self.url.strip_prefix("http://").map(str::as_bytes) {
            return serve::text(StatusCode::MISDIRECTED_REQUEST, "this issuer has another host");
        }
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/.well-known/openid-configuration") => serve::json(StatusCode::OK, &self.discovery()),
            (&Method::GET, "/jwks") => serve::json(StatusCode::OK, &self.jwks()),
            (&Method::POST, "/token") => self.grant(request.body()),
            _ => serve::text(StatusCode::NOT_FOUND, "there are /.well-known/openid-configuration, /jwks and /token"),
        }
    }

    /// The token endpoint's answer (RFC 6749 §5).
    fn grant(&self, form: &[u8]) -> Reply {
        let refused = |code: &str, why: &str| {
            serve::json(StatusCode::BAD_REQUEST, &json!({ "error": code, "error_description": why }))
        };
        let grant = match Grant::parse(form) {
            Ok(grant) => grant,
            Err(error) => return refused("invalid_request", &error.to_string()),
        };
        let Ok(token) = self.token(&grant, selvedge_net::now_s(), selvedge_net::random_u128()) else {
            return serve::json(StatusCode::INTERNAL_SERVER_ERROR, &json!({ "error": "server_error" }));
        };
        let mut reply = serve::json(
            StatusCode::OK,
            &json!({
                "access_token": token, "token_type": "Bearer", "expires_in": grant.lifetime_s, "scope": grant.scope,
            }),
        );
        reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        reply
    }
}

/// A token that another key signed, under the key id of a genuine one: what somebody would try who saw that.
///
/// # Errors
/// When `genuine` is no token, or the library cannot sign.
pub(crate) fn forge(genuine: &str, url: String, grant: &Grant, now: u64) -> Result<String> {
    let header = genuine.split('.').next().unwrap_or_default();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header)?)?;
    let mut forger = Issuer::new(url)?;
    let key_id = header.get("kid").and_then(Value::as_str).context("the token names no key")?;
    key_id.clone_into(&mut forger.key_id);
    forger.token(grant, now, 0)
}

/// Runs the issuer until standard input ends; says where it listens in one line of JSON.
///
/// # Errors
/// When it cannot listen or make a key.
pub(crate) async fn run(listen: SocketAddr) -> Result<()> {
    let listener = serve::bind(listen).await?;
    let address = listener.local_addr()?;
    let issuer = Rc::new(Issuer::new(format!("http://{address}"))?);
    let serving = serve::http(listener, move |request| {
        let issuer = issuer.clone();
        async move { issuer.reply(&request) }
    });
    serve::say(&json!({ "listen": address }).to_string());
    let mut lines = serve::stdin_lines();
    tokio::select! {
        () = serving => {}
        () = async { while lines.recv().await.is_some() {} } => {}
    }
    Ok(())
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests;
