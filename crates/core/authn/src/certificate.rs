//! Client certificates: whom one that was verified speaks for. Signatures, times and lists are not looked at here.

use selvedge_identity::{LeafError, facts};
use selvedge_model::{Host, SpiffeId};
use std::sync::Arc;

/// The longest name of a user, in bytes (SPIFFE-ID §2.3).
const NAME_BYTES_MAX: usize = 2048;

/// Which name of a certificate is the user (RFC 5280 §4.2.1.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NameKind {
    /// The only URI, which is a SPIFFE ID with a path.
    Spiffe,
    /// The only URI.
    Uri,
    /// The only DNS name, without a wildcard.
    Dns,
    /// The only address of electronic mail.
    Email,
}

/// Why a certificate speaks for nobody.
#[derive(Debug, thiserror::Error)]
pub enum NameError {
    /// It cannot be read.
    #[error(transparent)]
    Certificate(#[from] LeafError),
    /// It has no name of the kind, or several: whichever were taken, somebody would take another.
    #[error("the certificate has {0} names of the kind that says who it is, and not one")]
    Count(usize),
    /// The name is none that a user can have.
    #[error("the name that says who it is, is malformed")]
    Malformed,
}

/// The user of a certificate, DER.
///
/// # Errors
/// When it is ambiguous who that is.
pub fn certificate_user(leaf: &[u8], kind: NameKind) -> Result<Arc<str>, NameError> {
    let facts = facts(leaf)?;
    let dns = || facts.hosts.iter().filter(|host| !is_address(host)).cloned().collect::<Vec<_>>();
    let names = match kind {
        NameKind::Spiffe | NameKind::Uri => facts.uris,
        NameKind::Dns => dns(),
        NameKind::Email => facts.emails,
    };
    let [name] = names.as_slice() else { return Err(NameError::Count(names.len())) };
    let printable = name.bytes().all(|b| b.is_ascii_graphic());
    if name.is_empty() || name.len() > NAME_BYTES_MAX || !printable {
        return Err(NameError::Malformed);
    }
    match kind {
        NameKind::Spiffe => {
            let id = SpiffeId::parse(name).map_err(|_| NameError::Malformed)?;
            if id.path().is_empty() { Err(NameError::Malformed) } else { Ok(id.as_str().into()) }
        }
        NameKind::Uri => Ok(name.as_str().into()),
        NameKind::Dns => Ok(Host::parse(name).map_err(|_| NameError::Malformed)?.as_str().into()),
        NameKind::Email => mailbox(name).ok_or(NameError::Malformed),
    }
}

fn is_address(host: &str) -> bool {
    Host::parse(host).is_ok_and(|host| host.address().is_some())
}

/// A mailbox, its domain in lower case: what stands before it may be told apart by case (RFC 5321 §2.4).
fn mailbox(text: &str) -> Option<Arc<str>> {
    let (local, domain) = text.split_once('@')?;
    let domain = Host::parse(&domain.to_ascii_lowercase()).ok()?;
    let legal = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&b);
    (!local.is_empty() && local.bytes().all(legal)).then(|| format!("{local}@{domain}").into())
}
