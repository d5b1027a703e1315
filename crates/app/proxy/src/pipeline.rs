//! The order of the stages, and why it is this one.
//!
//! Each stage takes the proof that the former gave, so another order does not compile. What is decided here is decided
//! for every role and protocol: HTTP/1.1 and HTTP/2 at the edge, inside the mesh, and on the way out.

use crate::connection::Connection;
use crate::hop::{Hop, Refusal};
use crate::live::Live;
use crate::stage::quota::Admitted;
use crate::stage::{ask, canon, decide, identify, quota, route, throttle};
use crate::worker::Worker;
use selvedge_http::RequestHead;

/// Takes a request as far as the permission to forward it.
///
/// # Errors
/// The first stage that refuses it; nothing was sent anywhere.
pub(crate) async fn admit(
    worker: &Worker,
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    head: RequestHead,
) -> Result<Admitted, Refusal> {
    // One form first: everything after it looks at that form alone, so no two stages can disagree about the request.
    let canonical = canon::canonicalise(worker, live, connection, hop, head)?;
    // Routing before identity: which credential is read, and whether one is, depends on the exposures of the route.
    let routed = route::find(live, connection, hop, canonical)?;
    // By address before identity: a flood is to cost no signature that is verified for it.
    let throttled = throttle::throttle(worker, live, connection, hop, routed)?;
    // An opaque token says nothing itself: its issuer is asked, after the limits, since that costs somebody else too.
    let asked = ask::ask(worker, live, throttled).await?;
    // Identity before the decision: who asks is part of the facts.
    let identified = identify::identify(worker, live, connection, hop, asked)?;
    // The decision when all facts are there; nothing but a permission can be forwarded.
    let permitted = decide::decide(live, connection, hop, identified)?;
    // By caller after the decision: what is not permitted takes nothing from what is.
    quota::quota(worker, live, connection, hop, permitted)
}
