//! What the commands that ask a policy have in common: reading the repository, the caller and the request.

pub(super) mod table;
pub(super) mod words;

use crate::repository;
use anyhow::{Result, anyhow, bail};
use selvedge_config::{Checked, SourceFile, render};
use selvedge_model::{CanonicalPath, Name, PathPattern, SpiffeId, TrustDomain};
use selvedge_policy::Policy;
use selvedge_policy::analyse::{Analysis, Caller};
use std::path::Path;

/// A repository that checks.
pub(super) struct Repository {
    pub(super) checked: Checked,
    pub(super) policy: Policy,
}

impl Repository {
    /// Reads a directory.
    ///
    /// # Errors
    /// When it cannot be read, or has errors; then they are in the message.
    pub(super) fn read(directory: &Path) -> Result<Repository> {
        Repository::of(&repository::read(directory)?, &directory.display().to_string())
    }

    /// Checks files; `place` says where they are from.
    ///
    /// # Errors
    /// When they have errors.
    pub(super) fn of(files: &[SourceFile], place: &str) -> Result<Repository> {
        let (checked, policy) = selvedge_policy::check(files).map_err(|found| {
            let first = render(found.get(..1).unwrap_or_default(), files, false);
            let more = if found.len() > 1 { format!(", {} in all", found.len()) } else { String::new() };
            anyhow!("`{place}` has errors{more}: `selvedge check` shows them\n{}", first.trim_end())
        })?;
        Ok(Repository { checked, policy })
    }

    /// How many issuers and sets of API keys and certificates the mesh has.
    pub(super) fn issuers(&self) -> usize {
        self.checked.mesh.credentials().count()
    }

    /// Ready to be asked.
    pub(super) fn analysis(&self) -> Analysis<'_> {
        Analysis::of(&self.checked, &self.policy)
    }

    /// A service, and its port when one is written: `orders`, `orders:http`.
    pub(super) fn target(&self, text: &str) -> Result<(&selvedge_config::checked::Service, Option<Name>)> {
        let (service, port) = text.split_once(':').map_or((text, None), |(service, port)| (service, Some(port)));
        let Some(service) = self.checked.services.get(service) else {
            let known: Vec<&str> = self.checked.services.keys().map(Name::as_str).collect();
            bail!("there is no service `{service}`: there are {}", some(&known));
        };
        let Some(port) = port else { return Ok((service, None)) };
        let found = service.ports.iter().find(|found| found.name.as_str() == port);
        let known: Vec<&str> = service.ports.iter().map(|port| port.name.as_str()).collect();
        let found = found.ok_or_else(|| anyhow!("`{}` has no port `{port}`: it has {}", service.name, some(&known)))?;
        Ok((service, Some(found.name.clone())))
    }

    /// A caller: `gateway:NAME`, `gateway:NAME@HOST`, `service:NAME`, or the bare name of either.
    pub(super) fn caller(&self, text: &str) -> Result<Caller> {
        if text.starts_with("spiffe://") {
            return Ok(Caller::Federated(federated(&self.checked, text)?));
        }
        let (kind, name) = text.split_once(':').map_or((None, text), |(kind, name)| (Some(kind), name));
        let (name, host) = name.split_once('@').map_or((name, None), |(name, host)| (name, Some(host)));
        let service = self.checked.services.get(name).map(|service| &service.name);
        let gateway = self.checked.gateways.get(name).map(|gateway| &gateway.name);
        match (kind, service, gateway) {
            (Some("service"), Some(name), _) | (None, Some(name), None) if host.is_none() => {
                Ok(Caller::Service(name.clone()))
            }
            (Some("gateway"), _, Some(name)) | (None, None, Some(name)) => {
                Ok(Caller::Gateway(name.clone(), host.map(str::to_owned)))
            }
            (None, Some(_), Some(_)) => {
                bail!("`{name}` is a service and a gateway: write `service:{name}` or `gateway:{name}`")
            }
            (Some("service" | "gateway") | None, ..) => {
                let services = self.checked.services.keys().map(Name::as_str);
                let gateways = self.checked.gateways.keys().map(|name| format!("gateway:{name}")).collect::<Vec<_>>();
                let known: Vec<&str> = gateways.iter().map(String::as_str).chain(services).collect();
                bail!("there is no caller `{text}`: there are {}", some(&known))
            }
            (Some(other), ..) => {
                bail!("`{other}` is no kind of caller: write `gateway:NAME`, `gateway:NAME@HOST` or `service:NAME`")
            }
        }
    }
}

/// A workload of a mesh that this one federates with, by its SPIFFE ID.
pub(super) fn federated(checked: &Checked, text: &str) -> Result<SpiffeId> {
    let id = SpiffeId::parse(text).map_err(|error| anyhow!("`{text}` is no SPIFFE ID: {error}"))?;
    let known: Vec<&str> = checked.mesh.federates_with.keys().map(TrustDomain::as_str).collect();
    match known.as_slice() {
        known if known.contains(&id.trust_domain()) => Ok(id),
        [] => bail!("the mesh federates with nobody: a service of its own is `service:NAME`"),
        known => bail!("the mesh does not federate with `{}`: it does with {}", id.trust_domain(), some(known)),
    }
}

/// A list of names, at most ten.
fn some(names: &[&str]) -> String {
    let shown: Vec<&str> = names.iter().take(10).copied().collect();
    match (shown.is_empty(), names.len().saturating_sub(shown.len())) {
        (true, _) => "none".to_owned(),
        (false, 0) => shown.join(", "),
        (false, more) => format!("{} and {more} more", shown.join(", ")),
    }
}

/// What is asked for: a method, or every one; and paths.
pub(super) struct Asked {
    pub(super) method: Option<String>,
    pub(super) path: PathPattern,
}

impl Asked {
    /// Reads `GET /orders/1`, `GET /orders/{id}`, `GET /orders/**`, `* /orders`, or a path alone.
    pub(super) fn parse(text: &str) -> Result<Asked> {
        let text = text.trim();
        let (method, path) = match text.split_once(char::is_whitespace) {
            Some((method, path)) => (Some(method), path.trim()),
            None => (None, text),
        };
        let method = method.filter(|method| *method != "*");
        if let Some(bad) = method.filter(|method| !method.bytes().all(|b| b.is_ascii_uppercase() || b == b'-')) {
            bail!("`{bad}` is no method: write it in capitals, such as `GET /orders`");
        }
        // A request's path may be written in another than the canonical form; a pattern may not.
        let pattern = PathPattern::parse(path).or_else(|error| match CanonicalPath::parse(path) {
            Ok(canonical) => PathPattern::parse(canonical.as_str()),
            Err(_) => Err(error),
        });
        let path = pattern.map_err(|error| anyhow!("`{path}` is no path: {error}"))?;
        Ok(Asked { method: method.map(str::to_owned), path })
    }
}
