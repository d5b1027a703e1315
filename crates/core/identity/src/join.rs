//! Join tokens: a one-time secret, where to bring it, and the root that proves whom it is brought to.

use crate::bundle::fingerprint;
use crate::certificate::hex;
use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use selvedge_model::{Host, TrustDomain};
use serde::{Deserialize, Serialize};
use std::fmt;
use zeroize::Zeroizing;

/// Characters of a token; the longest trust domain and host make about 1,000.
const JOIN_TOKEN_CHARS_MAX: usize = 2048;
/// How every token begins: what it is, and the version of what follows.
const PREFIX: &str = "selvedge-join-1.";
/// Characters of a SHA-256 in hex.
const SHA256_HEX_CHARS: usize = 64;

/// What a node or gateway needs to join: shown once, used once. `Display` writes the token, secret and all.
#[derive(Clone, PartialEq, Eq)]
pub struct JoinToken {
    /// `host:port` of control's link.
    pub control: String,
    /// The trust domain that is joined.
    pub trust_domain: TrustDomain,
    /// SHA-256 of the root's DER, hex: pins control on first contact.
    pub root: String,
    /// That of the root that is to sign next, while one is prepared: control may show either.
    pub next_root: Option<String>,
    /// What control remembers the hash of.
    pub secret: Zeroizing<[u8; 32]>,
}

/// Why a text is no join token. Nothing of the text is repeated: part of it may be a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JoinTokenError {
    /// Over 2,048 characters.
    #[error("the join token is too long; copy one line of `selvedge identity join-token`")]
    TooLong,
    /// It does not begin as one.
    #[error("a join token begins with `selvedge-join-1.`; make one with `selvedge identity join-token`")]
    Prefix,
    /// The rest cannot be read.
    #[error("the join token is garbled; copy all of it")]
    Garbled,
    /// The place of control is no `host:port`.
    #[error("the join token names no `host:port` of control; make another one")]
    Control,
}

/// The JSON inside; short names, since people carry it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Inside {
    c: String,
    d: TrustDomain,
    r: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    n: Option<String>,
    s: String,
}

impl JoinToken {
    /// Reads a token; space around it is no part of it and is refused.
    ///
    /// # Errors
    /// Says what kind of wrong it is.
    pub fn parse(text: &str) -> Result<JoinToken, JoinTokenError> {
        if text.len() > JOIN_TOKEN_CHARS_MAX {
            return Err(JoinTokenError::TooLong);
        }
        let inside = text.strip_prefix(PREFIX).ok_or(JoinTokenError::Prefix)?;
        let json = Zeroizing::new(URL_SAFE_NO_PAD.decode(inside).map_err(|_| JoinTokenError::Garbled)?);
        let Inside { c: control, d: trust_domain, r: root, n: next_root, s } =
            serde_json::from_slice(&json).map_err(|_| JoinTokenError::Garbled)?;
        let s = Zeroizing::new(s);
        if !is_host_and_port(&control) {
            return Err(JoinTokenError::Control);
        }
        let is_hex = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        let is_hash = |root: &String| root.len() == SHA256_HEX_CHARS && root.bytes().all(is_hex);
        if !is_hash(&root) || !next_root.iter().all(is_hash) {
            return Err(JoinTokenError::Garbled);
        }
        let mut secret = Zeroizing::new([0; 32]);
        let bytes = Zeroizing::new(URL_SAFE_NO_PAD.decode(s.as_bytes()).map_err(|_| JoinTokenError::Garbled)?);
        if bytes.len() != secret.len() {
            return Err(JoinTokenError::Garbled);
        }
        secret.copy_from_slice(&bytes);
        Ok(JoinToken { control, trust_domain, root, next_root, secret })
    }

    /// SHA-256 of the secret, hex: all that control keeps.
    pub fn secret_hash(&self) -> String {
        secret_hash(self.secret.as_slice())
    }

    /// Whether this is a root that the token pins.
    pub fn pins(&self, root_der: &[u8]) -> bool {
        self.roots().contains(&fingerprint(root_der))
    }

    /// The SHA-256 of the roots that it pins, hex.
    pub fn roots(&self) -> Vec<String> {
        [Some(&self.root), self.next_root.as_ref()].into_iter().flatten().cloned().collect()
    }
}

/// SHA-256 of a join secret, hex. Comparing hashes of 256 random bits leaks nothing that helps to find them.
pub fn secret_hash(secret: &[u8]) -> String {
    hex(digest(&SHA256, secret).as_ref())
}

fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let is_port = port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port != 0);
    is_port && Host::parse(host).is_ok()
}

impl fmt::Display for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inside = Inside {
            c: self.control.clone(),
            d: self.trust_domain.clone(),
            r: self.root.clone(),
            n: self.next_root.clone(),
            s: URL_SAFE_NO_PAD.encode(self.secret.as_slice()),
        };
        let json = serde_json::to_vec(&inside);
        drop(Zeroizing::new(inside.s));
        let json = Zeroizing::new(json.map_err(|_| fmt::Error)?);
        f.write_str(PREFIX)?;
        f.write_str(&Zeroizing::new(URL_SAFE_NO_PAD.encode(json.as_slice())))
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken")
            .field("control", &self.control)
            .field("trust_domain", &self.trust_domain)
            .field("root", &self.root)
            .field("next_root", &self.next_root)
            .field("secret", &"[secret]")
            .finish()
    }
}
