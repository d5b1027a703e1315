//! Issuing JWT-SVIDs.

use super::{JwtAuthority, jose};
use crate::certificate::hex;
use crate::key::{KeyError, PrivateKey};
use aws_lc_rs::digest::{SHA256, digest};
use selvedge_model::{SpiffeId, TrustDomain};
use serde_json::json;

/// The longest life of a token, in seconds: an hour.
const TTL_S_MAX: u64 = 3600;
/// Audiences of one token, and bytes of each.
const AUDIENCES_MAX: usize = 16;
const AUDIENCE_BYTES_MAX: usize = 2048;
/// Characters of a key's name that we give: 128 bits of the hash of the key.
const KID_CHARS: usize = 32;

/// A key that signs JWT-SVIDs, and nothing else.
#[derive(Debug, Clone)]
pub struct JwtKey {
    key: PrivateKey,
    authority: JwtAuthority,
}

/// For how long, from when and for whom a token is.
#[derive(Debug, Clone, Copy)]
pub struct JwtTerms<'a> {
    /// Who may take it; never empty.
    pub audiences: &'a [String],
    /// Seconds of life, at most an hour.
    pub ttl_s: u64,
    /// Seconds since 1970.
    pub now: u64,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JwtIssueError {
    /// Nobody could be made the audience.
    #[error("`{0}` audiences; name 1 to 16, each of 1 to 2048 bytes")]
    Audiences(usize),
    /// No life, or too long a one.
    #[error("a life of `{0}` s; give 1 to 3600")]
    Life(u64),
    /// The ID is of another trust domain.
    #[error("`{0}` is not of the trust domain that this key signs for")]
    WrongTrustDomain(SpiffeId),
    /// The key cannot sign.
    #[error(transparent)]
    Key(#[from] KeyError),
}

impl JwtKey {
    /// The default life of a token, in seconds: five minutes.
    pub const TTL_S: u64 = 300;

    /// Makes a new key.
    ///
    /// # Errors
    /// When the crypto library fails.
    pub fn generate() -> Result<JwtKey, KeyError> {
        JwtKey::of(PrivateKey::generate()?)
    }

    /// Of a key that was kept. Its name is a hash of its public half.
    ///
    /// # Errors
    /// When it is not on P-256.
    pub fn of(key: PrivateKey) -> Result<JwtKey, KeyError> {
        let public = key.public_der();
        let kid = hex(digest(&SHA256, &public).as_ref()).chars().take(KID_CHARS).collect();
        let authority = JwtAuthority::of_p256(kid, &public).ok_or(KeyError::Malformed)?;
        Ok(JwtKey { key, authority })
    }

    /// The key, to be kept.
    pub fn private(&self) -> &PrivateKey {
        &self.key
    }

    /// What verifies its tokens.
    pub fn authority(&self) -> &JwtAuthority {
        &self.authority
    }

    /// Issues a JWT-SVID for `id` of `domain` (SPIFFE JWT-SVID §2, §3).
    ///
    /// # Errors
    /// When the terms cannot be met, or the ID is of another trust domain.
    pub fn issue(&self, domain: &TrustDomain, id: &SpiffeId, terms: &JwtTerms<'_>) -> Result<String, JwtIssueError> {
        let fits = |audience: &String| !audience.is_empty() && audience.len() <= AUDIENCE_BYTES_MAX;
        let count = terms.audiences.len();
        if count == 0 || count > AUDIENCES_MAX || !terms.audiences.iter().all(fits) {
            return Err(JwtIssueError::Audiences(count));
        }
        if terms.ttl_s == 0 || terms.ttl_s > TTL_S_MAX {
            return Err(JwtIssueError::Life(terms.ttl_s));
        }
        if id.trust_domain() != domain.as_str() {
            return Err(JwtIssueError::WrongTrustDomain(id.clone()));
        }
        let header = json!({ "alg": "ES256", "kid": self.authority.kid, "typ": "JWT" }).to_string();
        let exp = terms.now.saturating_add(terms.ttl_s);
        let claims = json!({ "sub": id.as_str(), "aud": terms.audiences, "iat": terms.now, "exp": exp }).to_string();
        let signed = format!("{}.{}", jose::encode(header.as_bytes()), jose::encode(claims.as_bytes()));
        let signature = jose::pair_of(&self.key.sign(signed.as_bytes())?).ok_or(KeyError::Sign)?;
        Ok(format!("{signed}.{}", jose::encode(&signature)))
    }
}
