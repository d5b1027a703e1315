//! The files of client certificates, authorities and lists, looked after on a thread of its own.

use crate::shared::Shared;
use std::sync::Weak;
use std::time::Duration;

/// So often the files of all sets are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Looks after the files of all sets, until the data plane is gone.
pub(crate) fn watch(shared: Weak<Shared>) -> std::io::Result<()> {
    std::thread::Builder::new().name("client-crls".to_owned()).spawn(move || {
        while let Some(shared) = shared.upgrade() {
            shared.live.load().clients.values().for_each(|set| set.refresh());
            drop(shared);
            std::thread::sleep(LOOK_EVERY);
        }
    })?;
    Ok(())
}
