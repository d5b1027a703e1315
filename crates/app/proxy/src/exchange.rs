//! One request from its head to its record, for every role and protocol.

use crate::connection::Connection;
use crate::forward::Forward;
use crate::hop::{Hop, Refusal};
use crate::pipeline::admit;
use crate::respond::refuse;
use crate::stage::inspect::{self, Inspected};
use crate::wire::down::Down;
use crate::wire::timer::Timer;
use crate::worker::Worker;
use selvedge_http::{HeadError, RequestHead};

/// Admits, forwards and records one request. Whatever happens, there is one record.
pub(crate) async fn exchange(
    worker: &Worker,
    connection: &Connection,
    head: Result<RequestHead, HeadError>,
    down: &mut Down<'_>,
    timer: &mut Timer,
) {
    let live = worker.live();
    let mut hop = Hop::begin(connection, &live);
    let admitted = head
        .map_err(|error| Refusal::fault(error.fault(), error))
        .and_then(|head| admit(worker, &live, connection, &mut hop, head));
    let carried = match admitted {
        // After the decision and before a byte goes upstream; it reads the body, so it is no part of `admit`.
        Ok(permitted) => match inspect::inspect(&live, connection, &mut hop, permitted, (down, timer)).await {
            Ok(inspected) => {
                let Inspected { permitted, body } = inspected;
                let forward = Forward { worker, live: &live, connection, permitted, body };
                forward.run(&mut hop, down, timer).await
            }
            Err(refusal) => Err(refusal),
        },
        Err(refusal) => Err(refusal),
    };
    let record = match carried {
        Ok(status) => hop.carried(status),
        Err(refusal) => {
            refuse(down, &refusal, hop.record.id).await;
            hop.refused(&refusal)
        }
    };
    worker.keep(record);
}
