//! Client certificates: a listener asks for those of sets that there are, and a rule that wants one can be met.

use super::unknown;
use crate::Diagnostic;
use crate::checked::{Gateway, Mesh};
use crate::reader::Placed;
use selvedge_model::{HostPattern, Name};

/// Notes an error for each set that a listener asks for and that does not exist.
pub(super) fn check_listeners(gateway: &Placed<Gateway>, mesh: &Mesh, found: &mut Vec<Diagnostic>) {
    let asked = gateway.value.listeners.iter().flat_map(|listener| &listener.client_sets);
    for name in asked.filter(|name| !mesh.client_sets.contains_key(*name)) {
        let name = Placed { value: name.clone(), file: gateway.file.clone(), at: gateway.at };
        found.push(unknown(&name, "set of client certificates named", mesh.client_sets.keys()));
    }
}

/// Notes an error when a host of the rule is served by no listener that asks for certificates of this set: nobody could
/// show one there.
pub(super) fn check_rule(
    set: &Placed<Name>,
    gateway: &Gateway,
    hosts: &[HostPattern],
    mesh: &Mesh,
    found: &mut Vec<Diagnostic>,
) {
    if !mesh.client_sets.contains_key(&set.value) {
        return found.push(unknown(set, "set of client certificates named", mesh.client_sets.keys()));
    }
    for host in hosts {
        let mut listeners = gateway.listeners.iter().filter(|l| l.hosts.iter().any(|served| served.overlaps(host)));
        if !listeners.any(|listener| listener.client_sets.contains(&set.value)) {
            let message =
                format!("no listener of `{}` for `{host}` asks for certificates of `{}`", gateway.name, set.value);
            let help = format!("add `clientCertificates: [{}]` to the `tls` of a listener", set.value);
            found.push(set.error("not-enforceable", message, help));
        }
    }
}
