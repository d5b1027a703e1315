//! The documents of the tests' mesh, as text: what a person would write, with addresses filled in.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where everything listens. Each world has a loopback address of its own, so that ports that the kernel gave stay free
/// until the data plane takes them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Places {
    pub(crate) edge_http: SocketAddr,
    pub(crate) edge_https: SocketAddr,
    pub(crate) mesh: SocketAddr,
    pub(crate) out_http: SocketAddr,
    pub(crate) out_tcp: SocketAddr,
    pub(crate) out_tcp_shut: SocketAddr,
    /// Nobody listens here, until a test does.
    pub(crate) free: SocketAddr,
}

/// The workloads' own sockets.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Origins {
    pub(crate) http: SocketAddr,
    pub(crate) http2: SocketAddr,
    pub(crate) tcp: SocketAddr,
}

/// One rule: the service, its name, and the rest of it in YAML.
type Rule = (&'static str, &'static str, &'static str);

/// What a test may say otherwise.
#[derive(Debug, Clone)]
pub(crate) struct Documents {
    pub(crate) places: Places,
    pub(crate) origins: Origins,
    /// Limits of the gateway, as in `limits: { … }`.
    pub(crate) limits: &'static str,
    /// Networks of trusted proxies.
    pub(crate) trusted: &'static str,
    /// Traffic settings of every service.
    pub(crate) traffic: &'static str,
    /// Further endpoints of `direct`.
    pub(crate) more: Vec<SocketAddr>,
    /// Who may claim to be `caller`; this process by default.
    pub(crate) uid: u32,
    /// A label without meaning: another value makes another plan.
    pub(crate) label: usize,
    /// Limits of the gateway on how often, in YAML.
    pub(crate) throttle: &'static str,
    /// Sets of API keys, as in `apiKeys: { … }`.
    pub(crate) key_sets: &'static str,
    /// Limits of `orders`, in YAML.
    pub(crate) service_limit: &'static str,
    /// Issuers of the mesh, in YAML. Nobody fetches their keys, unless `fetches`.
    pub(crate) issuers: &'static str,
    /// Whether the gateway asks issuers.
    pub(crate) fetches: bool,
    /// Sets of client certificates, and those that the HTTPS listener asks for.
    pub(crate) client_sets: (String, &'static str),
    /// The `mode` of `orders`.
    pub(crate) mode: &'static str,
    /// Guardrails, in Cedar.
    pub(crate) guardrails: &'static str,
    /// Documents beside the usual ones.
    pub(crate) appended: String,
    /// What the rules for HTTP/1.1 say of a description, as `, schema: …`.
    pub(crate) schema: &'static str,
    rules: Vec<Rule>,
}

const RULES: &[Rule] = &[
    ("orders", "public", "from: { gateway: edge, hosts: [api.example], anonymous: true }, ports: [http], paths: [/**]"),
    ("orders", "public-h2", "from: { gateway: edge, hosts: [h2.example], anonymous: true }, ports: [h2], paths: [/**]"),
    (
        "orders",
        "narrow",
        "from: { gateway: edge, hosts: [narrow.example], anonymous: true }, ports: [http], methods: [GET], paths: [/open]",
    ),
    ("orders", "caller", "from: { service: caller }, ports: [http, h2]"),
    ("orders", "caller-tcp", "from: { service: caller }, ports: [tcp]"),
    ("direct", "public-direct", "from: { gateway: edge, hosts: [direct.example], anonymous: true }, paths: [/**]"),
    ("direct", "caller-direct", "from: { service: caller }"),
    ("direct2", "public-direct2", "from: { gateway: edge, hosts: [direct2.example], anonymous: true }, paths: [/**]"),
    ("direct2", "caller-direct2", "from: { service: caller }"),
];

impl Documents {
    pub(crate) fn new(places: Places, origins: Origins) -> Documents {
        let rules = RULES.to_vec();
        let uid = own_uid();
        Documents {
            places,
            origins,
            limits: "{}",
            trusted: "[192.0.2.0/24]",
            traffic: "{}",
            more: Vec::new(),
            uid,
            label: 0,
            throttle: "null",
            key_sets: "null",
            service_limit: "null",
            issuers: "{}",
            fetches: false,
            client_sets: ("null".to_owned(), "null"),
            mode: "enforce",
            guardrails: "",
            appended: String::new(),
            schema: "",
            rules,
        }
    }

    /// The same without a rule.
    pub(crate) fn without(mut self, rule: &str) -> Documents {
        let before = self.rules.len();
        self.rules.retain(|(_, name, _)| *name != rule);
        assert_eq!(self.rules.len() + 1, before, "there is no rule `{rule}`");
        self
    }

    /// The same with one more rule.
    pub(crate) fn with(&mut self, rule: Rule) {
        self.rules.push(rule);
    }

    /// The repository as one text.
    pub(crate) fn text(&self) -> String {
        let Documents { places, origins, limits, trusted, traffic, uid, label, throttle, key_sets, issuers, .. } = self;
        let (client_sets, asked) = &self.client_sets;
        let (http, http2, tcp) = (origins.http, origins.http2, origins.tcp);
        let (edge_http, edge_https) = (places.edge_http, places.edge_https);
        let hosts = "[api.example, h2.example, narrow.example, direct.example, direct2.example]";
        let mut text = format!(
            r#"
apiVersion: selvedge.dev/v1
kind: Mesh
metadata: {{ name: acme }}
spec: {{ trustDomain: acme.example, authority: {{ workloadTtl: 1h }}, apiKeys: {key_sets}, issuers: {issuers},
  clientCertificates: {client_sets} }}
---
apiVersion: selvedge.dev/v1
kind: Gateway
metadata: {{ name: edge }}
spec:
  listeners:
    - {{ address: {}, port: {}, protocol: HTTP, hosts: {hosts} }}
    - {{ address: {}, port: {}, protocol: HTTPS, hosts: {hosts}, tls: {{ mesh: true, clientCertificates: {asked} }} }}
  trustedProxies: {trusted}
  limits: {limits}
  limit: {throttle}
"#,
            edge_http.ip(),
            edge_http.port(),
            edge_https.ip(),
            edge_https.port()
        );
        let all = format!(
            r#"[{{ name: http, target: "{http}", protocol: HTTP }}, {{ name: h2, target: "{http2}", protocol: HTTP2 }},
    {{ name: tcp, target: "{tcp}", protocol: TCP }}]"#
        );
        let outbound = format!(
            r#"{{ http: "{}", tcp: [{{ listen: "{}", service: orders, port: tcp }}, {{ listen: "{}", service: shut, port: tcp }}] }}"#,
            places.out_http, places.out_tcp, places.out_tcp_shut
        );
        for (name, rest) in [
            ("orders", format!("ports: {all}\n  mode: {}\n  limit: {}", self.mode, self.service_limit)),
            ("shut", format!("ports: {all}")),
            ("stranger", format!("ports: {all}")),
            ("caller", format!("ports: {all}\n  workload: {{ unix: {{ uid: {uid} }} }}\n  outbound: {outbound}")),
            ("direct", plaintext("HTTP", http, &self.more)),
            ("direct2", plaintext("HTTP2", http2, &[])),
        ] {
            // What an HTTP/2 port could not enforce is refused.
            let traffic =
                if name == "direct2" { traffic.replace("websocket: true", "") } else { (*traffic).to_owned() };
            text.push_str(&format!(
                "---\napiVersion: selvedge.dev/v1\nkind: Service\nmetadata: {{ name: {name}, labels: {{ run: r{label} }} }}\n\
                 spec:\n  traffic: {traffic}\n  {rest}\n"
            ));
        }
        for service in ["orders", "direct", "direct2"] {
            let rules: Vec<&Rule> = self.rules.iter().filter(|(of, _, _)| *of == service).collect();
            if rules.is_empty() {
                continue;
            }
            text.push_str(&format!(
                "---\napiVersion: selvedge.dev/v1\nkind: Access\nmetadata: {{ name: {service} }}\n\
                 spec:\n  service: {service}\n  rules:\n"
            ));
            for (_, name, rest) in rules {
                let is_http1 = matches!(*name, "public" | "caller" | "public-direct" | "caller-direct");
                let schema = if is_http1 { self.schema } else { "" };
                text.push_str(&format!("    - {{ name: {name}, {rest}{schema} }}\n"));
            }
        }
        text + &self.appended
    }
}

fn plaintext(protocol: &str, at: SocketAddr, more: &[SocketAddr]) -> String {
    let endpoint = |at: &SocketAddr| format!("{{ address: \"{at}\", plaintext: true }}");
    let endpoints: Vec<String> = [at].iter().chain(more).map(endpoint).collect();
    let endpoints = endpoints.join(", ");
    format!(
        "ports: [{{ name: http, target: \"{at}\", protocol: {protocol} }}]\n  plaintext: accept\n  \
         endpoints: [{endpoints}]"
    )
}

impl Places {
    pub(crate) fn new() -> Places {
        static WORLDS: AtomicU32 = AtomicU32::new(1);
        let [_, _, a, b] = std::process::id().to_be_bytes();
        let [_, _, _, world] = WORLDS.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        // 127.0.0.0/8 is all loopback; nobody else uses this part of it.
        let ip = IpAddr::V4(Ipv4Addr::new(127, 1 + a % 250, b, world.clamp(1, 254)));
        // All are held until each has its number, so that no two are equal.
        let held: Vec<TcpListener> = (0..7).map(|_| TcpListener::bind((ip, 0)).unwrap()).collect();
        let at = |index: usize| held[index].local_addr().unwrap();
        Places {
            edge_http: at(0),
            edge_https: at(1),
            mesh: at(2),
            out_http: at(3),
            out_tcp: at(4),
            out_tcp_shut: at(5),
            free: at(6),
        }
    }
}

fn own_uid() -> u32 {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").unwrap().uid()
}
