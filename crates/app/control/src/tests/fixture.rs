//! A mesh repository, an authority in a thread, a control plane, and nodes that speak to it over real TLS.

use crate::control::Control;
use crate::options::{AuthorityCommand, BundleEndpoint, ControlError, Options};
use crate::registry::token::JoinRequest;
use crate::start::start_at;
use crate::state::StateError;
use selvedge_config::SourceFile;
use selvedge_identity::{JoinToken, PrivateKey, Svid, TrustBundle, request};
use selvedge_link::{Bundle, FromNode, JoinSecret, NodeEnd, NodeInfo, NodeKind, ToNode, Want};
use selvedge_model::{Name, SpiffeId};
use selvedge_net::{JoinTls, MeshTls};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

pub(super) const PATIENCE: Duration = Duration::from_secs(10);

pub(super) fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

/// A place for one control plane, which survives its restarts.
pub(super) struct Place {
    dir: TempDir,
    /// Milliseconds that the clock is ahead.
    pub(super) ahead_ms: Arc<AtomicU64>,
}

/// A control plane that runs.
pub(super) struct Up {
    pub(super) control: Control,
    running: JoinHandle<Result<(), ControlError>>,
}

impl Place {
    /// A repository with the template's documents, and an authority beside it.
    pub(super) fn new() -> Place {
        let place = Place { dir: TempDir::new().unwrap(), ahead_ms: Arc::default() };
        std::fs::create_dir(place.repository()).unwrap();
        for file in selvedge_config::template() {
            std::fs::write(place.repository().join(&*file.name), &*file.text).unwrap();
        }
        crate::state::private_directory(&place.state()).unwrap();
        let state = place.state();
        // The thread ends with the test's process.
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let socket = state.join("authority.sock");
            runtime.block_on(crate::authority::serve(&state, &socket, std::future::pending())).unwrap();
        });
        place
    }

    pub(super) fn repository(&self) -> PathBuf {
        self.dir.path().join("repository")
    }

    pub(super) fn state(&self) -> PathBuf {
        self.dir.path().join("state")
    }

    /// Replaces a text in one of the documents.
    pub(super) fn edit(&self, from: &str, to: &str) {
        let path = self.repository().join("orders.yaml");
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(path, text.replace(from, to)).unwrap();
    }

    pub(super) async fn try_start(&self) -> Result<Up, ControlError> {
        let loopback = "127.0.0.1:0".parse().ok();
        let options = Options {
            directory: self.repository(),
            state: self.state(),
            listen: loopback,
            advertise: None,
            admin: loopback,
            authority: AuthorityCommand::Running,
            bundle_endpoint: loopback.map(|listen| BundleEndpoint { listen, certificate: None }),
        };
        let ahead = Arc::clone(&self.ahead_ms);
        let clock = Arc::new(move || selvedge_net::now_ms() + ahead.load(Ordering::Relaxed));
        let (control, running) = start_at(options, Arc::new(read_files), clock).await?;
        Ok(Up { control, running: tokio::spawn(running.run()) })
    }

    /// Starts; waits for a former control to let go of the state directory.
    pub(super) async fn start(&self) -> Up {
        for _ in 0..1_000 {
            match self.try_start().await {
                Err(ControlError::State(StateError::InUse(_))) => tokio::time::sleep(Duration::from_millis(5)).await,
                started => return started.unwrap(),
            }
        }
        panic!("the former control still holds the state directory");
    }
}

fn read_files(directory: &Path) -> Result<Vec<SourceFile>, String> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(|error| error.to_string())? {
        let path = entry.map_err(|error| error.to_string())?.path();
        let text = std::fs::read_to_string(&path).map_err(|error| error.to_string())?;
        let name = path.file_name().unwrap().to_string_lossy();
        files.push(SourceFile { name: name.as_ref().into(), text: text.into() });
    }
    files.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(files)
}

impl Up {
    /// Ends it, as a kill would.
    pub(super) async fn kill(self) {
        self.running.abort();
        let _ = self.running.await;
    }

    pub(super) fn token(&self, kind: NodeKind, node: &str, services: &[&str]) -> JoinToken {
        let services = services.iter().map(|service| name(service)).collect();
        let request = JoinRequest { kind, name: name(node), services, control: None };
        self.control.join_token(&request).unwrap()
    }

