//! API keys put into their sets.

use super::unknown;
use crate::Diagnostic;
use crate::checked::Mesh;
use crate::document::Key;
use std::collections::BTreeMap;

/// Puts each key into its set. Ids are looked up before a set is known to be the right one, so each is there once.
pub(super) fn fill(mesh: &mut Mesh, keys: Vec<Key>, found: &mut Vec<Diagnostic>) {
    let mut seen = BTreeMap::new();
    for Key { set, key, id } in keys {
        if let Some(first) = seen.insert(id.value.clone(), key.source.clone()) {
            let message = format!("`{}` is the id of another key", id.value);
            found.push(id.error("duplicate-name", message, format!("make a new key; the other is at {first}")));
        }
        let Some(known) = mesh.api_keys.get_mut(&set.value) else {
            found.push(unknown(&set, "set of API keys named", mesh.api_keys.keys()));
            continue;
        };
        known.keys.insert(key.id.clone(), key);
    }
}
