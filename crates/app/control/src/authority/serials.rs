//! The log of what was issued: one line for each certificate, on disk before the certificate is handed out.

use crate::state::{self, StateError};
use selvedge_identity::Terms;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The open log.
#[derive(Debug)]
pub(crate) struct Serials(File);

impl Serials {
    /// Opens the log for appending.
    pub(crate) fn open(path: &Path, own_uid: u32) -> Result<Serials, StateError> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        let file = file.map_err(|error| state::io(path, error))?;
        state::check_private(path, Some(own_uid))?;
        Ok(Serials(file))
    }

    /// Notes that a certificate with this serial was made for `name`. An error means that it must not be handed out.
    pub(crate) fn note(&mut self, terms: &Terms, name: &str) -> Result<(), String> {
        let serial = u128::from_be_bytes(terms.serial);
        let line = format!("{} {serial:032x} {} {name}\n", terms.now, terms.ttl_s);
        // One write, so that a crash leaves at most one torn line.
        let written = self.0.write_all(line.as_bytes()).and_then(|()| self.0.sync_data());
        written.map_err(|error| format!("the serial log cannot be written: {error}"))
    }
}
