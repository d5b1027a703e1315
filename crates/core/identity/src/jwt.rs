//! JWT-SVIDs (SPIFFE JWT-SVID standard): short-lived tokens that name a workload and whom it speaks to.
//!
//! A token is a bearer credential, so its life is minutes and its audience is always said. Ours are signed with ES256 by
//! keys that sign nothing else; other trust domains' may be RSA too.

mod authority;
mod bundle;
mod issue;
mod jose;
mod verify;

pub use authority::JwtAuthority;
pub use bundle::JwtBundle;
pub use issue::{JwtIssueError, JwtKey, JwtTerms};
pub use verify::{JwtError, JwtSvid};
