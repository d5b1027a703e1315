//! A gateway and three services that call one another, each in a process of its own.

use super::SPOKEN;
use super::workload::{Shared, serve};
use crate::client::Client;
use crate::origin::{Origin, Reply};
use crate::wait::{soon, until};
use crate::world::issue;
use selvedge_authn::txn::{Minting, Outside, Shown, mint};
use selvedge_config::SourceFile;
use selvedge_config::checked::{Endpoint, HostPort};
use selvedge_identity::{Authority, PrivateKey, Svid};
use selvedge_model::{DecisionId, Host, Name, Principal, Record, RuleId, Source, SpiffeId, TrustDomain};
use selvedge_net::issuers::Issuers;
use selvedge_net::{Call, EdgeCertificate, MeshTls, TlsError, now_s};
use selvedge_plan::Plan;
use selvedge_proxy::{Proxy, Settings};
use selvedge_telemetry::{DecisionLog, Metrics};
use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::net::TcpStream;

const SERVICES: [&str; 3] = ["a", "b", "c"];

/// The whole.
pub(crate) struct Mesh {
    pub(crate) world: Authority,
    pub(crate) edge: SocketAddr,
    key: PrivateKey,
    issuer: String,
    nodes: BTreeMap<&'static str, SocketAddr>,
    shared: Shared,
    processes: Vec<(Proxy, DecisionLog, TempDir)>,
    _idp: Origin,
}

fn free() -> (SocketAddr, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    (listener.local_addr().unwrap(), listener)
}

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

impl Mesh {
    pub(crate) async fn start() -> Mesh {
        let world = Authority::create(&TrustDomain::parse("acme.example").unwrap(), now_s()).unwrap();
        let (key, shared) = (PrivateKey::generate().unwrap(), Shared::new());
        let idp = Origin::always(jwks(&key)).await;
        let issuer = format!("http://{}", idp.address);
        // All are held until each has its number, so that no two are equal.
        let held: Vec<_> = (0..7).map(|_| free()).collect();
        let place = |index: usize| held[index].0;
        let (edge, mut nodes, mut ports) = (place(0), BTreeMap::new(), Vec::new());
        for (index, service) in SERVICES.into_iter().enumerate() {
            let out = place(1 + index);
            nodes.insert(service, place(4 + index));
            ports.push((service, serve(service, out, shared.clone()).await, out));
        }
        drop(held);
        let text = text(&issuer, edge, &ports);
        let registered = nodes.iter().map(|(service, at)| {
            let node = HostPort { host: Host::parse(&at.ip().to_string()).unwrap(), port: at.port() };
            (name(service), vec![Endpoint::Mesh(node)])
        });
        let files = [SourceFile { name: "mesh.yaml".into(), text: text.into() }];
        let (checked, _) = selvedge_policy::check(&files)
            .unwrap_or_else(|found| panic!("{}", selvedge_config::render(&found, &files, false)));
        let plan = Arc::new(Plan::compile(checked, &registered.collect()).unwrap());
        let mut mesh = Mesh { world, edge, key, issuer, nodes, shared, processes: Vec::new(), _idp: idp };
        for service in SERVICES {
            let mesh_listen = Some(mesh.nodes[service]);
            mesh.run(Settings { services: vec![name(service)], mesh_listen, ..Settings::default() }, &plan, service)
                .await;
        }
        mesh.run(Settings { gateways: vec![name("edge")], ..Settings::default() }, &plan, "gateway/edge").await;
        mesh
    }

