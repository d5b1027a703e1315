//! A revision: documents and registered addresses, numbered and signed.

use crate::authority::caller::{CallError, Caller};
use crate::source::Documents;
use crate::state::StateError;
use selvedge_config::SourceFile;
use selvedge_config::checked::HostPort;
use selvedge_identity::{Revoked, TrustBundle};
use selvedge_link::{Bundle, SignedBundle};
use selvedge_model::{Name, TrustDomain};
use selvedge_plan::Plan;
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::task::spawn_blocking;

/// A revision that nodes are to enforce.
#[derive(Debug)]
pub(crate) struct Published {
    pub(crate) revision: u64,
    /// The hash of the plan that every node compiles from it.
    pub(crate) plan: Arc<str>,
    pub(crate) signed: SignedBundle,
    pub(crate) documents: Documents,
    registered: BTreeMap<Name, Vec<HostPort>>,
    revoked: Revoked,
    federated: Vec<TrustBundle>,
}

/// What a revision is made of, besides whom it is for.
#[derive(Debug, Clone)]
pub(crate) struct Content {
    pub(crate) documents: Documents,
    pub(crate) registered: BTreeMap<Name, Vec<HostPort>>,
    pub(crate) revoked: Revoked,
    /// The bundles of the trust domains that the documents federate with.
    pub(crate) federated: Vec<TrustBundle>,
}

/// Why a revision was not made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum PublishError {
    #[error(
        "the documents name the trust domain `{asked}`, and this control serves `{have}`: use another --state for it"
    )]
    TrustDomain { have: TrustDomain, asked: TrustDomain },
    #[error("the documents are too large to send: keep other YAML elsewhere")]
    TooLarge,
    #[error("the documents cannot be written as JSON, or compiled: this is a fault of the program")]
    Encode,
    #[error(transparent)]
    Sign(#[from] CallError),
    #[error(transparent)]
    State(#[from] StateError),
}

impl Published {
    /// Numbers and signs documents. Only services of the documents have registered addresses in it.
    pub(crate) async fn make(
        caller: &Caller,
        trust: &TrustBundle,
        content: Content,
        revision: u64,
    ) -> Result<Published, PublishError> {
        let Content { documents, registered, revoked, federated } = content;
        let asked = &documents.checked.mesh.trust_domain;
        if *asked != trust.trust_domain {
            return Err(PublishError::TrustDomain { have: trust.trust_domain.clone(), asked: asked.clone() });
        }
        let registered = known(registered, &documents);
        let text = |file: &SourceFile| (file.name.as_ref().to_owned(), file.text.as_ref().to_owned());
        let bundle = Bundle {
            trust_domain: trust.trust_domain.clone(),
            revision,
            documents: documents.files.iter().map(text).collect(),
            registered: registered.clone(),
            revoked: revoked.clone(),
            federated: federated.clone(),
        };
        let payload = serde_json::to_string(&bundle).map_err(|_| PublishError::Encode)?;
        let signature = caller.sign(payload.clone()).await?;
        let signed = SignedBundle { payload: payload.into(), signature };
        let checked = documents.checked.clone();
        let compiled = spawn_blocking(move || {
            let plan = Plan::compile(checked, &bundle.endpoints()).map(|plan| Arc::clone(plan.hash()));
            (signed.fits().then_some(signed), plan)
        });
        let (signed, plan) = compiled.await.map_err(|_| PublishError::Encode)?;
        // The source compiled them once: only then are they documents to publish.
        let plan = plan.map_err(|_| PublishError::Encode)?;
        let signed = signed.ok_or(PublishError::TooLarge)?;
        Ok(Published { revision, plan, signed, documents, registered, revoked, federated })
    }

    /// Whether it is made of exactly these.
    pub(crate) fn is_of(&self, Content { documents, registered, revoked, federated }: &Content) -> bool {
        let same = |(a, b): (&SourceFile, &SourceFile)| a.name == b.name && a.text == b.text;
        let files = (&self.documents.files, &documents.files);
        files.0.len() == files.1.len()
            && files.0.iter().zip(files.1).all(same)
            && self.registered == *registered
            && self.revoked == *revoked
            && self.federated == *federated
    }
}

/// A revision after `previous`: it grows over restarts, and over a lost state directory too as long as the clock does.
pub(crate) fn next_revision(previous: u64, now_ms: u64) -> u64 {
    previous.saturating_add(1).max(now_ms)
}

/// The addresses of services that the documents have.
pub(crate) fn known(
    mut registered: BTreeMap<Name, Vec<HostPort>>,
    documents: &Documents,
) -> BTreeMap<Name, Vec<HostPort>> {
    registered.retain(|service, _| documents.checked.services.contains_key(service));
    registered
}
