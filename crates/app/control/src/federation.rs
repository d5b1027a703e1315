//! The bundles of other trust domains: what is known of each, and what is said of it. What is bad is refused as a whole, and
//! the last good bundle stays. Pure: `polling` fetches.

use selvedge_config::Checked;
use selvedge_config::checked::Federation as Written;
use selvedge_identity::{ForeignBundle, TrustBundle, facts, fingerprint};
use selvedge_model::TrustDomain;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Seconds between two fetches: what a bundle may ask for, and what holds where it says nothing.
const REFRESH_S: std::ops::RangeInclusive<u64> = 5..=24 * 3600;
const REFRESH_S_DEFAULT: u64 = 300;
/// So many refreshes without an answer are an alarm.
const MISSED_MAX: u64 = 3;
/// Seconds before the last root ends at which it is said: nobody there has rotated in time.
const ENDS_S: u64 = 24 * 3600;

/// What is known of federated trust domains. Kept on disk.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Federation {
    domains: BTreeMap<TrustDomain, Known>,
}

/// What is known of one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Known {
    /// The last good bundle; `None` before the first.
    bundle: Option<TrustBundle>,
    /// The hash of what the documents begin with: another beginning forgets all this.
    begun_with: String,
    /// In seconds since 1970; zero: never.
    fetched_at: u64,
    refresh_s: u64,
    /// Why the last fetch brought nothing.
    #[serde(default)]
    error: Option<String>,
}

/// A federated trust domain, for the operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FederationStatus {
    /// The trust domain.
    pub trust_domain: TrustDomain,
    /// The sequence number of its bundle that is in use.
    pub sequence: u64,
    /// SHA-256 of its roots, hex.
    pub roots: Vec<String>,
    /// How long ago the endpoint answered well, in seconds; `None`: it never did.
    pub fetched_s_ago: Option<u64>,
    /// Why the last fetch brought nothing.
    pub error: Option<String>,
}

impl Federation {
    /// The bundles for the nodes: what was fetched, or else what the documents begin with.
    pub(crate) fn bundles(&self, checked: &Checked) -> Vec<TrustBundle> {
        checked.mesh.federates_with.values().filter_map(|written| self.bundle(written)).collect()
    }

    pub(crate) fn bundle(&self, written: &Written) -> Option<TrustBundle> {
        self.known(written).and_then(|known| known.bundle.clone()).or_else(|| first(written))
    }

    /// What is known, unless the documents begin anew.
    fn known(&self, written: &Written) -> Option<&Known> {
        self.domains.get(&written.trust_domain).filter(|known| known.begun_with == beginning(written))
    }

    /// Why the last fetch brought nothing, and after how many seconds the next is due.
    pub(crate) fn last(&self, domain: &TrustDomain) -> (Option<String>, u64) {
        let known = self.domains.get(domain);
        known.map_or((None, REFRESH_S_DEFAULT), |known| (known.error.clone(), known.refresh_s))
    }

    /// Notes the outcome of a fetch. `true`: the bundle is another than before.
    pub(crate) fn note(
        &mut self,
        written: &Written,
        fetched: Result<ForeignBundle, String>,
        ours: &TrustBundle,
        now: u64,
    ) -> bool {
        let before = self.bundle(written);
        let taken = fetched.and_then(|found| match found.succeeds(before.as_ref(), ours) {
            Ok(()) => Ok(found),
            Err(reason) => Err(format!("the bundle of `{}` is refused: {reason}", written.trust_domain)),
        });
        let begun_with = beginning(written);
        let fresh = || Known { bundle: None, begun_with, fetched_at: 0, refresh_s: REFRESH_S_DEFAULT, error: None };
        let known = self.known(written).cloned();
        let mut known = known.unwrap_or_else(fresh);
        match taken {
            Ok(found) => {
                let hint = found.refresh_hint_s.unwrap_or(REFRESH_S_DEFAULT);
                known.refresh_s = hint.clamp(*REFRESH_S.start(), *REFRESH_S.end());
                (known.bundle, known.fetched_at, known.error) = (Some(found.bundle), now, None);
            }
            Err(reason) => known.error = Some(reason),
        }
        self.domains.insert(written.trust_domain.clone(), known);
        self.bundle(written) != before
    }

    /// What is wrong, or will be; one line each.
    pub(crate) fn alarms(&self, checked: &Checked, now: u64) -> Vec<String> {
        checked.mesh.federates_with.values().filter_map(|written| self.alarm(written, now)).collect()
    }

    fn alarm(&self, written: &Written, now: u64) -> Option<String> {
        let (domain, known) = (&written.trust_domain, self.known(written));
        let error = known.and_then(|known| known.error.as_deref());
        let Some(bundle) = self.bundle(written) else {
            let why = error.unwrap_or("it was not fetched yet");
            return Some(format!("nobody of `{domain}` is believed, since its bundle is not known: {why}"));
        };
        if bundle.roots.is_empty() {
            return Some(format!("nobody of `{domain}` is believed: it has taken back all of its roots"));
        }
        let ends = bundle.roots.iter().filter_map(|root| Some(facts(root).ok()?.not_after)).max().unwrap_or_default();
        if ends < now.saturating_add(ENDS_S) {
            let what = if ends < now { "has ended" } else { "ends within a day" };
            return Some(format!("the last root of `{domain}` that is known {what}: ask there for its next one"));
        }
        let (fetched_at, refresh_s) = known.map_or((0, REFRESH_S_DEFAULT), |known| (known.fetched_at, known.refresh_s));
        let late = now.saturating_sub(fetched_at) > MISSED_MAX * refresh_s;
        error
            .filter(|_| late)
            .map(|error| format!("the bundle of `{domain}` gets old, and the last good one stays: {error}"))
    }

    /// What is known of those that the documents name.
    pub(crate) fn status(&self, checked: &Checked, now: u64) -> Vec<FederationStatus> {
        let one = |written: &Written| {
            let (known, bundle) = (self.known(written), self.bundle(written));
            let fetched_at = known.map(|known| known.fetched_at).filter(|at| *at > 0);
            FederationStatus {
                trust_domain: written.trust_domain.clone(),
                sequence: bundle.as_ref().map_or(0, |bundle| bundle.sequence),
                roots: bundle.map(|bundle| bundle.fingerprints()).unwrap_or_default(),
                fetched_s_ago: fetched_at.map(|at| now.saturating_sub(at)),
                error: known.and_then(|known| known.error.clone()),
            }
        };
        checked.mesh.federates_with.values().map(one).collect()
    }
}

/// One endpoint of one beginning: another is asked at once.
pub(crate) fn key(written: &Written) -> (TrustDomain, String) {
    let place = format!("{} {:?} {}", written.endpoint, written.profile, beginning(written));
    (written.trust_domain.clone(), place)
}

/// What the documents begin with. INVARIANT: documents were checked, so that it is a bundle.
fn first(written: &Written) -> Option<TrustBundle> {
    let text = written.first.as_ref()?;
    Some(ForeignBundle::read(&written.trust_domain, text.as_str().as_bytes()).ok()?.bundle)
}

fn beginning(written: &Written) -> String {
    written.first.as_ref().map(|text| fingerprint(text.as_str().as_bytes())).unwrap_or_default()
}

#[cfg(test)]
mod tests;
