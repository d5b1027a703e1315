//! Which of a listener's certificates answers to which server name.

use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use selvedge_model::{Host, HostPattern};
use std::collections::HashMap;
use std::sync::Arc;

/// Certificates by exact host, by the suffix of a wildcard, and for any host: the narrower wins.
#[derive(Debug, Default)]
pub(super) struct Certificates {
    exact: HashMap<Host, Arc<CertifiedKey>>,
    wildcard: HashMap<Host, Arc<CertifiedKey>>,
    any: Option<Arc<CertifiedKey>>,
}

impl Certificates {
    /// Adds a certificate under its names; the first one that claims a name keeps it.
    pub(super) fn add(&mut self, names: &[HostPattern], key: &Arc<CertifiedKey>) {
        for name in names {
            match name {
                HostPattern::Exact(host) => drop(self.exact.entry(host.clone()).or_insert_with(|| Arc::clone(key))),
                HostPattern::Wildcard(host) => {
                    self.wildcard.entry(host.clone()).or_insert_with(|| Arc::clone(key));
                }
                HostPattern::Any => drop(self.any.get_or_insert_with(|| Arc::clone(key))),
            }
        }
    }

    /// The certificate for a server name; a name that is no canonical host has none, also where `*` is served.
    pub(super) fn find(&self, name: Option<&str>) -> Option<&Arc<CertifiedKey>> {
        let Some(name) = name else { return self.any.as_ref() };
        let host = Host::parse(name).ok()?;
        let exact = self.exact.get(host.as_str());
        let suffix = || self.wildcard.get(host.as_str().split_once('.')?.1);
        exact.or_else(suffix).or(self.any.as_ref())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, client_hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        self.find(client_hello.server_name()).cloned()
    }
}