    async fn run(&mut self, settings: Settings, plan: &Arc<Plan>, identity: &str) {
        let directory = tempfile::tempdir().unwrap();
        let log = DecisionLog::open(directory.path()).unwrap();
        let issuers = Arc::new(Issuers::new());
        issuers.start();
        // Two threads, so that what comes in and what goes out are on different ones.
        let proxy = Proxy::start(2, plan.clone(), issuers.clone(), (&log, &Metrics::new(2))).unwrap();
        let tls = MeshTls::new(self.world.bundle(), &[self.svid(identity)]).unwrap();
        let none = |_: &_| -> Result<EdgeCertificate, TlsError> { panic!("no listener has TLS") };
        let fresh = Arc::new(Plan::compile(plan.checked().clone(), &self.registered()).unwrap());
        proxy.apply(&settings, fresh, Some(Arc::new(tls)), &none).await.unwrap();
        until(|| issuers.snapshot().iter().all(|(_, state)| state.keys.is_some()).then_some(())).await;
        self.processes.push((proxy, log, directory));
    }

    fn registered(&self) -> BTreeMap<Name, Vec<Endpoint>> {
        let node = |at: &SocketAddr| HostPort { host: Host::parse(&at.ip().to_string()).unwrap(), port: at.port() };
        self.nodes.iter().map(|(service, at)| (name(service), vec![Endpoint::Mesh(node(at))])).collect()
    }

    pub(crate) fn id(&self, path: &str) -> SpiffeId {
        SpiffeId::parse(&format!("spiffe://acme.example/{path}")).unwrap()
    }

    pub(crate) fn svid(&self, path: &str) -> Svid {
        issue(&self.world, &self.id(path), 3600)
    }

    /// A transaction token by this path's SVID, for a user with every scope.
    pub(crate) fn token(&self, signer: &str, to: &str, user: &str) -> String {
        let outside = Outside {
            gateway: name("edge"),
            host: Host::parse("api.example").unwrap(),
            client: "203.0.113.9".parse().unwrap(),
            tls: None,
            credential: Shown::Token(Arc::new(Principal {
                issuer: name("corporate"),
                subject: user.into(),
                scopes: vec!["read".into(), "write".into()],
                groups: Vec::new(),
                amr: Vec::new(),
            })),
        };
        let rule = RuleId { access: name("a"), rule: name("users"), source: Source { file: "a".into(), line: 1 } };
        let (to, domain) = (self.id(to), self.world.bundle().trust_domain);
        let txn = DecisionId::new(1, 2);
        let minting = Minting { txn, domain: &domain, to: &to, outside: &outside, rule: &rule, plan: "p" };
        mint(&self.svid(signer), &minting, now_s()).unwrap().0
    }

    /// The status of a request that shows this token, as the peer of this path.
    pub(crate) async fn shows(&self, peer: &str, to: &'static str, path: &str, value: &str) -> u16 {
        let tls = MeshTls::new(self.world.bundle(), &[self.svid(peer)]).unwrap();
        let (as_id, expected, server_name) = (self.id(peer), self.id(to), format!("http.{to}.acme.example"));
        let call = Call { as_id: &as_id, server_name: &server_name, expected: &expected, alpn: SPOKEN };
        let tcp = soon(TcpStream::connect(self.nodes[to])).await.unwrap();
        let (stream, _) = tls.connect(tcp, Duration::from_secs(10), call).await.unwrap();
        let mut client = Client::new(stream);
        client.send(format!("GET {path} HTTP/1.1\r\nHost: {to}\r\ntxn-token: {value}\r\n\r\n")).await;
        client.answer().await.unwrap().status
    }

