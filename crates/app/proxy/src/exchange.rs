//! One request from its head to its record, for every role and protocol.

use crate::connection::Connection;
use crate::forward::Forward;
use crate::hop::{Hop, Refusal};
use crate::pipeline::admit;
use crate::respond::refuse;
use crate::wire::down::Down;
use crate::wire::timer::Timer;
use crate::worker::Worker;
use selvedge_http::{HeadError, RequestHead};
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
    let started = hop.started();
    let admitted = head
        .map_err(|error| Refusal::fault(error.fault(), error))
        .and_then(|head| admit(worker, &live, connection, &mut hop, head));
    let carried = match admitted {
        Ok(permitted) => {
            let forward = Forward { worker, live: &live, connection, permitted };
            forward.run(&mut hop, down, timer).await
        }
        Err(refusal) => Err(refusal),
    };
    let record = match carried {
        Ok(status) => hop.carried(status),
        Err(refusal) => {
            refuse(down, &refusal, hop.record.id).await;
            hop.refused(&refusal)
        }
    };
    let ended = started + Duration::from_micros(record.duration_us);
    worker.keep(record);
    ended
}
