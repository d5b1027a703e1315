//! The pieces of a value as JSON. Unknown keys, and keys that stand twice, are errors.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use selvedge_model::{DecisionId, Name, PeerTls, SpiffeId, TrustDomain};
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::sync::Arc;

/// What stands between the pieces: in no JWT, and allowed in a field.
pub(super) const BETWEEN: char = '~';
/// The one algorithm: SVIDs have keys on P-256.
pub(super) const ALGORITHM: &str = "ES256";
/// The `typ` of a token (draft-ietf-oauth-transaction-tokens §6.1).
pub(super) const TOKEN: &str = "txntoken+jwt";
/// The `typ` of a hand-over, so that neither passes for the other.
pub(super) const HAND_OVER: &str = "selvedge-handover+jwt";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) alg: String,
    pub(super) typ: String,
    /// DER in base64, leaf first (RFC 7515 §4.1.6).
    pub(super) x5c: Vec<String>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims {
    pub(super) txn: DecisionId,
    pub(super) aud: TrustDomain,
    pub(super) iat: u64,
    pub(super) exp: u64,
    /// To whom the gateway hands it.
    pub(super) to: SpiffeId,
    pub(super) rctx: Requester,
    pub(super) tctx: Transaction,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) user: Option<User>,
}

/// Where the request came from.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Requester {
    pub(super) gateway: Name,
    pub(super) host: String,
    pub(super) client: IpAddr,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) tls: Option<Tls>,
    pub(super) credential: Kind,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Tls {
    pub(super) version: Arc<str>,
    pub(super) cipher: Arc<str>,
    pub(super) group: Arc<str>,
}

/// The kind of credential that was shown.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Kind {
    None,
    Token,
}

/// By what it was let in.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Transaction {
    pub(super) rule: Arc<str>,
    pub(super) plan: Arc<str>,
}

/// Whom the credential speaks for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct User {
    /// The issuer's name in the `Mesh` document.
    pub(super) iss: Name,
    pub(super) sub: Arc<str>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) scopes: Vec<Arc<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) groups: Vec<Arc<str>>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) amr: Vec<Arc<str>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HandOver {
    pub(super) to: SpiffeId,
    /// SHA-256 of all that stands before this piece, base64url.
    pub(super) hash: String,
}

impl From<PeerTls> for Tls {
    fn from(tls: PeerTls) -> Tls {
        Tls { version: tls.version, cipher: tls.cipher, group: tls.group }
    }
}

impl From<Tls> for PeerTls {
    fn from(tls: Tls) -> PeerTls {
        PeerTls { version: tls.version, cipher: tls.cipher, group: tls.group }
    }
}

/// A value as a part of a JWS (RFC 7515 §2): base64url without padding.
pub(super) fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// A part of a JWS, in its one form.
pub(super) fn decode(part: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(part).ok()
}

/// A certificate as `x5c` has it.
pub(super) fn certificate_text(der: &[u8]) -> String {
    STANDARD.encode(der)
}

/// A certificate of `x5c`.
pub(super) fn certificate(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// The hash that a hand-over binds.
pub(super) fn hash(before: &str) -> String {
    encode(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, before.as_bytes()))
}
