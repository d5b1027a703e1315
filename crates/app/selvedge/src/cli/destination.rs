//! Where a recorded request goes under a plan: a gateway routes it again, inside it goes where it went.

use selvedge_plan::Plan;
use selvedge_policy::{Destination, Recorded};

/// `None`: the gateway exposes nothing there.
pub(super) fn destination<'a>(plan: &'a Plan, recorded: &Recorded<'a>) -> Option<Destination<'a>> {
    let Some((gateway, host, path, method)) = recorded.at_gateway() else { return recorded.destination() };
    let route = plan.routes(gateway)?.find(host, path, method)?;
    Some(Destination { service: &route.service, port: &route.port, issuers: Some(&route.issuers) })
}
