//! The bundles that documents begin with: each is one of the trust domain that it stands under.

use selvedge_config::Diagnostic;
use selvedge_config::checked::Checked;
use selvedge_identity::ForeignBundle;

/// Everything that is wrong with them.
pub(crate) fn check(checked: &Checked) -> Vec<Diagnostic> {
    let wrong = |federation: &selvedge_config::checked::Federation| {
        let first = federation.first.as_ref()?;
        let refused = ForeignBundle::read(&federation.trust_domain, first.as_str().as_bytes()).err()?;
        let message = format!("this is no SPIFFE bundle of `{}`: {refused}", federation.trust_domain);
        let help = "write what its own control answers, as `selvedge identity bundle --spiffe` or `spire-server bundle show -format spiffe`";
        Some(first.error("bad-bundle", 0..1, message, help))
    };
    checked.mesh.federates_with.values().filter_map(wrong).collect()
}
