//! What a gateway or node keeps on disk: whom it trusts, its certificates, the last good documents, where control is.

use anyhow::{Context, Result, bail};
use selvedge_identity::TrustBundle;
use selvedge_link::SignedBundle;
use selvedge_model::Name;
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The state directory, with mode 0700; every file in it has 0600.
#[derive(Debug, Clone)]
pub(crate) struct Store(PathBuf);

impl Store {
    /// Opens the directory, and makes it when absent.
    ///
    /// # Errors
    /// When it cannot be made, or others may read it: there are private keys in it.
    pub(crate) fn open(directory: &Path) -> Result<Store> {
        let place = directory.display();
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(directory)
            .with_context(|| format!("cannot make the state directory `{place}`"))?;
        let mode = std::fs::metadata(directory).with_context(|| format!("cannot read `{place}`"))?.permissions().mode();
        if mode & 0o077 != 0 {
            bail!("others may read the state directory `{place}`, which holds private keys: run `chmod 700 {place}`");
        }
        Ok(Store(directory.to_owned()))
    }

    /// Whom to trust; `None` before the first join.
    pub(crate) fn trust(&self) -> Option<TrustBundle> {
        serde_json::from_str(&self.read("trust.json")?).ok()
    }

    pub(crate) fn keep_trust(&self, trust: &TrustBundle) -> Result<()> {
        self.write("trust.json", &serde_json::to_string(trust)?)?;
        // For people and other programs: what to give to `curl --cacert`.
        self.write("ca.pem", &trust.to_pem())
    }

    /// The last good documents.
    pub(crate) fn bundle(&self) -> Option<SignedBundle> {
        serde_json::from_str(&self.read("bundle.json")?).ok()
    }

    pub(crate) fn keep_bundle(&self, bundle: &SignedBundle) -> Result<()> {
        self.write("bundle.json", &serde_json::to_string(bundle)?)
    }

    /// Where control is, as `host:port`.
    pub(crate) fn control(&self) -> Option<String> {
        self.read("control").map(|text| text.trim().to_owned())
    }

    pub(crate) fn keep_control(&self, address: &str) -> Result<()> {
        self.write("control", address)
    }

    /// The services that the join token granted.
    pub(crate) fn services(&self) -> Vec<Name> {
        self.read("services.json").and_then(|text| serde_json::from_str(&text).ok()).unwrap_or_default()
    }

    pub(crate) fn keep_services(&self, services: &[Name]) -> Result<()> {
        self.write("services.json", &serde_json::to_string(services)?)
    }

    /// A certificate with its key, in PEM.
    pub(crate) fn certificate(&self, name: &str) -> Option<String> {
        self.read(&format!("{name}.pem"))
    }

    pub(crate) fn keep_certificate(&self, name: &str, pem: &str) -> Result<()> {
        self.write(&format!("{name}.pem"), pem)
    }

    /// What callers have used of their quotas.
    pub(crate) fn quotas(&self) -> Option<String> {
        self.read("quotas.json")
    }

    pub(crate) fn keep_quotas(&self, text: &str) -> Result<()> {
        self.write("quotas.json", text)
    }

    fn read(&self, name: &str) -> Option<String> {
        std::fs::read_to_string(self.0.join(name)).ok()
    }

    /// A new file in its place at once, so that a crash leaves the old one or the new one.
    fn write(&self, name: &str, text: &str) -> Result<()> {
        let (path, new) = (self.0.join(name), self.0.join(format!("{name}.new")));
        let written = || -> std::io::Result<()> {
            let mut options = std::fs::OpenOptions::new();
            let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&new)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&new, &path)?;
            std::fs::File::open(&self.0)?.sync_all()
        };
        written().with_context(|| format!("cannot write `{}`", path.display()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_others_may_read_is_refused() -> Result<()> {
        let directory = tempfile::tempdir()?;
        std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o755))?;
        let refused = Store::open(directory.path()).map(drop).map_err(|error| error.to_string());
        assert!(refused.is_err_and(|text| text.contains("chmod 700")));
        Ok(())
    }

    #[test]
    fn what_is_kept_is_for_the_owner_alone() -> Result<()> {
        let directory = tempfile::tempdir()?;
        let store = Store::open(&directory.path().join("state"))?;
        store.keep_certificate("myself", "secret")?;
        assert_eq!(store.certificate("myself").as_deref(), Some("secret"));
        let mode = std::fs::metadata(directory.path().join("state/myself.pem"))?.permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        Ok(())
    }
}
