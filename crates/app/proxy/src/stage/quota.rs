//! Limits after the decision: those of the rule that allows, and those of the service, by who asks.
//!
//! Each request is counted once on its way. What comes from outside is counted at the gateway; calls between services, and
//! all callers of a service together, at the last of our hops: the service's own node, or where it has none the hop that
//! calls it.

use super::decide::Permitted;
use super::throttle::take;
use crate::connection::Connection;
use crate::hop::{Hop, Refusal};
use crate::limiter::Caller;
use crate::live::Live;
use crate::role::Finds;
use crate::worker::Worker;
use selvedge_config::checked::Plaintext;
use selvedge_http::Fields;
use selvedge_model::{Name, Principal};
use selvedge_plan::Scope;

/// A permitted request that is within its limits.
pub(crate) struct Admitted {
    pub(crate) permitted: Permitted,
}

pub(crate) fn quota(
    worker: &Worker,
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    mut permitted: Permitted,
) -> Result<Admitted, Refusal> {
    if live.plan.limits().is_empty() {
        return Ok(Admitted { permitted });
    }
    let (user, fields) = (permitted.user.as_deref(), Some(&permitted.request.fields));
    count(worker, live, connection, hop, (&permitted.service, user, fields))?;
    if let (Some(rule), Some(token)) = (&hop.rule, hop.token.take())
        && live.plan.limits().forwards_token(rule)
    {
        // It came as a field value.
        let _ = permitted.request.fields.push(b"authorization", token.as_bytes());
    }
    Ok(Admitted { permitted })
}

/// Counts a TCP connection that was allowed.
pub(crate) fn quota_tcp(
    worker: &Worker,
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    service: &Name,
) -> Result<(), Refusal> {
    if live.plan.limits().is_empty() { Ok(()) } else { count(worker, live, connection, hop, (service, None, None)) }
}

fn count(
    worker: &Worker,
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    (service, user, fields): (&Name, Option<&Principal>, Option<&Fields>),
) -> Result<(), Refusal> {
    let limits = live.plan.limits();
    let rule = hop.rule.clone();
    let of_rule = |at| rule.as_deref().map(|rule| limits.of_rule(rule, at)).unwrap_or_default();
    let first = if connection.role.finds == Finds::Exposure { of_rule(Scope::Gateway) } else { &[] };
    let (mut last, mut whole) = (&[][..], &[][..]);
    if is_last(live, connection, service) {
        (last, whole) = (of_rule(Scope::Service), limits.of_service(service.as_str()));
    }
    if first.is_empty() && last.is_empty() && whole.is_empty() {
        return Ok(());
    }
    let key = hop.record.key.clone();
    let caller = Caller {
        role: connection.role.name.as_str(),
        client: hop.record.client,
        user,
        key: key.as_deref(),
        // What a gateway brings is one caller.
        service: connection.peer_id().unwrap_or(&connection.own),
        fields,
    };
    take(worker, live, hop, first.iter().chain(last).chain(whole), &caller)
}

/// Whether no further hop of ours will count.
fn is_last(live: &Live, connection: &Connection, service: &Name) -> bool {
    match connection.role.finds {
        Finds::LocalWorkload => true,
        Finds::Exposure | Finds::NamedService => {
            live.plan.service(service.as_str()).is_some_and(|service| service.plaintext == Plaintext::Accept)
        }
    }
}
