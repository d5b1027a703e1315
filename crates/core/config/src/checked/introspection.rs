//! How an issuer is asked about tokens that say nothing themselves (RFC 7662).

use std::sync::Arc;

/// An issuer whose tokens are not verified here, but asked about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Introspection {
    /// Where it is asked, when that is not to be discovered.
    pub endpoint: Option<Arc<str>>,
    /// Who we are to it.
    pub client_id: Arc<str>,
    /// Where the secret is that proves it.
    pub client_secret: SecretAt,
    /// Seconds for which an answer counts, 30 by default; never longer than the token itself.
    pub cache_s: u64,
}

/// Where a secret is. Documents are signed, distributed and kept in histories, so the secret itself is in none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SecretAt {
    /// A file below the directory of files of whoever enforces the document.
    File(Arc<str>),
    /// A variable of its environment; its name begins with `SELVEDGE_SECRET_`.
    Variable(Arc<str>),
}
