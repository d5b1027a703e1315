//! Transaction tokens on their way through this process: verified once, minted once, handed over once a minute.
//!
//! Each worker has its own; what it holds was verified or signed under one plan and one bundle, and is dropped with them.

mod flight;
mod handed;
mod minted;
mod received;

pub(crate) use flight::{Flight, Flights};
pub(crate) use minted::For;

use crate::connection::Connection;
use crate::hop::{Hop, Refusal};
use crate::live::Live;
use crate::role::Arrival;
use selvedge_authn::txn::{HAND_OVERS_MAX, Outside, Signers, TxnToken};
use selvedge_model::{Fault, Name};
use selvedge_net::{MeshTls, now_s};
use std::sync::Arc;

/// A transaction token that was verified, with the bytes that it came in.
#[derive(Debug)]
pub(crate) struct Carried {
    pub(crate) value: Box<str>,
    pub(crate) token: TxnToken,
    /// Whether it came from the gateway itself: then the exposure is decided again.
    from_gateway: bool,
}

impl Carried {
    /// The outside facts, at the hop that decides the exposure again.
    pub(crate) fn outside(&self) -> Option<&Outside> {
        self.from_gateway.then_some(&self.token.outside)
    }
}

/// The transaction tokens of one worker.
#[derive(Debug, Default)]
pub(crate) struct Custody {
    /// The change under which all of this was verified and signed.
    under: u64,
    signers: Signers,
    received: received::Received,
    minted: minted::Minted,
    handed: handed::Handed,
}

impl Custody {
    /// Our identities, with everything dropped that came of others, or of another plan.
    fn mesh<'l>(&mut self, live: &'l Live) -> Result<&'l MeshTls, Refusal> {
        if self.under != live.serial {
            *self = Custody { under: live.serial, ..Custody::default() };
        }
        live.mesh.as_deref().ok_or_else(|| Refusal::fault(Fault::NotReady, "there are no identities yet"))
    }
}

/// Notes an admitted request while it is in flight, so that its workload can call on for its user. One without a user
/// is noted, too: a trace that it shares with another request says no longer for whom a call is made.
///
/// # Errors
/// When too many are in flight: one that is not noted could pass for another.
pub(crate) fn take_off(
    flights: &Arc<Flights>,
    live: &Live,
    connection: &Connection,
    hop: &Hop,
    carried: Option<&Arc<Carried>>,
) -> Result<Option<Flight>, Refusal> {
    if !live.users || connection.role.arrival != Arrival::MeshLink || !calls_on(live, &connection.at) {
        return Ok(None);
    }
    let Some(trace) = hop.record.trace.as_deref().and_then(trace_id) else { return Ok(None) };
    let carried = carried.filter(|carried| carried.token.user().is_some());
    let flight = Flights::take_off(flights, trace, &connection.at, carried);
    flight.map(Some).ok_or_else(|| Refusal::fault(Fault::NotReady, "too many requests are in flight"))
}

/// The token of the one user for whose request, in flight at this workload, the workload calls on: by the trace id. No
/// trace, an unknown one, or one with requests of several users: no user.
pub(crate) fn in_flight(flights: &Flights, live: &Live, connection: &Connection, hop: &Hop) -> Option<Arc<Carried>> {
    if !live.users || connection.caller.is_none() {
        return None;
    }
    let found = flights.find(hop.record.trace.as_deref().and_then(trace_id)?, &connection.at)?;
    (found.token.hand_overs < HAND_OVERS_MAX && found.token.is_timely(now_s())).then_some(found)
}

fn calls_on(live: &Live, service: &Name) -> bool {
    live.plan.service(service.as_str()).is_some_and(|service| service.outbound.is_some())
}

fn trace_id(trace: &str) -> Option<u128> {
    u128::from_str_radix(trace, 16).ok()
}
