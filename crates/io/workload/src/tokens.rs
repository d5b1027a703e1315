//! JWT-SVIDs: who makes and checks them. The node hands in how.

use selvedge_model::SpiffeId;
use std::future::Future;
use std::pin::Pin;

/// A future of an answer that does not borrow.
pub type Later<T> = Pin<Box<dyn Future<Output = Result<T, TokenError>> + Send>>;

/// Makes and checks JWT-SVIDs (SPIFFE JWT-SVID standard).
pub trait Tokens: Send + Sync {
    /// A token of `id` for `audiences`, which are not empty.
    fn mint(&self, id: &SpiffeId, audiences: &[String]) -> Later<String>;
    /// What a token says, if it is good for `audience` now.
    fn validate(&self, token: &str, audience: &str) -> Later<Validated>;
}

/// A good token.
#[derive(Debug, Clone, PartialEq)]
pub struct Validated {
    /// Whom it names.
    pub id: SpiffeId,
    /// All of its claims.
    pub claims: serde_json::Map<String, serde_json::Value>,
}

/// Why there is no token, or why one is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The token is not good.
    #[error("the token is refused: {0}")]
    Refused(String),
    /// Nobody can make or check one now; later somebody may.
    #[error("no token can be made now: {0}")]
    Unavailable(String),
}
