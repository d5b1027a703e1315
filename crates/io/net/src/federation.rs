//! Trust bundles over HTTPS: fetched from other trust domains, and served to them (SPIFFE Federation §5).

mod serve;

pub use serve::serve;

use crate::fetch::{FetchError, Proof, get_proven};
use crate::tls::client::{Roots, RootsError};
use selvedge_config::checked::{Federation, Profile};
use selvedge_identity::{ForeignBundle, ForeignBundleError, TrustBundle};
use std::path::Path;
use std::time::Duration;

/// For all of one fetch.
const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a bundle was not fetched. Nothing that the server sent is in it.
#[derive(Debug, thiserror::Error)]
pub enum BundleFetchError {
    /// The endpoint is not there, or is not what it should be.
    #[error("{0}")]
    Fetch(String),
    /// What came is no bundle of that trust domain.
    #[error("what `{endpoint}` answers is refused: {reason}")]
    Refused {
        /// The URL.
        endpoint: String,
        /// Why.
        reason: ForeignBundleError,
    },
    /// There is no bundle yet that could prove the endpoint.
    #[error("no bundle of it is known that could prove its endpoint: write one under `bundle`")]
    Unproven,
    /// The certificate authorities to trust cannot be read.
    #[error(transparent)]
    Authorities(#[from] RootsError),
}

/// Fetches the bundle of another trust domain. `known` is what is known of it already, which proves an endpoint of the
/// profile `https_spiffe`; `files` is where documents' files are.
///
/// # Errors
/// Whatever does not lead to a bundle of that trust domain. Whether it may take the place of `known` is for the caller.
pub async fn fetch(
    federation: &Federation,
    known: Option<&TrustBundle>,
    files: &Path,
) -> Result<ForeignBundle, BundleFetchError> {
    let endpoint = &*federation.endpoint;
    let roots = match &federation.profile {
        Profile::Web { ca } => Some(Roots::read(ca.as_deref(), files).await?),
        Profile::Spiffe { .. } => None,
    };
    let proof = match (&federation.profile, &roots, known) {
        (Profile::Web { .. }, Some(roots), _) => Proof::Web(roots),
        (Profile::Spiffe { endpoint_id }, _, Some(known)) => Proof::Spiffe(known, endpoint_id),
        (Profile::Web { .. }, None, _) | (Profile::Spiffe { .. }, _, None) => return Err(BundleFetchError::Unproven),
    };
    let got = tokio::time::timeout(TIMEOUT, get_proven(endpoint, federation.reach, Some(proof), TIMEOUT)).await;
    let got = got.unwrap_or(Err(FetchError::Timeout(TIMEOUT.as_millis())));
    let document = got.map_err(|error| BundleFetchError::Fetch(error.to_string()))?;
    ForeignBundle::read(&federation.trust_domain, &document)
        .map_err(|reason| BundleFetchError::Refused { endpoint: endpoint.to_owned(), reason })
}

#[cfg(test)]
mod tests;
