//! The log of what was issued: one line of JSON for each certificate, on disk before the certificate is handed out.

use crate::state::{self, StateError};
use selvedge_identity::Terms;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The open log.
#[derive(Debug)]
pub(crate) struct Serials {
    file: File,
    path: PathBuf,
}

/// One line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Issued {
    /// In seconds since 1970.
    pub(crate) at: u64,
    /// Hex, as `selvedge status` shows it.
    pub(crate) serial: String,
    /// For whom: a SPIFFE ID, or hosts.
    pub(crate) name: String,
    /// In seconds since 1970.
    pub(crate) ends: u64,
    /// Who asked, and how it had proven who it is.
    pub(crate) how: String,
}

impl Serials {
    /// Opens the log for appending.
    pub(crate) fn open(path: &Path, own_uid: u32) -> Result<Serials, StateError> {
        let file = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
        let file = file.map_err(|error| state::io(path, error))?;
        state::check_private(path, Some(own_uid))?;
        Ok(Serials { file, path: path.to_owned() })
    }

    /// Notes that a certificate with this serial was made for `name`. An error means that it must not be handed out.
    pub(crate) fn note(&mut self, terms: &Terms, name: &str, how: &str) -> Result<(), String> {
        let serial = format!("{:x}", u128::from_be_bytes(terms.serial));
        let (at, ends) = (terms.now, terms.now.saturating_add(terms.ttl_s));
        let issued = Issued { at, serial, name: name.to_owned(), ends, how: how.to_owned() };
        let mut line = serde_json::to_vec(&issued).map_err(|_| "the issuance log cannot be written".to_owned())?;
        line.push(b'\n');
        // One write, so that a crash leaves at most one torn line.
        let written = self.file.write_all(&line).and_then(|()| self.file.sync_data());
        written.map_err(|error| format!("the issuance log cannot be written: {error}"))
    }

    /// What was issued on the word of `how` and has not ended at `now`. Torn lines are passed over.
    pub(crate) fn living(&self, how: &str, now: u64) -> Result<Vec<Issued>, String> {
        let file = File::open(&self.path).map_err(|error| format!("the issuance log cannot be read: {error}"))?;
        let lines = BufReader::new(file).lines().map_while(Result::ok);
        let issued = lines.filter_map(|line| serde_json::from_str::<Issued>(&line).ok());
        Ok(issued.filter(|issued| issued.ends >= now && issued.how == how).collect())
    }
}
