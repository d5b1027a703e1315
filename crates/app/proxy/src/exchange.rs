//! One request from its head to its record, for every role and protocol.

use crate::connection::Connection;
use crate::custody::take_off;
use crate::forward::Forward;
use crate::hop::{Hop, Refusal};
use crate::pipeline::admit;
use crate::respond::refuse;
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
        Ok(permitted) => match take_off(worker.flights(), &live, connection, &hop, permitted.carried.as_ref()) {
            // Held until the answer is whole: so long the workload may call on for this user.
            Ok(_flight) => {
                let forward = Forward { worker, live: &live, connection, permitted };
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
