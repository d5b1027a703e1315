//! One request from its head to its record, for every role and protocol.

use crate::connection::Connection;
use crate::custody::take_off;
use crate::forward::Forward;
use crate::hop::{Hop, Refusal};
use crate::live::Live;
use crate::pipeline::admit;
use crate::respond::refuse;
use crate::stage::inspect::{self, Inspected};
use crate::upgrade;
use crate::wire::down::Down;
use crate::wire::timer::Timer;
use crate::worker::Worker;
use selvedge_http::{HeadError, RequestHead};
use selvedge_model::Fault;
use std::time::Duration;
use tokio::time::Instant;

/// Admits, forwards and records one request. Whatever happens, there is one record. Returns when it ended.
pub(crate) async fn exchange(
    worker: &Worker,
    connection: &Connection,
    head: Result<RequestHead, HeadError>,
    down: &mut Down<'_>,
    timer: &mut Timer,
) -> Instant {
    let live = worker.live();
    let mut hop = Hop::begin(connection, &live);
    let is_grpc = matches!(down, Down::H2(_)) && head.as_ref().is_ok_and(is_grpc);
    hop.upgrades = matches!(down, Down::H1(_)) && head.as_ref().is_ok_and(upgrade::is_asked);
    let room = worker.enter(connection.limits.requests_max);
    let overloaded = || Refusal::fault(Fault::Overloaded, "this process has as much under way as it may");
    let started = hop.started();
    let head = head
        .map_err(|error| Refusal::fault(error.fault(), error))
        .and_then(|head| room.as_ref().map(|_| head).ok_or_else(overloaded));
    let admitted = match head {
        Ok(head) => admit(worker, &live, connection, &mut hop, head).await,
        Err(refusal) => Err(refusal),
    };
    let carried = match admitted {
        // After the decision and before a byte goes upstream; it reads the body, so it is no part of `admit`.
        Ok(admitted) => match inspect::inspect(&live, connection, &mut hop, admitted, (down, timer)).await {
            Ok(inspected) => send(worker, &live, connection, inspected, (&mut hop, down, timer)).await,
            Err(refusal) => Err(refusal),
        },
        Err(refusal) => Err(refusal),
    };
    let record = match carried {
        Ok(status) => hop.carried(status),
        Err(refusal) => {
            refuse(down, &refusal, &hop, is_grpc).await;
            hop.refused(&refusal)
        }
    };
    let ended = started + Duration::from_micros(record.duration_us);
    worker.keep(record);
    ended
}

/// Sends what may go upstream, and the answer back.
async fn send(
    worker: &Worker,
    live: &Live,
    connection: &Connection,
    inspected: Inspected,
    (hop, down, timer): (&mut Hop, &mut Down<'_>, &mut Timer),
) -> Result<u16, Refusal> {
    let Inspected { permitted, body } = inspected;
    // Held until the answer is whole: so long the workload may call on for this user.
    let _flight = take_off(worker.flights(), live, connection, hop, permitted.carried.as_ref())?;
    Forward { worker, live, connection, permitted, body }.run(hop, down, timer).await
}

/// Whether the client expects a status in trailers (gRPC over HTTP/2, "Content-Type").
fn is_grpc(head: &RequestHead) -> bool {
    let media_type = head.fields.all("content-type").next().and_then(|value| value.strip_prefix(b"application/grpc"));
    media_type.is_some_and(|rest| rest.first().is_none_or(|byte| b"+;".contains(byte)))
}
