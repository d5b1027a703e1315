//! Which services deal with which federated trust domains.

use crate::Diagnostic;
use crate::checked::{Access, From, Mesh, Service};
use crate::reader::Placed;
use selvedge_model::{Name, TrustDomain};
use std::collections::BTreeMap;

/// Services name trust domains that the mesh federates with.
pub(super) fn check(mesh: &Mesh, services: &BTreeMap<Name, Placed<Service>>, found: &mut Vec<Diagnostic>) {
    for service in services.values() {
        for domain in service.value.federates_with.iter().filter(|domain| !mesh.federates_with.contains_key(*domain)) {
            let message = format!("`{}` federates with `{domain}`, and the mesh does not", service.value.name);
            found.push(service.error("unknown-name", message, "write it under `federatesWith` of the `Mesh` too"));
        }
    }
}

/// A service whose rules name workloads of a trust domain gets its roots, too.
pub(super) fn fill(
    mut services: BTreeMap<Name, Placed<Service>>,
    access: &[Access],
) -> BTreeMap<Name, Placed<Service>> {
    for access in access {
        let domains = access.rules.iter().filter_map(|rule| match &rule.from {
            From::Federated(id) => TrustDomain::parse(id.trust_domain()).ok(),
            From::Gateway { .. } | From::Services(_) => None,
        });
        if let Some(service) = services.get_mut(&access.service) {
            service.value.federates_with.extend(domains);
        }
    }
    services
}
