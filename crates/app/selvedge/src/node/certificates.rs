//! The certificates of a process: which it needs, which it has, which are asked for, which are due.

use super::store::Store;
use anyhow::{Result, bail};
use selvedge_config::checked::{Certificate as Source, Checked, Listener};
use selvedge_identity::{PrivateKey, Revoked, ServerCertificate, Svid, TrustBundle, request};
use selvedge_link::{CertificateInfo, FromNode, NodeKind, Want};
use selvedge_model::{Host, HostPattern, Name, SpiffeId, WorkloadKind};
use selvedge_net::random_u128;
use std::collections::BTreeMap;

/// The name under which the SVID of the gateway or node itself is kept.
pub(crate) const MYSELF: &str = "myself";
/// An answer is waited for so long before control is asked again, in seconds.
const ANSWER_S: u64 = 10;
/// After a refusal control is asked again so much later, in seconds.
const REFUSED_S: u64 = 30;

/// A certificate that was issued by so much before the one that is held is not taken, in seconds.
const BACK_S_MAX: u64 = 60;

/// All certificates of a process, by the name under which they are kept.
#[derive(Debug, Default)]
pub(crate) struct Certificates {
    slots: BTreeMap<String, Slot>,
    tickets: u64,
}

/// A certificate that was taken.
#[derive(Debug)]
pub(crate) struct Issued {
    /// Under which name it is kept.
    pub(crate) name: String,
    /// Whether there was one before.
    pub(crate) is_renewed: bool,
}

/// A certificate that is needed.
#[derive(Debug)]
struct Slot {
    want: Want,
    held: Option<Held>,
    /// When to ask for it (again), in seconds since 1970.
    due: u64,
    /// The fingerprint of the root that it comes from; empty when that is not known.
    root: String,
    asked: Option<(u64, PrivateKey)>,
    refused: Option<String>,
}

#[derive(Debug)]
enum Held {
    Svid(Svid),
    Server(ServerCertificate),
}

/// The name under which a listener's certificate from the mesh is kept.
pub(crate) fn of_listener(listener: &Listener) -> String {
    let host = listener.hosts.first().map(ToString::to_string).unwrap_or_default();
    format!("server-{}-{host}", listener.address.port())
}

/// What a process needs under these documents.
pub(crate) fn needed(checked: &Checked, kind: NodeKind, name: &Name, services: &[Name]) -> BTreeMap<String, Want> {
    let mut needed = BTreeMap::from([(MYSELF.to_owned(), Want::Myself)]);
    needed.extend(services.iter().map(|service| (format!("service-{service}"), Want::Service(service.clone()))));
    let gateway = checked.gateways.get(name).filter(|_| kind == NodeKind::Gateway);
    let listeners = gateway.into_iter().flat_map(|gateway| &gateway.listeners);
    let from_mesh = listeners.filter(|listener| listener.certificate == Some(Source::Mesh));
    needed.extend(from_mesh.map(|listener| (of_listener(listener), Want::Server(exact(listener)))));
    needed
}

fn exact(listener: &Listener) -> Vec<Host> {
    let host = |pattern: &HostPattern| match pattern {
        HostPattern::Exact(host) => Some(host.clone()),
        HostPattern::Wildcard(_) | HostPattern::Any => None,
    };
    listener.hosts.iter().filter_map(host).collect()
}

impl Certificates {
    /// Sets what is needed: what is held stays, what is new is looked for on disk, what is no longer needed is dropped.
    pub(crate) fn need(&mut self, needed: BTreeMap<String, Want>, store: &Store, now: u64) {
        self.slots.retain(|name, slot| needed.get(name) == Some(&slot.want));
        for (name, want) in needed {
            self.slots.entry(name).or_insert_with_key(|name| {
                let held = store.certificate(name).and_then(|pem| Held::read(&want, &pem)).filter(|h| h.ends() > now);
                let due = held.as_ref().map_or(now, Held::renew_at);
                Slot { want, held, due, root: String::new(), asked: None, refused: None }
            });
        }
    }

    /// Whether nothing is missing that control has not refused.
    pub(crate) fn is_complete(&self) -> bool {
        self.slots.values().all(|slot| slot.held.is_some() || slot.refused.is_some())
    }

    /// Why a certificate is missing, if one was refused.
    pub(crate) fn refusal(&self) -> Option<&str> {
        self.slots.values().filter(|slot| slot.held.is_none()).find_map(|slot| slot.refused.as_deref())
    }

