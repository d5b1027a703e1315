//! The authority's keys on disk: one file, changed as a whole or not at all, and refused when anybody else could have
//! read it. Each step of a rotation is one writing of that file, so that a crash between two steps loses nothing.

use super::AuthorityError;
use crate::state;
use selvedge_identity::{Authority, IssueError, Pace, PrivateKey, Realm, RealmKept, Receipts, Signer, Step};
use selvedge_model::TrustDomain;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use zeroize::Zeroizing;

/// The keys, if there are any yet.
#[derive(Debug)]
pub(crate) struct Keys {
    held: Option<Realm>,
    file: PathBuf,
    own_uid: u32,
}

impl Keys {
    /// Reads the keys below `directory`, if there are any.
    pub(crate) fn open(directory: &Path, own_uid: u32) -> Result<Keys, AuthorityError> {
        let file = directory.join("keys.json");
        let unusable = |path: &Path, reason: String| AuthorityError::Keys { path: path.to_owned(), reason };
        let earlier = directory.join("keys");
        if earlier.exists() {
            let reason = "an earlier version of this program made them: name another --state, and join anew".to_owned();
            return Err(unusable(&earlier, reason));
        }
        let Some(text) = state::read(&file)?.map(Zeroizing::new) else { return Ok(Keys { held: None, file, own_uid }) };
        state::check_private(&file, Some(own_uid))?;
        let kept: RealmKept = serde_json::from_slice(&text)
            .map_err(|error| unusable(&file, format!("not readable at column {}: restore a copy", error.column())))?;
        let find = |text: &str| Ok(Arc::new(PrivateKey::from_pem(text)?) as Arc<dyn Signer>);
        let realm = Realm::from_kept(&kept, &find).map_err(|error| unusable(&file, error.to_string()))?;
        Ok(Keys { held: Some(realm), file, own_uid })
    }

    /// The realm of `domain`, made now when there is none yet; never one of another trust domain.
    pub(crate) fn open_for(&mut self, domain: &TrustDomain, now: u64) -> Result<&Realm, AuthorityError> {
        if let Some(have) = self.held.as_ref().map(Realm::trust_domain)
            && have != domain
        {
            return Err(AuthorityError::TrustDomain { have: have.to_string(), asked: domain.to_string() });
        }
        if self.held.is_none() {
            let realm = Realm::create(Authority::create(domain, now)?, now)?;
            self.write(&realm)?;
            self.held = Some(realm);
        }
        Ok(self.held.as_ref().ok_or(IssueError::NoAuthority)?)
    }

    /// The realm, before anything is issued for `leaf_ttl_s`; `None` before it was opened.
    pub(crate) fn for_leaf(&mut self, leaf_ttl_s: u64) -> Result<Option<&Realm>, AuthorityError> {
        // How long a retired root must stay is on disk before the leaf that it must stay for.
        self.change(|realm| Ok(realm.note_leaf(leaf_ttl_s)))?;
        Ok(self.held.as_ref())
    }

    /// The realm as it is; `None` before it was opened.
    pub(crate) fn realm(&self) -> Option<&Realm> {
        self.held.as_ref()
    }

    /// Takes the steps of the rotation that can be taken now, each on disk before the next.
    pub(crate) fn advance(&mut self, now: u64, receipts: &Receipts, pace: Pace) -> Result<Vec<Step>, AuthorityError> {
        let mut taken = Vec::new();
        let Some(domain) = self.held.as_ref().map(|realm| realm.trust_domain().clone()) else { return Ok(taken) };
        let mut make = |now| {
            let key = Arc::new(PrivateKey::generate()?);
            Authority::create_with(&domain, key, now, pace.root_ttl_s)
        };
        loop {
            let mut step = None;
            self.change(|realm| {
                step = realm.advance(now, receipts, pace, &mut make)?;
                Ok(step.is_some())
            })?;
            match step {
                Some(step) => taken.push(step),
                None => return Ok(taken),
            }
        }
    }

    /// Asks for a new root.
    pub(crate) fn ask(&mut self) -> Result<(), AuthorityError> {
        self.change(|realm| {
            realm.ask();
            Ok(true)
        })
    }

    /// Marks a root as compromised. `false`: there is none of that name.
    pub(crate) fn taint(&mut self, root: &str) -> Result<bool, AuthorityError> {
        let mut found = false;
        self.change(|realm| {
            found = realm.taint(root);
            Ok(found)
        })?;
        Ok(found)
    }

    /// Changes the realm, and keeps it when `change` says so. What cannot be kept has not happened: the file is read
    /// again.
    fn change(&mut self, change: impl FnOnce(&mut Realm) -> Result<bool, IssueError>) -> Result<(), AuthorityError> {
        let Some(realm) = &mut self.held else { return Ok(()) };
        if !change(realm)? {
            return Ok(());
        }
        let written = self.held.as_ref().map_or(Ok(()), |realm| self.write(realm));
        if written.is_err() {
            let directory = self.file.parent().map(Path::to_owned).unwrap_or_default();
            self.held = Keys::open(&directory, self.own_uid).ok().and_then(|again| again.held);
        }
        written
    }

    fn write(&self, realm: &Realm) -> Result<(), AuthorityError> {
        let unusable = |_| AuthorityError::Keys { path: self.file.clone(), reason: "they are no JSON".to_owned() };
        let text = Zeroizing::new(serde_json::to_vec(&realm.kept()).map_err(unusable)?);
        Ok(state::write(&self.file, &text)?)
    }
}
