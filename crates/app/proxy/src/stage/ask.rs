//! What its issuer says of an opaque token: the one stage before the decision that waits for somebody else.
//!
//! Most requests do not come by here: they show no such token, or one that was asked about a moment ago.

use super::credential;
use super::route::Routed;
use super::throttle::Throttled;
use crate::hop::Refusal;
use crate::live::Live;
use crate::worker::Worker;
use selvedge_model::{Fault, Principal};
use selvedge_net::issuers::{Active, Unanswered};
use std::sync::Arc;

/// A request whose token was asked about, where that was to be done.
pub(crate) struct Asked {
    pub(crate) routed: Routed,
    /// `None`: nobody was asked.
    pub(crate) said: Option<Said>,
}

/// What the issuer said of the token that the request shows.
pub(crate) struct Said(Option<Active>);

impl Said {
    /// Whom the token speaks for. `None`: it is refused.
    pub(super) fn principal(&self) -> Option<Arc<Principal>> {
        self.0.as_ref().map(|active| active.principal.clone())
    }
}

pub(crate) async fn ask(worker: &Worker, live: &Live, Throttled { routed }: Throttled) -> Result<Asked, Refusal> {
    let Some((issuer, token)) = credential::to_ask(live, &routed) else { return Ok(Asked { routed, said: None }) };
    let said = Box::pin(worker.introspect(issuer, token)).await.map_err(|unanswered| {
        let fault = match unanswered {
            Unanswered::Busy => Fault::Overloaded,
            Unanswered::Nobody | Unanswered::Silent | Unanswered::Timeout => Fault::NoEndpoint,
        };
        Refusal::fault(fault, format_args!("`{issuer}`: {unanswered}"))
    })?;
    Ok(Asked { said: Some(Said(said)), routed })
}
