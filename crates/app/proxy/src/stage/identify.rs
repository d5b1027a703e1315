//! Who asks: the credential at the edge, the peer's SVID inside, the process on this machine.

use super::route::Routed;
use crate::connection::Connection;
use crate::custody::{Carried, in_flight};
use crate::hop::{Hop, Refusal};
use crate::live::Live;
use crate::role::Accepts;
use crate::worker::Worker;
use selvedge_authn::bearer;
use selvedge_http::Canonical;
use selvedge_model::{Fault, Name, Principal};
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
    /// One that speaks for this principal.
    Token(Arc<Principal>),
}

pub(crate) fn identify(
    worker: &Worker,
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    mut routed: Routed,
) -> Result<Identified, Refusal> {
    let user = match connection.role.accepts {
        Accepts::EdgeCredential if routed.issuers.is_empty() => Shown::Absent,
        Accepts::EdgeCredential => token(worker, live, &mut routed.request, &routed.issuers),
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

/// The bearer token, verified against the issuers of the route. It is not sent on.
fn token(worker: &Worker, live: &Live, request: &mut Canonical, issuers: &[Name]) -> Shown {
    let shown = match request.fields.single("authorization") {
        Ok(None) => return Shown::Absent,
        Ok(Some(value)) => bearer(value).ok().and_then(|token| worker.verify(live, token, issuers)),
        Err(_) => None,
    };
    request.fields.retain(|name| name != "authorization");
    shown.map_or(Shown::Refused, Shown::Token)
}
