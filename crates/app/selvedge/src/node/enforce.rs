//! From signed documents to a plan in force, or to the reason why the last good one stays.

use super::Options;
use super::certificates::{Certificates, of_listener};
use anyhow::{Context, Result, anyhow, bail};
use selvedge_config::checked::{Certificate, Checked, Listener, Service};
use selvedge_config::{Diagnostic, render};
use selvedge_identity::{Federated, Revoked, TrustBundle};
use selvedge_link::{NodeKind, SignedBundle};
use selvedge_model::Name;
use selvedge_net::{EdgeCertificate, MeshTls, TlsError};
use selvedge_plan::Plan;
use selvedge_proxy::{Proxy, Settings};
use std::path::Path;
use std::sync::Arc;
use zeroize::Zeroizing;

/// Documents that were verified, checked and compiled.
#[derive(Debug, Clone)]
pub(crate) struct Opened {
    pub(crate) revision: u64,
    pub(crate) plan: Arc<Plan>,
    pub(crate) signed: SignedBundle,
    pub(crate) revoked: Arc<Revoked>,
    /// The bundles of the trust domains that the documents federate with.
    pub(crate) federated: Federated,
}

/// Verifies, checks and compiles documents. Older ones than those in force are refused, since a signed bundle could be
/// played again.
///
/// # Errors
/// Whatever is wrong with them.
pub(crate) fn open(signed: SignedBundle, trust: &TrustBundle, in_force: Option<&Opened>, now: u64) -> Result<Opened> {
    let bundle = signed.open(trust, now)?;
    if let Some(known) = in_force {
        if bundle.revision == known.revision && signed.payload == known.signed.payload {
            return Ok(known.clone());
        }
        if bundle.revision <= known.revision {
            bail!("revision {} is not newer than {}, which is in force", bundle.revision, known.revision);
        }
    }
    let files = bundle.files();
    let shown = |found: Vec<Diagnostic>| anyhow!("{}", render(&found, &files, false));
    let checked = selvedge_config::check(&files).map_err(shown)?;
    let plan = Arc::new(Plan::compile(checked, &bundle.endpoints()).map_err(shown)?);
    // Whoever the documents do not name is a stranger, whatever else was signed.
    let names = |trust: &TrustBundle| plan.checked().mesh.federates_with.contains_key(&trust.trust_domain);
    let federated =
        bundle.federated.into_iter().filter(names).map(|trust| (trust.trust_domain.clone(), trust)).collect();
    let revoked = Arc::new(bundle.revoked);
    Ok(Opened { revision: bundle.revision, plan, signed, revoked, federated })
}

/// The services that this process stands beside, of those that the documents have.
pub(crate) fn services(checked: &Checked, granted: Option<&[Name]>) -> Vec<Name> {
    match granted {
        Some(granted) => granted.iter().filter(|name| checked.services.contains_key(*name)).cloned().collect(),
        None => local_services(checked),
    }
}

/// On one machine: every service that nobody else stands beside.
pub(crate) fn local_services(checked: &Checked) -> Vec<Name> {
    let is_local = |service: &&Service| service.endpoints.is_empty();
    checked.services.values().filter(is_local).map(|service| service.name.clone()).collect()
}

/// Puts a plan in force with the certificates at hand.
///
/// # Errors
/// Why it cannot be enforced here; what was in force stays.
pub(crate) async fn enforce(
    proxy: &Proxy,
    options: &Options,
    services: &[Name],
    opened: &Opened,
    (certificates, trust): (&Certificates, &TrustBundle),
) -> Result<()> {
    let plan = &opened.plan;
    let mesh = MeshTls::new(trust.clone(), &certificates.svids())?.revoking(Arc::clone(&opened.revoked));
    let mesh = Arc::new(mesh.federating(opened.federated.clone()));
    let gateways = match options.kind {
        NodeKind::Gateway if plan.gateway(&options.name).is_none() => {
            bail!("no document describes the gateway `{}`: write a `Gateway` of that name", options.name)
        }
        NodeKind::Gateway => vec![options.name.clone()],
        NodeKind::Node => Vec::new(),
    };
    let (mesh_listen, zone) = (options.mesh_listen, options.zone.clone());
    let files = options.files.clone();
    let settings = Settings { gateways, services: services.to_vec(), mesh_listen, zone, files };
    let source = |listener: &Listener| edge_certificate(listener, certificates, &options.files);
    proxy.apply(&settings, plan.clone(), Some(mesh), &source).await?;
    Ok(())
}

fn edge_certificate(
    listener: &Listener,
    certificates: &Certificates,
    files: &Path,
) -> Result<EdgeCertificate, TlsError> {
    let names = listener.hosts.clone();
    match &listener.certificate {
        Some(Certificate::File { certificate, key }) => {
            let read = |file: &str| read(&files.join(file)).map_err(|error| TlsError::Unusable(format!("{error:#}")));
            EdgeCertificate::from_pem(&read(certificate)?, &read(key)?, names)
        }
        Some(Certificate::Mesh) | None => {
            let missing = || TlsError::Unusable(certificates.refusal().unwrap_or("it was not issued yet").to_owned());
            let held = certificates.server(&of_listener(listener)).ok_or_else(missing)?;
            Ok(EdgeCertificate {
                chain: held.chain.clone(),
                key_der: Zeroizing::new(held.key.pkcs8_der().to_vec()),
                names,
            })
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))
}
