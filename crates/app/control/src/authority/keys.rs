//! The authority's keys on disk: a directory of four PEM files, made whole or not at all, and refused when anybody else
//! could have read them.

use super::AuthorityError;
use crate::state::{self, StateError};
use selvedge_identity::{Authority, AuthorityPem};
use selvedge_model::TrustDomain;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// The intermediate is renewed when it ends sooner than this, in seconds: well before any leaf would be cut short.
const INTERMEDIATE_LEFT_S_MIN: u64 = 30 * 24 * 3600;
const FILES: [&str; 5] = ["trust-domain", "root.pem", "root.key", "intermediate.pem", "intermediate.key"];

/// The keys, if there are any yet.
#[derive(Debug)]
pub(crate) struct Keys {
    held: Option<(TrustDomain, Authority)>,
    own_uid: u32,
}

impl Keys {
    /// Reads the keys below `directory`, if there are any.
    pub(crate) fn open(directory: &Path, own_uid: u32) -> Result<Keys, AuthorityError> {
        let (folder, old) = (folder(directory), directory.join("keys.old"));
        let failed = |error| state::io(&folder, error);
        if !folder.try_exists().map_err(failed)? && old.try_exists().map_err(failed)? {
            // A crash between the two renames of a renewal: the former keys are the keys.
            std::fs::rename(&old, &folder).map_err(failed)?;
        }
        if !folder.try_exists().map_err(failed)? {
            return Ok(Keys { held: None, own_uid });
        }
        let [domain, root_certificate, root_key, intermediate_certificate, intermediate_key] =
            read_all(&folder, own_uid)?;
        let unusable = |reason: String| AuthorityError::Keys { path: folder.clone(), reason };
        let domain = TrustDomain::parse(domain.trim()).map_err(|error| unusable(error.to_string()))?;
        let pem = AuthorityPem {
            root_certificate: root_certificate.to_string(),
            root_key,
            intermediate_certificate: intermediate_certificate.to_string(),
            intermediate_key,
        };
        let authority = Authority::from_pem(&pem, &domain).map_err(|error| unusable(error.to_string()))?;
        Ok(Keys { held: Some((domain, authority)), own_uid })
    }

    /// The authority of `domain`, made now when there is none yet; never one of another trust domain.
    pub(crate) fn open_for(
        &mut self,
        domain: &TrustDomain,
        directory: &Path,
        now: u64,
    ) -> Result<&Authority, AuthorityError> {
        if let Some((have, _)) = &self.held
            && have != domain
        {
            return Err(AuthorityError::TrustDomain { have: have.to_string(), asked: domain.to_string() });
        }
        if self.held.is_none() {
            let authority = Authority::create(domain, now)?;
            self.write(domain, &authority, directory)?;
            self.held = Some((domain.clone(), authority));
        }
        let (_, authority) = self.held.as_ref().ok_or_else(|| missing(directory))?;
        Ok(authority)
    }

    /// The authority with an intermediate that has time left; `None` before it was opened.
    pub(crate) fn fresh(&mut self, directory: &Path, now: u64) -> Result<Option<&Authority>, AuthorityError> {
        let Some((domain, authority)) = &mut self.held else { return Ok(None) };
        if authority.intermediate_not_after() < now.saturating_add(INTERMEDIATE_LEFT_S_MIN) {
            authority.renew_intermediate(now)?;
            let domain = domain.clone();
            if let Some((_, authority)) = &self.held {
                self.write(&domain, authority, directory)?;
            }
        }
        Ok(self.held.as_ref().map(|(_, authority)| authority))
    }

    /// Writes all files into a new directory and renames it into place. A renewal replaces the former by a rename too.
    fn write(&self, domain: &TrustDomain, authority: &Authority, directory: &Path) -> Result<(), AuthorityError> {
        let (new, old, folder) = (directory.join("keys.new"), directory.join("keys.old"), folder(directory));
        let failed = |error| AuthorityError::State(state::io(&folder, error));
        for leftover in [&new, &old] {
            if leftover.exists() {
                std::fs::remove_dir_all(leftover).map_err(failed)?;
            }
        }
        state::private_directory(&new)?;
        state::check_private(&new, Some(self.own_uid))?;
        let pem = authority.to_pem();
        let texts: [&str; 5] = [
            domain.as_str(),
            &pem.root_certificate,
            &pem.root_key,
            &pem.intermediate_certificate,
            &pem.intermediate_key,
        ];
        for (name, text) in FILES.iter().zip(texts) {
            state::write(&new.join(name), text.as_bytes())?;
        }
        if folder.exists() {
            std::fs::rename(&folder, &old).map_err(failed)?;
        }
        std::fs::rename(&new, &folder).map_err(failed)?;
        state::sync_parent(&folder).map_err(failed)?;
        if old.exists() {
            std::fs::remove_dir_all(&old).map_err(failed)?;
        }
        Ok(())
    }
}

fn folder(directory: &Path) -> PathBuf {
    directory.join("keys")
}

fn read_all(folder: &Path, own_uid: u32) -> Result<[Zeroizing<String>; 5], AuthorityError> {
    state::check_private(folder, Some(own_uid))?;
    let mut texts: [Zeroizing<String>; 5] = Default::default();
    for (slot, name) in texts.iter_mut().zip(FILES) {
        let path = folder.join(name);
        state::check_private(&path, Some(own_uid))?;
        let bytes = Zeroizing::new(state::read(&path)?.ok_or_else(|| missing(folder))?);
        let text = std::str::from_utf8(&bytes);
        let damaged = |_| StateError::Damaged { path: path.clone(), reason: "not text".to_owned() };
        *slot = Zeroizing::new(text.map_err(damaged)?.to_owned());
    }
    Ok(texts)
}

fn missing(folder: &Path) -> AuthorityError {
    AuthorityError::Keys { path: folder.to_owned(), reason: "a file is missing: restore it from a copy".to_owned() }
}
