//! The bundle: the documents that one revision consists of, signed by the authority.

use crate::text;
use selvedge_config::SourceFile;
use selvedge_config::checked::{Endpoint, HostPort};
use selvedge_identity::{Revoked, Signature, TrustBundle, VerifyError};
use selvedge_model::{Name, TrustDomain};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Everything that a plan is compiled from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// The trust domain that it is for.
    pub trust_domain: TrustDomain,
    /// Only grows; at least the milliseconds since 1970 when it was signed. A node refuses one that is not higher
    /// than what it has, so that an old signed bundle cannot be played again.
    pub revision: u64,
    /// File name and content, in the order in which they are checked.
    pub documents: Vec<(String, String)>,
    /// Where the nodes of a service are reached.
    #[serde(with = "text::host_ports_by_name")]
    pub registered: BTreeMap<Name, Vec<HostPort>>,
    /// What is believed no more. No part of the plan: a node enforces it with the revision.
    #[serde(default)]
    pub revoked: Revoked,
    /// The bundles of federated trust domains, as control fetched them last. No part of the plan either.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub federated: Vec<TrustBundle>,
}

/// A bundle with its signature, as it travels and as it lies on disk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedBundle {
    /// The JSON of a [`Bundle`]: exactly the bytes that are signed.
    pub payload: Arc<str>,
    /// The authority's signature over `payload`.
    pub signature: Signature,
}

/// Why a signed bundle is not believed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Not signed by an authority of the trust bundle.
    #[error("the bundle's signature: {0}")]
    Signature(#[source] VerifyError),
    /// Signed, but no bundle.
    #[error("the bundle's payload is not readable (line {line}, column {column}): update this program")]
    Payload {
        /// The line of the payload.
        line: usize,
        /// The column.
        column: usize,
    },
    /// A bundle of another trust domain.
    #[error("the bundle is for the trust domain `{0}`, not for this one")]
    TrustDomain(TrustDomain),
}

impl SignedBundle {
    /// Verifies the signature, then reads the payload. `now` is in seconds since 1970.
    ///
    /// # Errors
    /// Whatever is not signed by the authority of `trust`, or is not a bundle of its trust domain.
    pub fn open(&self, trust: &TrustBundle, now: u64) -> Result<Bundle, OpenError> {
        trust.verify_signature(&self.signature, self.payload.as_bytes(), now).map_err(OpenError::Signature)?;
        let bundle = self.read_unverified()?;
        if bundle.trust_domain != trust.trust_domain {
            return Err(OpenError::TrustDomain(bundle.trust_domain));
        }
        Ok(bundle)
    }

    /// Reads the payload without looking at the signature: for the signer's own files alone.
    ///
    /// # Errors
    /// When it is not a bundle.
    pub fn read_unverified(&self) -> Result<Bundle, OpenError> {
        let unreadable = |error: serde_json::Error| OpenError::Payload { line: error.line(), column: error.column() };
        serde_json::from_str(&self.payload).map_err(unreadable)
    }
}

impl Bundle {
    /// The documents as `selvedge_config::check` takes them.
    pub fn files(&self) -> Vec<SourceFile> {
        let file =
            |(name, text): &(String, String)| SourceFile { name: name.as_str().into(), text: text.as_str().into() };
        self.documents.iter().map(file).collect()
    }

    /// The registered addresses as `selvedge_plan::Plan::compile` takes them: the same on every node, since they are
    /// part of the plan's hash.
    pub fn endpoints(&self) -> BTreeMap<Name, Vec<Endpoint>> {
        let mesh = |addresses: &Vec<HostPort>| addresses.iter().cloned().map(Endpoint::Mesh).collect();
        self.registered.iter().map(|(name, addresses)| (name.clone(), mesh(addresses))).collect()
    }
}
