//! A mesh in one process: an authority, a gateway, the node of `caller`, and the node of the services.

use crate::documents::{Documents, Origins, Places};
use crate::wait::until;
use selvedge_authn::txn::{Minting, Outside, Shown, mint};
use selvedge_config::SourceFile;
use selvedge_config::checked::{Endpoint, HostPort, Listener};
use selvedge_identity::{Authority, PrivateKey, ServerCertificate, Svid, Terms, request};
use selvedge_model::{DecisionId, Host, HostPattern, Name, Record, RuleId, Source, SpiffeId, TrustDomain};
use selvedge_net::issuers::{Issuers, Pace};
use selvedge_net::{EdgeCertificate, MeshTls, TlsError, now_s, random_bytes};
use selvedge_plan::Plan;
use selvedge_proxy::{ApplyError, Proxy, Settings};
use selvedge_telemetry::{DecisionLog, Metrics, find};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tempfile::TempDir;
use zeroize::Zeroizing;

/// One process of the mesh.
pub(crate) struct Process {
    pub(crate) proxy: Proxy,
    pub(crate) settings: Settings,
    /// The paths of its SVIDs.
    identities: &'static [&'static str],
    // Ends its thread when it is dropped.
    _log: DecisionLog,
    issuers: Arc<Issuers>,
    directory: TempDir,
}

/// The whole.
pub(crate) struct World {
    pub(crate) domain: TrustDomain,
    pub(crate) authority: Authority,
    /// The authority of `partner.example`, whose bundle every process has while `federates` says so.
    pub(crate) partner: Authority,
    pub(crate) federates: AtomicBool,
    pub(crate) gateway: Process,
    /// The node beside `caller`.
    pub(crate) near: Process,
    /// The node beside `orders` and `shut`.
    pub(crate) far: Process,
    /// What is in force everywhere.
    pub(crate) documents: Documents,
}

impl World {
    /// A mesh around these workloads, with the documents that `change` makes of the usual ones in force.
    pub(crate) async fn start(origins: Origins, change: impl FnOnce(&mut Documents)) -> World {
        let places = Places::new();
        let mut documents = Documents::new(places, origins);
        change(&mut documents);
        let domain = TrustDomain::parse("acme.example").unwrap();
        let authority = Authority::create(&domain, now_s()).unwrap();
        let partner = TrustDomain::parse("partner.example").unwrap();
        let partner = Authority::create(&partner, now_s()).unwrap();
        let empty = Arc::new(compile("", &documents));
        let mesh_listen = Some(places.mesh);
        let names = |names: &[&str]| names.iter().map(|name| Name::parse(name).unwrap()).collect::<Vec<_>>();
        let gateway = Settings { gateways: names(&["edge"]), ..Settings::default() };
        let near = Settings { services: names(&["caller"]), ..Settings::default() };
        let far = Settings { services: names(&["orders", "shut"]), mesh_listen, ..Settings::default() };
        let world = World {
            domain,
            authority,
            partner,
            federates: AtomicBool::new(true),
            gateway: Process::start(gateway, &["gateway/edge"], &empty),
            near: Process::start(near, &["caller"], &empty),
            far: Process::start(far, &["orders", "shut"], &empty),
            documents,
        };
        if world.documents.fetches {
            world.gateway.issuers.start();
        }
        world.apply(&world.documents).await;
        world
    }

    /// Puts documents in force everywhere, with fresh certificates.
    pub(crate) async fn apply(&self, documents: &Documents) {
        for process in [&self.far, &self.near, &self.gateway] {
            self.apply_at(process, documents).await.unwrap();
        }
    }

    /// Puts documents in force in one process alone, with fresh certificates.
    pub(crate) async fn apply_at(&self, process: &Process, documents: &Documents) -> Result<(), ApplyError> {
        let plan = Arc::new(compile(&documents.text(), documents));
        self.enforce(process, plan).await
    }

