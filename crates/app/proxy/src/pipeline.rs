//! The order of the stages, and why it is this one.
//!
//! Each stage takes the proof that the former gave, so another order does not compile. What is decided here is decided
//! for every role and protocol: HTTP/1.1 and HTTP/2 at the edge, inside the mesh, and on the way out.

use crate::connection::Connection;
use crate::hop::{Hop, Refusal};
use crate::live::Live;
use crate::stage::decide::Permitted;
use crate::stage::{canon, decide, identify, route};
use crate::worker::Worker;
use selvedge_http::RequestHead;

/// Takes a request as far as the permission to forward it.
///
/// # Errors
/// The first stage that refuses it; nothing was sent anywhere.
pub(crate) fn admit(
    worker: &Worker,
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    head: RequestHead,
) -> Result<Permitted, Refusal> {
    // One form first: everything after it looks at that form alone, so no two stages can disagree about the request.
    let canonical = canon::canonicalise(worker, live, connection, hop, head)?;
    // Routing before identity: which credential is read, and whether one is, depends on the exposures of the route.
    let routed = route::find(live, connection, hop, canonical)?;
    // Identity before the decision: who asks is part of the facts.
    let identified = identify::identify(worker, live, connection, hop, routed)?;
    // The decision last: it needs all facts, and nothing but a permission can be forwarded.
    decide::decide(live, connection, hop, identified)
}
