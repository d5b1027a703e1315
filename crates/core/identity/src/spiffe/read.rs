//! Reading the bundle of another trust domain (SPIFFE Trust Domain and Bundle §4): what one wrong key is in is refused as
//! a whole, so that the last good bundle stays rather than half of a bad one.

use crate::bundle::{ROOTS_MAX, TrustBundle, fingerprint};
use crate::certificate::{CertificateFacts, facts};
use crate::jwt::JwtAuthority;
use crate::leaf;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use selvedge_model::TrustDomain;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Bytes of a bundle document.
const BYTES_MAX: usize = 256 * 1024;
/// Keys in one document, of every use.
const KEYS_MAX: usize = 64;
/// Members of a JWK that only a private or symmetric key has (RFC 7518 §6).
const PRIVATE: [&str; 8] = ["d", "p", "q", "dp", "dq", "qi", "oth", "k"];

/// Bundles of federated trust domains, each for the workloads of its own alone.
pub type Federated = BTreeMap<TrustDomain, TrustBundle>;

/// A bundle document that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForeignBundle {
    /// The roots and keys of tokens of the trust domain.
    pub bundle: TrustBundle,
    /// After how many seconds it is worth fetching again, if it says.
    pub refresh_hint_s: Option<u64>,
}

/// Why the bundle of another trust domain is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ForeignBundleError {
    /// Over 256 KiB.
    #[error("it has over 262144 bytes")]
    TooLarge,
    /// Not JSON, or without an array of keys.
    #[error("it is no JSON object with an array `keys`")]
    Malformed,
    /// Too many keys, or roots.
    #[error("it has over 64 keys or over 16 roots")]
    TooMany,
    /// A private key, which is nobody's but its owner's.
    #[error("it has a private key in it: that trust domain has to replace it")]
    Private,
    /// A root without its one certificate.
    #[error("a key for `x509-svid` has not exactly one certificate in `x5c`")]
    NoCertificate,
    /// A certificate that may not issue.
    #[error("the certificate {0} may not issue: it is no certificate authority")]
    NotAuthority(String),
    /// A root that says that it is of another trust domain.
    #[error("the root {root} is of `{uri}`")]
    OtherTrustDomain {
        /// Its fingerprint.
        root: String,
        /// Its URI name.
        uri: String,
    },
    /// A root of our own.
    #[error("the root {0} is of this very mesh: the endpoint serves another trust domain than it should")]
    Ours(String),
    /// Roots of kinds that are not verified here.
    #[error("none of its roots is on P-256, which alone is verified")]
    KeyType,
    /// Two keys of one name.
    #[error("it has two keys with the `kid` {0:?}")]
    SameKid(String),
    /// An older one than is known.
    #[error("its sequence number is `{got}`, after `{known}`: write that trust domain's bundle anew where it is meant")]
    Back {
        /// What we have.
        known: u64,
        /// What came.
        got: u64,
    },
}

impl ForeignBundle {
    /// Reads a document of `trust_domain`. Keys of another use, and roots on other curves beside one on P-256, are passed
    /// over. No root at all is a trust domain that trusts nobody any more (§4.2.2).
    ///
    /// # Errors
    /// When any part of it is what no bundle of that trust domain has.
    pub fn read(trust_domain: &TrustDomain, document: &[u8]) -> Result<ForeignBundle, ForeignBundleError> {
        if document.len() > BYTES_MAX {
            return Err(ForeignBundleError::TooLarge);
        }
        let document: Value = serde_json::from_slice(document).map_err(|_| ForeignBundleError::Malformed)?;
        let keys = document.get("keys").and_then(Value::as_array).ok_or(ForeignBundleError::Malformed)?;
        if keys.len() > KEYS_MAX {
            return Err(ForeignBundleError::TooMany);
        }
        if keys.iter().any(|key| PRIVATE.iter().any(|name| key.get(name).is_some())) {
            return Err(ForeignBundleError::Private);
        }
        let of = |kind: &'static str| keys.iter().filter(move |key| is_for(key, kind));
        let certificates: Vec<Vec<u8>> = of("x509-svid").map(certificate).collect::<Result<_, _>>()?;
        let mut roots = Vec::new();
        for der in &certificates {
            if check_root(trust_domain, der)? {
                roots.push(der.clone());
            }
        }
        if roots.is_empty() && !certificates.is_empty() {
            return Err(ForeignBundleError::KeyType);
        }
        if roots.len() > ROOTS_MAX {
            return Err(ForeignBundleError::TooMany);
        }
        let jwt_keys: Vec<JwtAuthority> = of("jwt-svid").filter_map(JwtAuthority::of_jwk).collect();
        let mut kids = BTreeSet::new();
        if let Some(key) = jwt_keys.iter().find(|key| !kids.insert(&key.kid)) {
            return Err(ForeignBundleError::SameKid(key.kid.clone()));
        }
        let number = |name: &str| document.get(name).and_then(Value::as_u64);
        let (trust_domain, sequence) = (trust_domain.clone(), number("spiffe_sequence").unwrap_or_default());
        let bundle = TrustBundle { trust_domain, roots, jwt_keys, sequence };
        Ok(ForeignBundle { bundle, refresh_hint_s: number("spiffe_refresh_hint") })
    }

    /// Whether it may take the place of `known`, in a mesh with the roots `ours`.
    ///
    /// # Errors
    /// When it is older, or has a root of ours.
    pub fn succeeds(&self, known: Option<&TrustBundle>, ours: &TrustBundle) -> Result<(), ForeignBundleError> {
        if let Some(root) = self.bundle.roots.iter().find(|root| ours.roots.contains(root)) {
            return Err(ForeignBundleError::Ours(fingerprint(root)));
        }
        let (known, got) = (known.map_or(0, |known| known.sequence), self.bundle.sequence);
        if got < known { Err(ForeignBundleError::Back { known, got }) } else { Ok(()) }
    }
}

fn is_for(key: &Value, kind: &str) -> bool {
    key.get("use").and_then(Value::as_str) == Some(kind)
}

/// The one certificate of a key (§4.2.2), DER.
fn certificate(key: &Value) -> Result<Vec<u8>, ForeignBundleError> {
    let chain = key.get("x5c").and_then(Value::as_array).ok_or(ForeignBundleError::NoCertificate)?;
    let [Value::String(one)] = chain.as_slice() else { return Err(ForeignBundleError::NoCertificate) };
    STANDARD.decode(one).map_err(|_| ForeignBundleError::NoCertificate)
}

/// Whether a root can be used here: it may issue in its own trust domain, and is of a kind that is verified.
fn check_root(domain: &TrustDomain, der: &[u8]) -> Result<bool, ForeignBundleError> {
    let not_authority = || ForeignBundleError::NotAuthority(fingerprint(der));
    let root: CertificateFacts = facts(der).map_err(|_| not_authority())?;
    if !leaf::is_issuer(&root) {
        return Err(not_authority());
    }
    if !leaf::names_domain(&root, domain) {
        return Err(ForeignBundleError::OtherTrustDomain { root: fingerprint(der), uri: root.uris.join(" ") });
    }
    Ok(leaf::may_issue(&root, domain))
}