    /// The records of all processes so far.
    pub(crate) fn records(&self) -> Vec<Record> {
        let read = |(_, _, directory): &(Proxy, DecisionLog, TempDir)| {
            std::fs::read_to_string(directory.path().join("records.jsonl")).unwrap_or_default()
        };
        let texts: Vec<String> = self.processes.iter().map(read).collect();
        texts.iter().flat_map(|text| text.lines()).filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Every head that a workload received.
    pub(crate) fn heard(&self) -> Vec<String> {
        self.shared.heard.lock().unwrap().clone()
    }

    /// Waits until a request is held.
    pub(crate) async fn holding(&self) {
        soon(self.shared.holding.subscribe().wait_for(|holding| *holding)).await.unwrap();
    }

    /// Lets what is held go on.
    pub(crate) fn release(&self) {
        self.shared.released.send_replace(true);
    }
}

/// An access token of the mesh's issuer.
pub(crate) fn bearer(mesh: &Mesh, subject: &str, scope: &str) -> String {
    bearer_after(mesh, subject, scope, "pwd")
}

/// The same after the user was authenticated by this method.
pub(crate) fn bearer_after(mesh: &Mesh, subject: &str, scope: &str, method: &str) -> String {
    let header = r#"{"alg":"ES256","typ":"at+jwt","kid":"k1"}"#;
    let expires = now_s() + 600;
    let claims = format!(
        r#"{{"iss":"{}","aud":"https://api.example","sub":"{subject}","scope":"{scope}","amr":["{method}"],"exp":{expires}}}"#,
        mesh.issuer
    );
    let message = format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes()));
    let signature = mesh.key.sign_jose(message.as_bytes()).unwrap();
    format!("{message}.{}", base64url(&signature))
}

fn jwks(key: &PrivateKey) -> Reply {
    let der = key.public_der();
    let (x, y) = der[der.len() - 64..].split_at(32);
    let (x, y) = (base64url(x), base64url(y));
    let body = format!(r#"{{"keys":[{{"kty":"EC","crv":"P-256","kid":"k1","use":"sig","x":"{x}","y":"{y}"}}]}}"#);
    let length = body.len();
    Reply::raw(format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}"))
}

fn base64url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = String::new();
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_usize, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - group.len()));
        (0..=group.len()).for_each(|i| text.push(char::from(ALPHABET[bits >> (18 - 6 * i) & 63])));
    }
    text
}

fn text(issuer: &str, edge: SocketAddr, ports: &[(&str, SocketAddr, SocketAddr)]) -> String {
    let uid = std::fs::metadata("/proc/self").unwrap().uid();
    let mut text = format!(
        r#"
apiVersion: selvedge.dev/v1
kind: Mesh
metadata: {{ name: acme }}
spec:
  trustDomain: acme.example
  issuers:
    corporate: {{ issuer: "{issuer}", jwksUri: "{issuer}/jwks", audiences: ["https://api.example"], reach: loopback }}
---
apiVersion: selvedge.dev/v1
kind: Gateway
metadata: {{ name: edge }}
spec: {{ listeners: [{{ address: {}, port: {}, protocol: HTTP, hosts: [api.example] }}] }}
---
apiVersion: selvedge.dev/v1
kind: Access
metadata: {{ name: a }}
spec:
  service: a
  rules:
    - {{ name: users, from: {{ gateway: edge, token: corporate, scopes: [read] }}, paths: ["/as/**"] }}
    - name: strong
      from: {{ gateway: edge, token: corporate }}
      paths: ["/strong/**"]
      when: context.user.amr.contains("mfa")
    - {{ name: everyone, from: {{ gateway: edge, anonymous: true }}, paths: ["/open/**"] }}
---
apiVersion: selvedge.dev/v1
kind: Access
metadata: {{ name: b }}
spec:
  service: b
  rules:
    - name: from-a
      from: {{ service: a, onBehalfOf: corporate, scopes: [read] }}
      paths: ["/as/{{who}}", "/as/{{who}}/**"]
      when: context.captures.who == context.user.subject
---
apiVersion: selvedge.dev/v1
kind: Access
metadata: {{ name: c }}
spec:
  service: c
  rules:
    - {{ name: from-b, from: {{ service: b, onBehalfOf: corporate, scopes: [write] }}, paths: ["/as/**"] }}
"#,
        edge.ip(),
        edge.port()
    );
    for (service, target, out) in ports {
        text.push_str(&format!(
            "---\napiVersion: selvedge.dev/v1\nkind: Service\nmetadata: {{ name: {service} }}\nspec:\n  \
             workload: {{ unix: {{ uid: {uid} }} }}\n  ports: [{{ name: http, target: \"{target}\", protocol: HTTP }}]\n  \
             outbound: {{ http: \"{out}\" }}\n"
        ));
    }
    text
}
