//! What changes the meaning of rules without being a rule: who vouches for users, who may be a service, how the mesh
//! is named.

use selvedge_config::checked::{Checked, Gateway, Issuer, Service};
use selvedge_model::{HostPattern, Name};
use serde::Serialize;
use std::collections::BTreeMap;

/// A change beside the rules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Note {
    /// What it is about: `mesh acme`, `issuer corporate`, `service orders`, `gateway public`.
    pub about: String,
    /// What changes.
    pub message: String,
    /// Whether more may be allowed after it.
    pub widens: bool,
}

/// Every such change. What is new or gone altogether is seen in what is allowed.
pub(super) fn notes(old: &Checked, new: &Checked) -> Vec<Note> {
    let mut notes = Vec::new();
    if old.mesh.trust_domain != new.mesh.trust_domain {
        let message = format!(
            "trust domain {} becomes {}: every identity is another",
            old.mesh.trust_domain, new.mesh.trust_domain
        );
        notes.push(Note { about: format!("mesh {}", new.mesh.name), message, widens: true });
    }
    pairs(&old.mesh.issuers, &new.mesh.issuers, |old, new| issuer(old, new, &mut notes));
    pairs(&old.services, &new.services, |old, new| service(old, new, &mut notes));
    pairs(&old.gateways, &new.gateways, |old, new| gateway(old, new, &mut notes));
    notes
}

fn pairs<T>(old: &BTreeMap<Name, T>, new: &BTreeMap<Name, T>, mut each: impl FnMut(&T, &T)) {
    old.iter().filter_map(|(name, old)| Some((old, new.get(name)?))).for_each(|(old, new)| each(old, new));
}

fn issuer(old: &Issuer, new: &Issuer, notes: &mut Vec<Note>) {
    let mut note =
        |message: String, widens| notes.push(Note { about: format!("issuer {}", new.name), message, widens });
    if old.url != new.url || old.jwks_uri != new.jwks_uri || old.ca != new.ca {
        note(format!("tokens are of {} in place of {}", key_source(new), key_source(old)), true);
    }
    let mut lists = |what: &str, old: &[std::sync::Arc<str>], new: &[std::sync::Arc<str>]| {
        let more: Vec<&str> = new.iter().filter(|value| !old.contains(value)).map(|value| &**value).collect();
        let less: Vec<&str> = old.iter().filter(|value| !new.contains(value)).map(|value| &**value).collect();
        if !more.is_empty() {
            note(format!("accepts {what} {} too", more.join(", ")), true);
        }
        if !less.is_empty() {
            note(format!("no longer accepts {what} {}", less.join(", ")), false);
        }
    };
    lists("audience", &old.audiences, &new.audiences);
    lists("token type", &old.token_types, &new.token_types);
    if old.groups_claim != new.groups_claim {
        note(
            format!("groups are read from {} in place of {}", new.groups_claim.join("."), old.groups_claim.join(".")),
            true,
        );
    }
}

fn key_source(issuer: &Issuer) -> String {
    let jwks = issuer.jwks_uri.iter().map(|uri| format!(" with the keys at {uri}"));
    let ca = issuer.ca.iter().map(|ca| format!(" trusting {ca}"));
    std::iter::once(issuer.url.to_string()).chain(jwks).chain(ca).collect()
}

fn service(old: &Service, new: &Service, notes: &mut Vec<Note>) {
    let mut note =
        |message: String, widens| notes.push(Note { about: format!("service {}", new.name), message, widens });
    match (&old.workload, &new.workload) {
        (old, new) if old == new => {}
        (_, None) => note("no process may be this service any more".to_owned(), false),
        (None, Some(_)) => note("a process may be this service now".to_owned(), true),
        (Some(_), Some(_)) => note("other processes may be this service".to_owned(), true),
    }
    if old.plaintext != new.plaintext {
        let accepts = new.plaintext == selvedge_config::checked::Plaintext::Accept;
        let message =
            if accepts { "endpoints without mTLS are accepted" } else { "endpoints without mTLS are refused" };
        note(message.to_owned(), accepts);
    }
    if old.mode != new.mode {
        let observes = new.mode == selvedge_config::checked::Mode::Observe;
        let message =
            if observes { "calls from inside that no rule allows are let through" } else { "its rules are enforced" };
        note(message.to_owned(), observes);
    }
    for port in &new.ports {
        if let Some(before) = old.port(&port.name).filter(|before| before.protocol != port.protocol) {
            note(format!("port {} speaks {:?} in place of {:?}", port.name, port.protocol, before.protocol), false);
        }
    }
}

fn gateway(old: &Gateway, new: &Gateway, notes: &mut Vec<Note>) {
    let networks = |gateway: &Gateway| -> Vec<String> {
        let text = |network: &selvedge_config::checked::Network| format!("{}/{}", network.address, network.prefix);
        gateway.trusted_proxies.iter().map(text).collect()
    };
    let (before, after) = (networks(old), networks(new));
    let mut note =
        |message: String, widens| notes.push(Note { about: format!("gateway {}", new.name), message, widens });
    let more: Vec<&str> = after.iter().filter(|n| !before.contains(n)).map(String::as_str).collect();
    let less: Vec<&str> = before.iter().filter(|n| !after.contains(n)).map(String::as_str).collect();
    if !more.is_empty() {
        note(format!("believes what {} say of the client", more.join(", ")), true);
    }
    if !less.is_empty() {
        note(format!("no longer believes what {} say of the client", less.join(", ")), false);
    }
    let plain = |gateway: &Gateway| -> Vec<HostPattern> {
        let plain = gateway.listeners.iter().filter(|listener| listener.certificate.is_none());
        plain.flat_map(|listener| listener.hosts.clone()).collect()
    };
    let before = plain(old);
    let more: Vec<String> = plain(new).iter().filter(|host| !before.contains(host)).map(ToString::to_string).collect();
    if !more.is_empty() {
        note(format!("serves {} without TLS", more.join(", ")), true);
    }
}