    /// Gives a process fresh certificates, under the plan that it has.
    pub(crate) async fn renew(&self, process: &Process) {
        self.enforce(process, process.proxy.plan()).await.unwrap();
    }

    /// Starts another gateway on the sockets of the one that runs, which is given back: both serve then.
    pub(crate) async fn succeed(&mut self) -> Process {
        let empty = Arc::new(compile("", &self.documents));
        let next = Process::start(self.gateway.settings.clone(), self.gateway.identities, &empty);
        next.proxy.inherit(self.gateway.proxy.share().await.unwrap());
        self.enforce(&next, self.gateway.proxy.plan()).await.unwrap();
        std::mem::replace(&mut self.gateway, next)
    }

    async fn enforce(&self, process: &Process, plan: Arc<Plan>) -> Result<(), ApplyError> {
        let bundle = self.federates.load(Ordering::Relaxed).then(|| self.partner.bundle());
        let federated = bundle.into_iter().map(|bundle| (bundle.trust_domain.clone(), bundle)).collect();
        let mesh = Arc::new(self.mesh_tls(process.identities).federating(federated));
        process.proxy.apply(&process.settings, plan, Some(mesh), &|listener| self.edge_certificate(listener)).await
    }

    pub(crate) fn id(&self, path: &str) -> SpiffeId {
        SpiffeId::parse(&format!("spiffe://{}/{path}", self.domain)).unwrap()
    }

    /// An SVID that lives for so many seconds from now.
    pub(crate) fn svid(&self, path: &str, ttl_s: u64) -> Svid {
        issue(&self.authority, &self.id(path), ttl_s)
    }

    /// Both directions of the mesh for whoever has these SVIDs.
    pub(crate) fn mesh_tls(&self, paths: &[&str]) -> MeshTls {
        let svids: Vec<Svid> = paths.iter().map(|path| self.svid(path, 3600)).collect();
        MeshTls::new(self.authority.bundle(), &svids).unwrap()
    }

    /// An edge certificate, as the authority issues it to gateways.
    pub(crate) fn server(&self, hosts: &[Host]) -> ServerCertificate {
        let key = PrivateKey::generate().unwrap();
        let chain = self.authority.issue_server(&request(&key).unwrap(), hosts, &terms(3600)).unwrap();
        ServerCertificate::new(chain, key).unwrap()
    }

    fn edge_certificate(&self, listener: &Listener) -> Result<EdgeCertificate, TlsError> {
        let exact = |pattern: &HostPattern| match pattern {
            HostPattern::Exact(host) => Some(host.clone()),
            HostPattern::Wildcard(_) | HostPattern::Any => None,
        };
        let hosts: Vec<Host> = listener.hosts.iter().filter_map(exact).collect();
        let ServerCertificate { chain, key, .. } = self.server(&hosts);
        let key_der = Zeroizing::new(key.pkcs8_der().to_vec());
        Ok(EdgeCertificate { chain, key_der, names: listener.hosts.clone() })
    }

    /// The records of one decision, from the logs of all processes: as soon as there are so many.
    pub(crate) async fn records(&self, id: &str, count: usize) -> Vec<Record> {
        let id = DecisionId::parse(id).unwrap();
        let directories: Vec<PathBuf> =
            [&self.gateway, &self.near, &self.far].map(|process| process.directory.path().to_owned()).to_vec();
        until(|| Some(find(&directories, id).unwrap()).filter(|found| found.len() >= count)).await
    }
}

/// What a gateway vouches for: somebody without a credential, at this host.
pub(crate) fn outside(gateway: &str, host: &str) -> Outside {
    Outside {
        gateway: Name::parse(gateway.trim_start_matches("gateway/")).unwrap(),
        host: Host::parse(host).unwrap(),
        client: "203.0.113.9".parse().unwrap(),
        tls: None,
        credential: Shown::Nothing,
    }
}

