//! The services that may stand in a label: the first 1,024 that the process meets.

use selvedge_model::Name;
use std::collections::HashSet;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Services with series of their own; the rest are counted together as `other`.
pub(super) const SERVICES_MAX: usize = 1024;

#[derive(Default)]
pub(super) struct Services {
    /// Guards the names while there is room; a worker takes it when it meets a service for the first time.
    open: Mutex<HashSet<Name>>,
    /// The same names once there is no room, so that a worker takes no lock to learn that a service has no place.
    full: OnceLock<HashSet<Name>>,
}

impl Services {
    /// Whether the service has series of its own; it gets them when there is room.
    pub(super) fn admit(&self, service: &Name) -> bool {
        if let Some(names) = self.full.get() {
            return names.contains(service);
        }
        let mut names = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if names.len() < SERVICES_MAX {
            names.insert(service.clone());
        }
        if names.len() >= SERVICES_MAX {
            return self.full.get_or_init(|| names.clone()).contains(service);
        }
        true
    }
}
