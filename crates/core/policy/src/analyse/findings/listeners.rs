//! Listeners: what their clients may negotiate.

use super::{Finding, Severity};
use crate::analyse::Analysis;
use selvedge_config::checked::{Gateway, Listener, TlsPreset};

impl Analysis<'_> {
    /// `weak-tls`: listeners for more than this machine that are not secured by TLS 1.3.
    pub(super) fn listener_findings(&self) -> Vec<Finding> {
        let listeners = self.checked.gateways.values().flat_map(|g| g.listeners.iter().map(move |l| (g, l)));
        let outside = listeners.filter(|(_, listener)| !listener.address.ip().is_loopback());
        outside.filter_map(|(gateway, listener)| weak(gateway, listener)).collect()
    }
}

fn weak(gateway: &Gateway, listener: &Listener) -> Option<Finding> {
    let address = listener.address;
    let (message, help) = match (&listener.certificate, listener.preset) {
        (Some(_), TlsPreset::Modern) => return None,
        (Some(_), TlsPreset::Intermediate) => (
            format!("clients of `{address}` may negotiate TLS 1.2"),
            "remove `preset: intermediate` when no such client is left, or accept the finding with a reason",
        ),
        (None, _) => (
            format!("clients of `{address}` send credentials and data in clear"),
            "write `protocol: HTTPS` with `tls`, or accept the finding with a reason",
        ),
    };
    Some(Finding {
        code: "weak-tls",
        severity: Severity::Warning,
        kind: "Gateway",
        document: gateway.name.clone(),
        at: listener.source.clone(),
        message,
        help: help.to_owned(),
    })
}
