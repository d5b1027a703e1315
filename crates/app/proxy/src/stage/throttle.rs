//! Limits before identity: how often a client address may ask at a gateway at all, whoever it says it is.

use super::route::Routed;
use crate::connection::Connection;
use crate::hop::{Hop, Refusal};
use crate::limiter::{Caller, Moment};
use crate::live::Live;
use crate::role::Accepts;
use crate::worker::Worker;
use selvedge_model::{Denial, DenialReason};
use selvedge_plan::Limited;

/// A routed request whose address has not asked too often.
pub(crate) struct Throttled {
    pub(crate) routed: Routed,
}

pub(crate) fn throttle(
    worker: &Worker,
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    routed: Routed,
) -> Result<Throttled, Refusal> {
    let limits = match connection.role.accepts {
        Accepts::EdgeCredential => live.plan.limits().of_gateway(connection.at.as_str()),
        Accepts::PeerSvid | Accepts::LocalWorkload => &[],
    };
    if !limits.is_empty() {
        let caller = Caller {
            role: connection.role.name.as_str(),
            client: hop.record.client,
            user: None,
            key: None,
            service: &connection.own,
            fields: Some(&routed.request.fields),
        };
        take(worker, live, hop, limits.iter(), &caller)?;
    }
    Ok(Throttled { routed })
}

/// Takes one from each limit, or refuses.
pub(super) fn take<'l>(
    worker: &Worker,
    live: &Live,
    hop: &mut Hop,
    limits: impl Iterator<Item = &'l Limited>,
    caller: &Caller<'_>,
) -> Result<(), Refusal> {
    let keys = live.plan.checked().mesh.limit_keys as usize;
    let moment = Moment { at: hop.started.into(), now_s: hop.record.time_ms / 1_000, keys };
    worker.limiter().take(limits, caller, moment, &mut hop.told, &mut hop.held).map_err(|limit| {
        hop.record.limit = Some(limit);
        Refusal::Denied(Denial::of(DenialReason::RateExceeded))
    })
}
