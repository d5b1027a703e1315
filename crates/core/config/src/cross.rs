//! Cross-references: what documents say of each other, and the defaults that depend on it.

mod client;
mod expectation;
mod exposure;
mod federation;
mod introspection;
mod key;
mod rule;
mod schema;

use crate::Diagnostic;
use crate::checked::{Checked, Gateway, Mesh, Places, Protocol, Service};
use crate::data::SchemaFile;
use crate::document::expectation::{Expectation, Strangers, Targets};
use crate::document::{Access, Caller, Documents};
use crate::reader::{Placed, nearest};
use selvedge_model::Name;
use std::collections::{BTreeMap, BTreeSet};

/// Checks documents against each other; `None` when there is no mesh to speak of.
pub(crate) fn check(documents: Documents, found: &mut Vec<Diagnostic>) -> Option<Checked> {
    let gateways = by_name(documents.gateways, "Gateway", |gateway| &gateway.name, found);
    let services = by_name(documents.services, "Service", |service| &service.name, found);
    let access = by_name(documents.access, "Access", |access| &access.name, found);
    let expectations = by_name(documents.expectations, "Expectation", |expectation| &expectation.name, found);
    let mut mesh = one_mesh(documents.meshes, found)?;
    key::fill(&mut mesh, documents.keys, found);
    let world = World { mesh: &mesh, gateways: &gateways, services: &services, schemas: &documents.schemas };
    gateways.values().for_each(|gateway| check_listeners(gateway, found));
    gateways.values().for_each(|gateway| client::check_listeners(gateway, &mesh, found));
    check_outbound(&services, found);
    federation::check(&mesh, &services, found);
    let places = Places { issuers: documents.issuers, selectors: selectors(access.values(), expectations.values()) };
    let access: Vec<_> = access.into_values().filter_map(|access| rule::resolve(access.value, &world, found)).collect();
    exposure::check(&access, found);
    introspection::check(&access, &mesh, found);
    let expectations =
        expectations.into_values().map(|document| expectation::resolve(document, &world, found)).collect();
    let mut guardrails = documents.guardrails;
    guardrails.sort_by(|a, b| a.text.file().cmp(b.text.file()));
    let mut schemas = documents.schemas;
    schemas.sort_by(|a, b| a.name.cmp(&b.name));
    let unplaced = |(name, placed): (Name, Placed<Service>)| (name, placed.value);
    let services = federation::fill(services, &access);
    Some(Checked {
        gateways: gateways.iter().map(|(name, placed)| (name.clone(), placed.value.clone())).collect(),
        services: services.into_iter().map(unplaced).collect(),
        mesh,
        access,
        guardrails,
        schemas,
        expectations,
        allow: documents.allow,
        places,
    })
}

/// The labels by which rules and expectations select services.
fn selectors<'d>(
    access: impl Iterator<Item = &'d Placed<Access>>,
    expectations: impl Iterator<Item = &'d Placed<Expectation>>,
) -> BTreeSet<(String, String)> {
    let mut selectors = BTreeSet::new();
    let mut add = |labels: &BTreeMap<String, String>| {
        selectors.extend(labels.iter().map(|(key, value)| (key.clone(), value.clone())));
    };
    for rule in access.flat_map(|access| &access.value.rules) {
        if let Caller::Labels(labels) = &rule.from {
            add(&labels.value);
        }
    }
    for never in expectations.flat_map(|expectation| &expectation.value.never) {
        if let Strangers::Labels(labels) = &never.from {
            add(&labels.value);
        }
        if let Targets::Labels(labels) = &never.to {
            add(&labels.value);
        }
    }
    selectors
}

/// What a rule may refer to.
pub(crate) struct World<'a> {
    pub(crate) mesh: &'a Mesh,
    pub(crate) gateways: &'a BTreeMap<Name, Placed<Gateway>>,
    pub(crate) services: &'a BTreeMap<Name, Placed<Service>>,
    pub(crate) schemas: &'a [SchemaFile],
}

fn one_mesh(meshes: Vec<Placed<Mesh>>, found: &mut Vec<Diagnostic>) -> Option<Mesh> {
    let mut meshes = meshes.into_iter();
    let Some(first) = meshes.next() else {
        found.push(Diagnostic {
            code: "no-mesh",
            file: "".into(),
            line: 1,
            column: 1,
            width: 1,
            message: "a mesh repository has one Mesh document".to_owned(),
            help: "add one, or run `selvedge init` in an empty directory to see a whole repository".to_owned(),
        });
        return None;
    };
    for second in meshes {
        let message = format!("`{}` is a second Mesh document", second.value.name);
        found.push(second.error("duplicate-name", message, "keep one"));
    }
    Some(first.value)
}

fn by_name<T>(
    placed: Vec<Placed<T>>,
    kind: &str,
    name: impl Fn(&T) -> &Name,
    found: &mut Vec<Diagnostic>,
) -> BTreeMap<Name, Placed<T>> {
    let mut map = BTreeMap::<Name, Placed<T>>::new();
    for document in placed {
        let name = name(&document.value).clone();
        if let Some(first) = map.get(&name) {
            let message = format!("`{name}` is the name of another {kind}");
            let help = format!("rename one of them; the other is at {}:{}", first.file, first.at.line);
            found.push(document.error("duplicate-name", message, help));
            continue;
        }
        map.insert(name, document);
    }
    map
}

/// An error for a name that refers to nothing, with the name that was probably meant.
pub(crate) fn unknown<'n>(name: &Placed<Name>, kind: &str, names: impl Iterator<Item = &'n Name>) -> Diagnostic {
    let names: Vec<&str> = names.map(Name::as_str).collect();
    let help = match nearest(name.value.as_str(), names.iter().copied()) {
        Some(near) => format!("did you mean `{near}`?"),
        None if names.is_empty() => format!("there is no {kind} yet"),
        None => format!("there are: {}", names.join(", ")),
    };
    name.error("unknown-name", format!("there is no {kind} `{}`", name.value), help)
}

fn check_listeners(gateway: &Placed<Gateway>, found: &mut Vec<Diagnostic>) {
    let mut seen = std::collections::BTreeSet::new();
    for listener in &gateway.value.listeners {
        if !seen.insert(listener.address) {
            let message = format!("two listeners of `{}` have the address `{}`", gateway.value.name, listener.address);
            found.push(gateway.error("address-taken", message, "give each its own, or write all hosts in one"));
        }
    }
}

fn check_outbound(services: &BTreeMap<Name, Placed<Service>>, found: &mut Vec<Diagnostic>) {
    let mut seen = BTreeMap::new();
    for service in services.values() {
        let Some(outbound) = &service.value.outbound else { continue };
        for address in outbound.http.iter().chain(outbound.tcp.iter().map(|tcp| &tcp.listen)) {
            if let Some(other) = seen.insert(*address, service.value.name.clone()) {
                let message =
                    format!("the outbound address `{address}` of `{}` is taken by `{other}`", service.value.name);
                found.push(service.error("address-taken", message, "give each its own: it says who is calling"));
            }
        }
        for tcp in &outbound.tcp {
            let port = services.get(&tcp.service).and_then(|target| target.value.port(&tcp.port));
            if port.is_none_or(|port| port.protocol != Protocol::Tcp) {
                let message = format!("`{}` has no TCP port `{}`", tcp.service, tcp.port);
                found.push(service.error("unknown-name", message, "name a service and one of its TCP ports"));
            }
        }
    }
}