/// A transaction token that whoever has the SVID of this path signs for a service.
pub(crate) fn token(world: &World, signer: &str, outside: &Outside, to: &str) -> String {
    minted(&world.svid(signer, 3600), world, outside, (to, now_s()))
}

/// A transaction token by any SVID, for a service, at a time.
pub(crate) fn minted(svid: &Svid, world: &World, outside: &Outside, (to, now): (&str, u64)) -> String {
    let name = |text| Name::parse(text).unwrap();
    let rule = RuleId { access: name("orders"), rule: name("public"), source: Source { file: "a".into(), line: 1 } };
    let (to, txn) = (world.id(to), DecisionId::new(1, 2));
    let minting = Minting { txn, domain: &world.domain, to: &to, outside, rule: &rule, plan: "p" };
    mint(svid, &minting, now).unwrap().0
}

/// An SVID of any authority, for the identity that it is asked for.
pub(crate) fn issue(authority: &Authority, id: &SpiffeId, ttl_s: u64) -> Svid {
    let key = PrivateKey::generate().unwrap();
    // The name that is dialled stands in it too, so that a client without an SVID gets as far as it can.
    let dns = [Host::parse(&format!("http{}.{}", id.path().replace('/', "."), id.trust_domain())).unwrap()];
    let chain = authority.issue_svid(&request(&key).unwrap(), id, &dns, &terms(ttl_s)).unwrap();
    Svid::new(chain, key).unwrap()
}

fn terms(ttl_s: u64) -> Terms {
    Terms { ttl_s, now: now_s(), serial: random_bytes() }
}

/// The plan of a repository, in which the mesh knows the node of the services.
fn compile(text: &str, documents: &Documents) -> Plan {
    let nothing =
        "apiVersion: selvedge.dev/v1\nkind: Mesh\nmetadata: { name: acme }\nspec: { trustDomain: acme.example }\n";
    let (text, guardrails) = if text.is_empty() { (nothing, "") } else { (text, documents.guardrails) };
    let schema = selvedge_testkit::inputs_schema().unwrap();
    let files = [("mesh.yaml", text), ("shop.openapi.yaml", &*schema), ("guardrails.cedar", guardrails)];
    let files = files.map(|(name, text)| SourceFile { name: name.into(), text: text.into() });
    let checked = selvedge_config::check(&files)
        .unwrap_or_else(|found| panic!("{}", selvedge_config::render(&found, &files, false)));
    let mesh = documents.places.mesh;
    let node = HostPort { host: Host::parse(&mesh.ip().to_string()).unwrap(), port: mesh.port() };
    let registered: BTreeMap<Name, Vec<Endpoint>> = ["orders", "shut", "caller", "stranger"]
        .map(|service| (Name::parse(service).unwrap(), vec![Endpoint::Mesh(node.clone())]))
        .into();
    Plan::compile(checked, &registered).unwrap()
}

fn secret(variable: &str) -> Option<String> {
    (variable == "SELVEDGE_SECRET_IDP").then(|| "secret".to_owned())
}

impl Process {
    fn start(settings: Settings, identities: &'static [&'static str], empty: &Arc<Plan>) -> Process {
        let directory = tempfile::tempdir().unwrap();
        let log = DecisionLog::open(directory.path()).unwrap();
        let metrics = Metrics::new(1);
        let issuers = Arc::new(Issuers::with_variables(Pace::default(), Path::new(""), secret));
        let proxy = Proxy::start(1, empty.clone(), issuers.clone(), (&log, &metrics)).unwrap();
        Process { proxy, settings, identities, _log: log, issuers, directory }
    }

    /// All records of this process, once one of them is what is looked for.
    pub(crate) async fn record(&self, wanted: impl Fn(&Record) -> bool) -> Record {
        let file = self.directory.path().join("records.jsonl");
        until(|| {
            let text = std::fs::read_to_string(&file).unwrap_or_default();
            text.lines().filter_map(|line| serde_json::from_str::<Record>(line).ok()).find(&wanted)
        })
        .await
    }
}