    fn own_id(&self) -> SpiffeId {
        crate::identity::own_id(&self.control.trust().trust_domain).unwrap()
    }

    pub(super) async fn dial(&self) -> TcpStream {
        TcpStream::connect(self.control.link_address().unwrap()).await.unwrap()
    }

    /// A connection without a certificate, whose other side is pinned by the token.
    pub(super) async fn stranger(&self, token: &JoinToken) -> Result<NodeEnd, String> {
        let (domain, id) = (&token.trust_domain, self.own_id());
        let connected = JoinTls::connect(self.dial().await, PATIENCE, "control", domain, &token.roots(), &id).await;
        connected.map(|(stream, _)| NodeEnd::remote(stream)).map_err(|error| error.to_string())
    }

    /// Joins with a token, as a node does.
    pub(super) async fn join(&self, token: &JoinToken) -> Result<(Svid, TrustBundle), String> {
        let mut end = self.stranger(token).await?;
        let key = PrivateKey::generate().unwrap();
        let csr = request(&key).unwrap();
        let _ = end.send(FromNode::Join { secret: JoinSecret(token.secret.clone()), csr }).await;
        match end.recv().await {
            Some(ToNode::Joined { chain, bundle, .. }) => {
                assert_eq!(end.recv().await, None);
                Ok((Svid::new(chain, key).unwrap(), bundle))
            }
            Some(ToNode::Refused { ticket: None, reason }) => Err(reason),
            other => panic!("{other:?}"),
        }
    }

    /// A link with a certificate.
    pub(super) async fn link(&self, svid: &Svid, trust: &TrustBundle) -> NodeEnd {
        let tls = MeshTls::new(trust.clone(), std::slice::from_ref(svid)).unwrap();
        let stream = self.dial().await;
        let connected = tls.connect_link(stream, PATIENCE, &svid.id, "control", &self.own_id()).await;
        NodeEnd::remote(connected.unwrap().0)
    }

    /// Joins and says hello.
    pub(super) async fn node(&self, kind: NodeKind, node: &str, services: &[&str]) -> NodeEnd {
        let (svid, trust) = self.join(&self.token(kind, node, services)).await.unwrap();
        let end = self.link(&svid, &trust).await;
        hello(&end, info(kind, node, services)).await;
        end
    }

    /// Waits until the status is as wanted.
    pub(super) async fn until(&self, wanted: impl Fn(&crate::Status) -> bool) -> crate::Status {
        for _ in 0..1_000 {
            let status = self.control.status();
            if wanted(&status) {
                return status;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("{:?}", self.control.status());
    }
}

pub(super) fn info(kind: NodeKind, node: &str, services: &[&str]) -> NodeInfo {
    let advertise = (kind == NodeKind::Node).then(|| selvedge_link::text::parse_host_port("10.0.0.5:15443").unwrap());
    let services = services.iter().map(|service| name(service)).collect();
    NodeInfo { kind, name: name(node), services, advertise, version: "test".to_owned() }
}

pub(super) async fn hello(end: &NodeEnd, node: NodeInfo) {
    end.send(FromNode::Hello { node, enforced: None }).await.unwrap();
}

/// The next bundle, opened. Other messages are passed over.
pub(super) async fn next_bundle(end: &mut NodeEnd, trust: &TrustBundle) -> Bundle {
    let waiting = async {
        loop {
            match end.recv().await {
                Some(ToNode::Bundle(signed)) => return signed.open(trust, selvedge_net::now_s()).unwrap(),
                Some(_) => {}
                None => panic!("the link closed: {:?}", end.reason()),
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap()
}

/// The answer to a request for a certificate: its SPIFFE ID or error text.
pub(super) async fn ask(end: &mut NodeEnd, want: Want) -> Result<Vec<Vec<u8>>, String> {
    let csr = request(&PrivateKey::generate().unwrap()).unwrap();
    end.send(FromNode::Issue { ticket: 7, want, csr }).await.unwrap();
    let waiting = async {
        loop {
            match end.recv().await {
                Some(ToNode::Issued { ticket: 7, chain }) => return Ok(chain),
                Some(ToNode::Refused { ticket: Some(7), reason }) => return Err(reason),
                Some(_) => {}
                None => panic!("the link closed: {:?}", end.reason()),
            }
        }
    };
    tokio::time::timeout(PATIENCE, waiting).await.unwrap()
}