    /// Requests for all that are due at `now`.
    ///
    /// # Errors
    /// When a key cannot be made.
    pub(crate) fn requests(&mut self, now: u64) -> Result<Vec<FromNode>> {
        let mut requests = Vec::new();
        // One from the future was taken while this clock and control's were ahead together: it is no use now.
        let is_early = |slot: &Slot| slot.asked.is_none() && slot.held.as_ref().is_some_and(|held| held.begins() > now);
        for slot in self.slots.values_mut().filter(|slot| slot.due <= now || is_early(slot)) {
            self.tickets += 1;
            let key = PrivateKey::generate()?;
            let csr = request(&key)?;
            requests.push(FromNode::Issue { ticket: self.tickets, want: slot.want.clone(), csr });
            slot.asked = Some((self.tickets, key));
            slot.due = now + ANSWER_S;
        }
        Ok(requests)
    }

    /// When the next one is due.
    pub(crate) fn next_due(&self) -> Option<u64> {
        self.slots.values().map(|slot| slot.due).min()
    }

    /// Forgets what was asked on a link that is gone: it is asked again on the next.
    pub(crate) fn link_lost(&mut self, now: u64) {
        self.slots
            .values_mut()
            .filter(|slot| slot.asked.is_some())
            .for_each(|slot| (slot.asked, slot.due) = (None, now));
    }

    /// Takes an answer. `Ok(None)`: nobody waits for it any more.
    ///
    /// # Errors
    /// When it is not what was asked for.
    pub(crate) fn issued(
        &mut self,
        ticket: u64,
        chain: Vec<Vec<u8>>,
        (trust, id): (&TrustBundle, &SpiffeId),
        store: &Store,
        now: u64,
    ) -> Result<Option<Issued>> {
        let asked = |(_, slot): &(&String, &mut Slot)| slot.asked.as_ref().is_some_and(|(t, _)| *t == ticket);
        let Some((name, slot)) = self.slots.iter_mut().find(asked) else { return Ok(None) };
        let Some((_, key)) = slot.asked.take() else { return Ok(None) };
        let held = Held::new(&slot.want, chain, key)?;
        held.check(&slot.want, trust, id, now)?;
        // Issued before the one that is held, which is good: the authority's clock has gone back, and what it gives now
        // would end early.
        let is_good = |had: &Held| (had.begins()..=had.ends()).contains(&now);
        if slot.held.as_ref().is_some_and(|had| is_good(had) && held.begins() + BACK_S_MAX < had.begins()) {
            slot.due = now + REFUSED_S;
            return Ok(None);
        }
        store.keep_certificate(name, &held.to_pem())?;
        slot.due = held.renew_at();
        slot.root = trust.root_of(held.chain()).unwrap_or_default();
        let is_renewed = slot.held.is_some();
        (slot.held, slot.refused) = (Some(held), None);
        Ok(Some(Issued { name: name.clone(), is_renewed }))
    }

    /// Takes a refusal.
    pub(crate) fn refused(&mut self, ticket: u64, reason: &str, now: u64) {
        let asked = |slot: &&mut Slot| slot.asked.as_ref().is_some_and(|(t, _)| *t == ticket);
        if let Some(slot) = self.slots.values_mut().find(asked) {
            slot.asked = None;
            slot.due = now + REFUSED_S;
            slot.refused = Some(reason.to_owned());
        }
    }

    /// Looks up which roots the certificates come from, in a new bundle.
    pub(crate) fn found_in(&mut self, trust: &TrustBundle) {
        for slot in self.slots.values_mut() {
            let root = slot.held.as_ref().and_then(|held| trust.root_of(held.chain()));
            slot.root = root.unwrap_or_default();
        }
    }

    /// Asks now for everything that does not come from this root: what signed it is compromised.
    pub(crate) fn renew_other_than(&mut self, root: &str, now: u64) {
        self.slots
            .values_mut()
            .filter(|slot| slot.root != root && slot.asked.is_none())
            .for_each(|slot| slot.due = now);
    }

    /// Asks now for everything that is revoked: what is issued to us from now on counts.
    pub(crate) fn renew_revoked(&mut self, revoked: &Revoked, now: u64) {
        let is_revoked = |slot: &&mut Slot| match &slot.held {
            Some(Held::Svid(svid)) => revoked.has_leaf(svid.id.as_str(), &svid.serial, svid.not_before),
            Some(Held::Server(_)) | None => false,
        };
        self.slots.values_mut().filter(is_revoked).for_each(|slot| slot.due = slot.due.min(now));
    }

