//! The plan: compiled, immutable configuration, and its content hash.
//!
//! Every node compiles the same signed documents with this code. Two nodes enforce the same policy if and only if
//! their plan hashes are equal; drift is a difference of hashes.

mod federation;
mod hash;
mod keys;
mod limits;
mod route;

pub use keys::KeyTable;
pub use limits::{Limited, Limits, Scope};
pub use route::{Route, RouteTable};

use ahash::RandomState;
use selvedge_config::checked::{Checked, Endpoint, Gateway, Port, Service};
use selvedge_config::{Diagnostic, SourceFile};
use selvedge_model::{Name, SpiffeId, WorkloadKind};
use selvedge_policy::Policy;
use selvedge_schema::Schemas;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Everything that the data plane reads, in one immutable value.
#[derive(Debug)]
pub struct Plan {
    hash: Arc<str>,
    checked: Checked,
    policy: Policy,
    schemas: Schemas,
    routes: HashMap<Name, RouteTable, RandomState>,
    targets: HashMap<Name, Target, RandomState>,
    limits: Limits,
    keys: KeyTable,
}

/// A service as a destination.
#[derive(Debug)]
pub struct Target {
    /// The service's own SPIFFE ID: what its node must prove.
    pub id: SpiffeId,
    /// Where it is reached: registered nodes and written endpoints, without repetition.
    pub endpoints: Arc<[Endpoint]>,
}

/// Checks a whole mesh repository as a plan of it would: conditions, guardrails and OpenAPI descriptions included.
///
/// # Errors
/// Everything that is wrong, sorted by file, line and column.
pub fn check(files: &[SourceFile]) -> Result<(Checked, Policy), Vec<Diagnostic>> {
    let (checked, (policy, _)) = selvedge_config::check_with(files, compile)?;
    Ok((checked, policy))
}

fn compile(checked: &Checked) -> Result<(Policy, Schemas), Vec<Diagnostic>> {
    let bundles = federation::check(checked);
    match (Policy::compile(checked), Schemas::compile(checked)) {
        (Ok(policy), Ok(schemas)) if bundles.is_empty() => Ok((policy, schemas)),
        (policy, schemas) => {
            let found = [policy.err(), schemas.err(), Some(bundles)];
            Err(found.into_iter().flatten().flatten().collect())
        }
    }
}

impl Plan {
    /// Compiles checked documents and the endpoints that nodes registered.
    ///
    /// # Errors
    /// Every condition, guardrail and OpenAPI description that does not compile.
    pub fn compile(checked: Checked, registered: &BTreeMap<Name, Vec<Endpoint>>) -> Result<Plan, Vec<Diagnostic>> {
        let hash = hash::of(&checked, registered);
        let (policy, schemas) = compile(&checked)?;
        let routes = checked.gateways.keys().map(|name| (name.clone(), RouteTable::of(&checked, name))).collect();
        let targets = checked.services.values().map(|service| target(&checked, service, registered)).collect();
        let (limits, keys) = (Limits::of(&checked), KeyTable::of(&checked));
        Ok(Plan { hash, checked, policy, schemas, routes, targets, limits, keys })
    }

    /// The content hash that a plan of these documents and endpoints would have, without compiling it.
    pub fn hash_of(checked: &Checked, registered: &BTreeMap<Name, Vec<Endpoint>>) -> Arc<str> {
        hash::of(checked, registered)
    }

    /// The content hash, as 64 hex digits of SHA-256.
    pub fn hash(&self) -> &Arc<str> {
        &self.hash
    }

    /// The documents that the plan was compiled from.
    pub fn checked(&self) -> &Checked {
        &self.checked
    }

    /// The rules.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// Every limit, ready to be asked.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// API keys by id.
    pub fn keys(&self) -> &KeyTable {
        &self.keys
    }

    /// What the requests of rules are held against.
    pub fn schemas(&self) -> &Schemas {
        &self.schemas
    }

    /// A gateway's document.
    pub fn gateway(&self, name: &Name) -> Option<&Gateway> {
        self.checked.gateways.get(name)
    }

    /// A gateway's routing table.
    pub fn routes(&self, gateway: &Name) -> Option<&RouteTable> {
        self.routes.get(gateway)
    }

    /// A service's document.
    pub fn service(&self, name: &str) -> Option<&Service> {
        self.checked.services.get(name)
    }

    /// A service as a destination.
    pub fn target(&self, name: &str) -> Option<&Target> {
        self.targets.get(name)
    }

    /// The SPIFFE ID of a service, gateway, node or control plane of this mesh.
    pub fn id(&self, kind: &WorkloadKind) -> SpiffeId {
        SpiffeId::of(&self.checked.mesh.trust_domain, kind)
    }

    /// The server name under which a port is dialled inside the mesh: `<port>.<service>.<trust domain>`.
    pub fn server_name(&self, service: &Name, port: &Name) -> String {
        format!("{port}.{service}.{}", self.checked.mesh.trust_domain)
    }

    /// The service and port that a mesh server name stands for.
    pub fn by_server_name(&self, name: &str) -> Option<(&Service, &Port)> {
        let name = name.strip_suffix(self.checked.mesh.trust_domain.as_str())?.strip_suffix('.')?;
        let (port, service) = name.split_once('.')?;
        let service = self.service(service)?;
        let port = service.ports.iter().find(|p| p.name.as_str() == port)?;
        Some((service, port))
    }
}

fn target(checked: &Checked, service: &Service, registered: &BTreeMap<Name, Vec<Endpoint>>) -> (Name, Target) {
    let found = registered.get(&service.name).into_iter().flatten();
    let mut endpoints: Vec<Endpoint> = service.endpoints.iter().chain(found).cloned().collect();
    endpoints.sort();
    endpoints.dedup();
    let id = SpiffeId::of(&checked.mesh.trust_domain, &WorkloadKind::Service(service.name.clone()));
    (service.name.clone(), Target { id, endpoints: endpoints.into() })
}

#[cfg(test)]
mod tests;
