//! Who a workload is: SVIDs, the bundles that verify them, the authority that issues them, and join tokens.
//!
//! Pure: time is an argument, in seconds since 1970, and bytes come from the caller. The one exception is `key`, where
//! the crypto library's own generator makes keys and ECDSA nonces: no caller can hand in a weak seed.
//!
//! The SPIFFE checks (X.509-SVID standard §4 and §5) are ours, in `leaf`: webpki builds and verifies the path, and knows
//! nothing of URI names. An edge certificate ([`ServerCertificate`]) comes from the same authority and is worth nothing
//! inside the mesh, because it carries no SPIFFE ID.

mod authority;
mod b64;
mod bundle;
mod certificate;
mod chain;
mod issue;
mod issue_error;
mod issuer;
mod join;
mod jose;
mod jwt;
mod key;
mod leaf;
mod leaf_error;
mod pem;
mod profile;
mod realm;
mod renew;
mod request;
mod revoked;
mod rotation;
mod server;
mod signature;
mod signer;
mod spiffe;
mod svid;

pub use authority::{Authority, AuthorityError, AuthorityPem};
pub use bundle::{Peer, TrustBundle, VerifyError, fingerprint};
pub use certificate::{CertificateFacts, facts};
pub use chain::ChainError;
pub use issue::Terms;
pub use issue_error::IssueError;
pub use join::{JoinToken, JoinTokenError, secret_hash};
pub use jose::{JoseSignature, JoseSigner};
pub use jwt::{JwtAuthority, JwtBundle, JwtError, JwtIssueError, JwtKey, JwtSvid, JwtTerms};
pub use key::{KeyError, PrivateKey};
pub use leaf_error::LeafError;
pub use pem::{PemError, certificates_to_pem, request_from_pem};
pub use realm::{Pace, Realm, RealmKept};
pub use request::{RequestError, request};
pub use revoked::{Revoked, RevokedError};
pub use rotation::{Receipts, Rotation, Slot, Stage, Step};
pub use server::ServerCertificate;
pub use signature::Signature;
pub use signer::{FindSigner, Signer};
pub use spiffe::{Federated, ForeignBundle, ForeignBundleError};
pub use svid::{Svid, SvidError};

#[cfg(test)]
mod tests;