    /// The SVIDs that are held.
    pub(crate) fn svids(&self) -> Vec<Svid> {
        let svid = |held: &Held| match held {
            Held::Svid(svid) => Some(svid.clone()),
            Held::Server(_) => None,
        };
        self.slots.values().filter_map(|slot| slot.held.as_ref()).filter_map(svid).collect()
    }

    /// The SVID of a service.
    pub(crate) fn of_service(&self, service: &Name) -> Option<&Svid> {
        match self.slots.get(&format!("service-{service}"))?.held.as_ref()? {
            Held::Svid(svid) => Some(svid),
            Held::Server(_) => None,
        }
    }

    /// The edge certificate that is kept under a name.
    pub(crate) fn server(&self, name: &str) -> Option<&ServerCertificate> {
        match self.slots.get(name)?.held.as_ref()? {
            Held::Server(certificate) => Some(certificate),
            Held::Svid(_) => None,
        }
    }

    /// All that are held, for receipts and pages.
    pub(crate) fn infos(&self) -> Vec<CertificateInfo> {
        let info = |slot: &Slot| Some(CertificateInfo { root: slot.root.clone(), ..slot.held.as_ref()?.info() });
        self.slots.values().filter_map(info).collect()
    }
}

impl Held {
    fn new(want: &Want, chain: Vec<Vec<u8>>, key: PrivateKey) -> Result<Held> {
        Ok(match want {
            Want::Myself | Want::Service(_) => Held::Svid(Svid::new(chain, key)?),
            Want::Server(_) => Held::Server(ServerCertificate::new(chain, key)?),
        })
    }

    fn read(want: &Want, pem: &str) -> Option<Held> {
        match want {
            Want::Myself | Want::Service(_) => Svid::from_pem(pem).ok().map(Held::Svid),
            Want::Server(hosts) => {
                ServerCertificate::from_pem(pem).ok().filter(|held| held.names == *hosts).map(Held::Server)
            }
        }
    }

    /// Whether this is what was asked for, from whom we trust.
    fn check(&self, want: &Want, trust: &TrustBundle, myself: &SpiffeId, now: u64) -> Result<()> {
        match self {
            Held::Svid(svid) => {
                let chain: Vec<&[u8]> = svid.chain.iter().map(Vec::as_slice).collect();
                let got = trust.verify(&chain, now)?.id;
                let expected = match want {
                    Want::Service(name) => SpiffeId::of(&trust.trust_domain, &WorkloadKind::Service(name.clone())),
                    Want::Myself | Want::Server(_) => myself.clone(),
                };
                if got != expected {
                    bail!("control issued a certificate for `{got}`, not for `{expected}`");
                }
            }
            Held::Server(certificate) => {
                let Want::Server(hosts) = want else { bail!("control issued a certificate of another kind") };
                if certificate.names != *hosts {
                    bail!("control issued an edge certificate for other hosts");
                }
            }
        }
        Ok(())
    }

    fn to_pem(&self) -> String {
        match self {
            Held::Svid(svid) => svid.to_pem().to_string(),
            Held::Server(certificate) => certificate.to_pem().to_string(),
        }
    }

    fn chain(&self) -> &[Vec<u8>] {
        match self {
            Held::Svid(svid) => &svid.chain,
            Held::Server(certificate) => &certificate.chain,
        }
    }

    fn begins(&self) -> u64 {
        match self {
            Held::Svid(svid) => svid.not_before,
            Held::Server(certificate) => certificate.not_before,
        }
    }

    fn ends(&self) -> u64 {
        match self {
            Held::Svid(svid) => svid.not_after,
            Held::Server(certificate) => certificate.not_after,
        }
    }

    fn renew_at(&self) -> u64 {
        let random = random_u128() as u64;
        match self {
            Held::Svid(svid) => svid.renew_at(random),
            Held::Server(certificate) => certificate.renew_at(random),
        }
    }

    fn info(&self) -> CertificateInfo {
        let (id, serial) = match self {
            Held::Svid(svid) => (svid.id.to_string(), &svid.serial),
            Held::Server(certificate) => {
                (certificate.names.first().map(ToString::to_string).unwrap_or_default(), &certificate.serial)
            }
        };
        CertificateInfo { id, serial: serial.clone(), not_after: self.ends(), root: String::new() }
    }
}
