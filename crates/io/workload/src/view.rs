//! What a node has to give out now, and to whom.

use selvedge_config::checked::{Outbound, Port, Workload};
use selvedge_identity::{Revoked, Svid, TrustBundle};
use selvedge_model::{Name, TrustDomain};
use selvedge_net::attest::{LocalPeer, Look, Mismatch, matches};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Everything that can be given out. A new one takes its place as a whole when anything changes.
#[derive(Debug, Clone)]
pub struct View {
    /// The trust domain's own roots.
    pub trust: TrustBundle,
    /// What is believed no more before its time.
    pub revoked: Arc<Revoked>,
    /// Roots of federated trust domains.
    pub federated: Vec<TrustBundle>,
    /// Keys that verify JWT-SVIDs, a JWK set for each trust domain's SPIFFE ID.
    pub jwt: BTreeMap<String, Arc<str>>,
    /// The services of this node, in order of name.
    pub offers: Vec<Offer>,
}

/// A service's identity, and who may have it.
#[derive(Debug, Clone)]
pub struct Offer {
    /// The service.
    pub service: Name,
    /// Who on this node may claim to be it.
    pub workload: Option<Workload>,
    /// Its SVID; `None` when it was not issued (yet).
    pub svid: Option<Svid>,
    /// The federated trust domains whose bundles it gets.
    pub federates_with: BTreeSet<TrustDomain>,
    /// Its ways into the mesh.
    pub outbound: Option<Outbound>,
    /// Where the mesh expects it to listen.
    pub ports: Vec<Port>,
}

impl Entitled<'_> {
    /// Every bundle that it gets: of federated trust domains, and of its own.
    pub(crate) fn bundles(&self) -> impl Iterator<Item = &TrustBundle> {
        self.federated.iter().copied().chain([&self.view.trust])
    }
}

/// What a process gets.
pub(crate) struct Entitled<'v> {
    pub(crate) view: &'v View,
    /// The first is the default one; never empty.
    pub(crate) offers: Vec<(&'v Name, &'v Svid)>,
    /// The bundles of the trust domains that one of its services deals with.
    pub(crate) federated: Vec<&'v TrustBundle>,
}

impl View {
    /// How much of a process has to be looked at.
    pub(crate) fn look(&self) -> Look {
        Look::of(self.offers.iter().map(|offer| offer.workload.as_ref()).chain([None])).max(Look::Process)
    }

    /// What the process gets.
    ///
    /// # Errors
    /// Why it gets nothing, for the operator: what came closest.
    pub(crate) fn entitled(&self, peer: &LocalPeer) -> Result<Entitled<'_>, String> {
        let fits = |offer: &&Offer| is_workload(offer, peer).is_ok();
        let found: Vec<&Offer> = self.offers.iter().filter(fits).collect();
        if found.is_empty() {
            return Err(self.closest(peer));
        }
        let mut offers: Vec<_> =
            found.iter().filter_map(|offer| Some((&offer.service, offer.svid.as_ref()?))).collect();
        if offers.is_empty() {
            let names: Vec<String> = found.iter().map(|offer| format!("`{}`", offer.service)).collect();
            return Err(format!("it is {}, which has no certificate yet", names.join(" and ")));
        }
        // What it was started as is what it is first.
        offers.sort_by_key(|(service, _)| peer.run_as.as_ref() != Some(service));
        let deals = |trust: &&TrustBundle| found.iter().any(|offer| offer.federates_with.contains(&trust.trust_domain));
        let federated = self.federated.iter().filter(deals).collect();
        Ok(Entitled { view: self, offers, federated })
    }

    fn closest(&self, peer: &LocalPeer) -> String {
        let mismatches = self.offers.iter().filter_map(|offer| {
            let mismatch = is_workload(offer, peer).err()?;
            Some((&offer.service, mismatch))
        });
        match mismatches.max_by_key(|(_, mismatch)| mismatch.held) {
            Some((service, mismatch)) => format!("`{service}` came closest: {mismatch}"),
            None => "this node stands beside no service: name them in its join token".to_owned(),
        }
    }
}

fn is_workload(offer: &Offer, peer: &LocalPeer) -> Result<(), Mismatch> {
    if peer.run_as.as_ref() == Some(&offer.service) {
        return Ok(());
    }
    match &offer.workload {
        Some(workload) => matches(workload, peer),
        None => Err(Mismatch { held: 0, reason: "its document has no `workload`, so no process is it".to_owned() }),
    }
}
