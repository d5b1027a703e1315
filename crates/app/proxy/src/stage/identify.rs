//! Who asks: the credential at the edge, the peer's SVID inside, the process on this machine.

use super::ask::Asked;
use super::credential::{self, Bad};
use super::route::Routed;
use crate::connection::Connection;
use crate::custody::{Carried, in_flight};
use crate::hop::{Hop, Refusal};
use crate::live::Live;
use crate::role::Accepts;
use crate::worker::Worker;
use selvedge_model::{Fault, Principal};
use selvedge_net::now_s;
use std::sync::Arc;

/// A request whose caller is known, as far as it made itself known.
pub(crate) struct Identified {
    pub(crate) routed: Routed,
    pub(crate) user: Shown,
}

/// The credential that came with a request.
#[derive(Debug, Clone)]
pub(crate) enum Shown {
    /// None.
    Absent,
    /// One that is refused; never downgraded to none.
    Refused,
    /// One that speaks for this principal: a token, or an API key.
    Token(Arc<Principal>),
}

pub(crate) fn identify(
    worker: &Worker,
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    Asked { mut routed, said }: Asked,
) -> Result<Identified, Refusal> {
    let user = match connection.role.accepts {
        Accepts::EdgeCredential => {
            match credential::shown(worker, live, hop, &mut routed, said.map(|said| said.principal())) {
                // What the request itself shows goes before what its connection does.
                Ok(None) => by_certificate(live, connection, hop, &routed),
                Ok(Some(principal)) => Shown::Token(principal),
                Err(Bad) => Shown::Refused,
            }
        }
        Accepts::PeerSvid => {
            still_valid(connection)?;
            user_of(routed.carried.as_deref())
        }
        Accepts::LocalWorkload => {
            routed.carried = in_flight(worker.flights(), live, connection, hop);
            user_of(routed.carried.as_deref())
        }
    };
    match &user {
        Shown::Token(principal) => hop.record.user = Some(Arc::clone(principal)),
        Shown::Refused => hop.record.refused = true,
        Shown::Absent => {}
    }
    Ok(Identified { routed, user })
}

/// Whom the certificate of an outside caller speaks for, where a rule of the route takes one.
fn by_certificate(live: &Live, connection: &Connection, hop: &mut Hop, routed: &Routed) -> Shown {
    hop.challenge.certificate = !routed.certificate_sets.is_empty();
    let Some(client) = connection.client_certificate.as_ref().filter(|_| hop.challenge.certificate) else {
        return Shown::Absent;
    };
    client.user(&live.clients, &routed.certificate_sets, now_s()).map_or(Shown::Refused, Shown::Token)
}

/// The end user for whom one of our own hops speaks.
fn user_of(carried: Option<&Carried>) -> Shown {
    carried.and_then(|carried| carried.token.user()).map_or(Shown::Absent, |user| Shown::Token(user.clone()))
}

/// A connection outlives the certificate that it was made with; the identity does not.
fn still_valid(connection: &Connection) -> Result<(), Refusal> {
    match &connection.caller {
        Some(caller) if caller.until > now_s() => Ok(()),
        Some(_) => Err(Refusal::fault(Fault::NotReady, "the peer's certificate has ended since it connected")),
        None => Err(Refusal::fault(Fault::NotReady, "the peer has not proven who it is")),
    }
}
