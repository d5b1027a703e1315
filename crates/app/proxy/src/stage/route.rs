//! Which service and port a request is for, as the role finds it.

use super::canon::Canonicalised;
use crate::connection::Connection;
use crate::custody::Carried;
use crate::hop::{Hop, Refusal};
use crate::live::Live;
use crate::role::Finds;
use selvedge_config::checked::{Port, Protocol, Service};
use selvedge_http::Canonical;
use selvedge_model::{Denial, DenialReason, Fault, Name};
use std::sync::Arc;

/// A request whose destination is known.
pub(crate) struct Routed {
    pub(crate) request: Canonical,
    pub(crate) carried: Option<Arc<Carried>>,
    pub(crate) service: Name,
    pub(crate) port: Name,
    /// Issuers whose tokens are read on this route.
    pub(crate) issuers: Arc<[Name]>,
    /// Sets of API keys that are read on this route.
    pub(crate) key_sets: Arc<[Name]>,
    /// Sets of client certificates that count on this route.
    pub(crate) certificate_sets: Arc<[Name]>,
    /// The issuer that is asked about tokens, and the `iss` that it goes by.
    pub(crate) introspecting: Option<(Name, Arc<str>)>,
}

pub(crate) fn find(
    live: &Live,
    connection: &Connection,
    hop: &mut Hop,
    canonical: Canonicalised,
) -> Result<Routed, Refusal> {
    let Canonicalised { request, carried } = canonical;
    let (mut introspecting, mut certificate_sets) = (None, Arc::default());
    let (service, port, issuers, key_sets) = match connection.role.finds {
        Finds::Exposure => {
            let table = live.plan.routes(&connection.at);
            let host = request.host.as_str();
            let route = table.and_then(|table| table.find(host, request.path.as_str(), &request.method));
            let route = route.ok_or_else(not_exposed)?;
            introspecting = route.introspecting.clone();
            certificate_sets = route.certificate_sets.clone();
            (route.service.clone(), route.port.clone(), route.token_issuers.clone(), route.key_sets.clone())
        }
        Finds::LocalWorkload => {
            let port = connection.port.clone();
            let port = port.ok_or_else(|| Refusal::fault(Fault::NotReady, "no port was asked for"))?;
            (connection.at.clone(), port, Arc::default(), Arc::default())
        }
        Finds::NamedService => {
            let (service, port) = named(live, request.host.as_str()).ok_or_else(not_exposed)?;
            (service.name.clone(), port.name.clone(), Arc::default(), Arc::default())
        }
    };
    hop.record.service = Some(service.clone());
    hop.record.port = Some(port.clone());
    Ok(Routed { request, carried, service, port, issuers, key_sets, certificate_sets, introspecting })
}

fn not_exposed() -> Refusal {
    Refusal::Denied(Denial::of(DenialReason::NotExposed))
}

/// `<service>` is its first HTTP port; `<port>.<service>`, and that with the trust domain, is the port of that name.
fn named<'a>(live: &'a Live, host: &str) -> Option<(&'a Service, &'a Port)> {
    let is_http = |port: &&Port| port.protocol != Protocol::Tcp;
    if let Some(service) = live.plan.service(host) {
        return Some((service, service.ports.iter().find(is_http)?));
    }
    let (service, port) = live.plan.by_server_name(host).or_else(|| {
        let (port, service) = host.split_once('.')?;
        let service = live.plan.service(service)?;
        Some((service, service.ports.iter().find(|p| p.name.as_str() == port)?))
    })?;
    is_http(&port).then_some((service, port))
}
