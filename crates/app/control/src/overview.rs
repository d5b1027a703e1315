//! What `selvedge identity show`, `bundle` and `doctor` are told.

use crate::shared::Shared;
use crate::{alarms, rotate};
use selvedge_identity::{Rotation, TrustBundle};
use serde::{Deserialize, Serialize};

/// Where the identities of the mesh stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdentityOverview {
    /// What every node trusts.
    pub bundle: TrustBundle,
    /// Which root signs, and which are before and after it.
    pub rotation: Rotation,
    /// When the intermediate that signs was made, in seconds since 1970.
    pub intermediate_not_before: u64,
    /// When it ends, in seconds since 1970.
    pub intermediate_not_after: u64,
    /// Serial numbers and identities that are revoked.
    pub revoked: Vec<String>,
    /// What ends soon.
    pub alarms: Vec<String>,
    /// Who would break if the root were rotated now, or what rotation waits for.
    pub waits_for: Vec<String>,
    /// Control's clock, in seconds since 1970.
    pub now: u64,
}

pub(crate) fn of(shared: &Shared) -> IdentityOverview {
    let (standing, now) = (shared.standing(), shared.now_s());
    // By itself: the rehearsal looks at the world too.
    let revoked = shared.world().revoked.entries().map(|(name, _)| name.to_owned()).collect();
    IdentityOverview {
        bundle: standing.bundle.clone(),
        rotation: standing.rotation.clone(),
        intermediate_not_before: standing.intermediate.0,
        intermediate_not_after: standing.intermediate.1,
        revoked,
        alarms: alarms::of(shared),
        waits_for: rotate::rehearse(shared),
        now,
    }
}
