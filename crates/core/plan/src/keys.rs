//! API keys by id: a look-up, then the comparison of a hash.

use ahash::RandomState;
use selvedge_config::checked::{ApiKey, Checked};
use selvedge_model::{Name, Principal};
use std::collections::HashMap;
use std::sync::Arc;

/// All API keys of a mesh.
#[derive(Debug, Default)]
pub struct KeyTable {
    keys: HashMap<Arc<str>, Entry, RandomState>,
}

/// One key, and whom it speaks for.
#[derive(Debug)]
struct Entry {
    key: ApiKey,
    principal: Arc<Principal>,
}

impl KeyTable {
    pub(crate) fn of(checked: &Checked) -> KeyTable {
        let sets = checked.mesh.api_keys.values();
        let keys = sets.flat_map(|set| set.keys.values().map(|key| (key.id.clone(), entry(&set.name, key))));
        KeyTable { keys: keys.collect() }
    }

    /// The key of this id, and the principal that it speaks for; its issuer is the key's set.
    pub fn find(&self, id: &str) -> Option<(&ApiKey, &Arc<Principal>)> {
        self.keys.get(id).map(|entry| (&entry.key, &entry.principal))
    }
}

fn entry(set: &Name, key: &ApiKey) -> Entry {
    let (issuer, subject, scopes) = (set.clone(), key.owner.clone(), key.scopes.clone());
    let principal = Principal { issuer, subject, scopes, groups: Vec::new(), amr: Vec::new() };
    Entry { key: key.clone(), principal: Arc::new(principal) }
}
