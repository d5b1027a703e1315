//! Random policies and facts, from a seed.

use selvedge_config::SourceFile;
use selvedge_model::{Credential, Facts, Name, Peer, Principal, RequestFacts, SpiffeId, TlsFacts};
use std::fmt::Write;
use std::net::IpAddr;
use std::sync::Arc;

/// SplitMix64.
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Random {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, count: usize) -> usize {
        (self.next() % count as u64) as usize
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[self.below(items.len())]
    }

    /// Some of the items, perhaps none.
    fn some<T: Copy>(&mut self, items: &[T]) -> Vec<T> {
        items.iter().copied().filter(|_| self.one_in(2)).collect()
    }
}

const SERVICES: &[&str] = &["orders", "checkout", "ledger"];
const GATEWAYS: &[&str] = &["public", "partner"];
const HOSTS: &[&str] = &["api.acme.example", "a.shop.example", "a.b.shop.example", "other.example"];
const METHODS: &[&str] = &["GET", "POST", "DELETE"];
const PATTERNS: &[&str] =
    &["/**", "/**", "/", "/a", "/{id}", "/a/{id}", "/{team}/b", "/{id}/{id}", "/a/**", "/{team}/**", "/**", "/a/b/c"];
const PATHS: &[&str] = &["/", "/a", "/b", "/a/b", "/a/", "/red/b", "/a/b/c", "/u1/x/y/z", "/a/u1"];
const SCOPES: &[&str] = &["r", "w", "x"];
const GROUPS: &[&str] = &["red", "blue"];
const AMR: &[&str] = &["pwd", "mfa"];
const SUBJECTS: &[&str] = &["u1", "u2", "b"];
const CLIENTS: &[&str] = &["10.1.2.3", "10.2.0.1", "192.0.2.1", "2001:db8::1", "::ffff:10.1.2.3"];
const RANGES: &[&str] =
    &["10.0.0.0/8", "10.1.0.0/16", "192.0.2.1", "2001:db8::/32", "::/0", "0.0.0.0/0", "::ffff:a00:0/104"];
const HEADERS: &[(&str, &str)] = &[("x_tenant", "x-tenant"), ("user_agent", "user-agent")];
const LABELS: &[&str] = &["team=red", "team=blue", "pci=yes"];

/// A whole repository.
pub(super) fn mesh(random: &mut Random) -> Vec<SourceFile> {
    let mut text = String::from(
        "apiVersion: selvedge.dev/v1\nkind: Mesh\nmetadata: { name: acme }\nspec:\n  trustDomain: acme.example\n  issuers:\n    \
         i1: { issuer: \"https://one.example\", audiences: [a] }\n    i2: { issuer: \"https://two.example\", audiences: [a] }\n",
    );
    for (index, gateway) in GATEWAYS.iter().enumerate() {
        let _ = write!(
            text,
            "---\napiVersion: selvedge.dev/v1\nkind: Gateway\nmetadata: {{ name: {gateway} }}\nspec:\n  listeners: [{{ port: {}, \
             protocol: HTTP, hosts: [api.acme.example, \"*.shop.example\", \"*\"] }}]\n",
            8_000 + index
        );
    }
    for service in SERVICES {
        let team = random.pick(&["red", "blue"]);
        let pci = random.pick(&["yes", "no"]);
        let _ = write!(
            text,
            "---\napiVersion: selvedge.dev/v1\nkind: Service\nmetadata: {{ name: {service}, labels: {{ team: {team}, pci: \"{pci}\" }} }}\n\
             spec: {{ ports: [{{ name: http, port: 8080, protocol: HTTP }}, {{ name: db, port: 5432, protocol: TCP }}] }}\n"
        );
    }
    // One service alone: several that a gateway exposes may claim one path.
    let _ = write!(
        text,
        "---\napiVersion: selvedge.dev/v1\nkind: Access\nmetadata: {{ name: orders }}\nspec:\n  service: orders\n  rules:\n"
    );
    for index in 0..1 + random.below(9) {
        text.push_str(&rule(random, index));
    }
    let guardrails = (0..random.below(5)).map(|index| guardrail(random, index)).collect::<String>();
    let file = |name: &str, text: String| SourceFile { name: name.into(), text: text.into() };
    vec![file("mesh.yaml", text), file("company.cedar", guardrails)]
}

fn rule(random: &mut Random, index: usize) -> String {
    let mut text = format!("    - name: r{index}\n");
    let tcp = random.one_in(8);
    let user;
    if tcp || random.one_in(3) {
        let services = random.pick(&["checkout", "ledger", "checkout, ledger"]);
        user = !tcp && random.one_in(3);
        let for_whom = match user {
            true => {
                random.pick(&[", onBehalfOf: i1", ", onBehalfOf: i2, scopes: [r]", ", onBehalfOf: i1, groups: [red]"])
            }
            false => "",
        };
        let _ = writeln!(text, "      from: {{ services: [{services}]{for_whom} }}");
    } else {
        user = !random.one_in(3);
        let credential = if user {
            let (scopes, groups) = (random.some(SCOPES), random.some(GROUPS));
            let list = |key: &str, items: &[&str]| match items {
                [] => String::new(),
                items => format!(", {key}: [{}]", items.join(", ")),
            };
            format!(
                "token: {}{}{}",
                random.pick(&["i1", "i1", "i1", "i2"]),
                list("scopes", &scopes[..scopes.len().min(1)]),
                list("groups", &groups)
            )
        } else {
            "anonymous: true".to_owned()
        };
        let hosts = random.pick(&["", "", ", hosts: [api.acme.example]", ", hosts: [\"*.shop.example\"]"]);
        let _ = writeln!(text, "      from: {{ gateway: {}, {credential}{hosts} }}", random.pick(GATEWAYS));
    }
    let _ = writeln!(text, "      ports: [{}]", if tcp { "db" } else { "http" });
    let mut captures = Vec::new();
    if !tcp {
        let patterns: Vec<&str> = (0..1 + random.below(2)).map(|_| random.pick(PATTERNS)).collect();
        captures = ["id", "team"]
            .into_iter()
            .filter(|name| patterns.iter().any(|p| p.contains(&format!("{{{name}}}"))))
            .collect();
        let quoted: Vec<String> = patterns.iter().map(|pattern| format!("\"{pattern}\"")).collect();
        let _ = writeln!(text, "      paths: [{}]", quoted.join(", "));
        if random.one_in(3) {
            let _ = writeln!(text, "      methods: [{}]", random.pick(&["GET", "GET, POST", "DELETE"]));
        }
    }
    if !random.one_in(3) {
        let scene = Scene { user, request: !tcp, captures };
        let _ = writeln!(text, "      when: '{}'", conjunction(random, &scene));
    }
    text
}

fn guardrail(random: &mut Random, index: usize) -> String {
    let caller = random.pick(&[
        "principal",
        "principal",
        "principal == Caller::\"checkout\"",
        "principal in Caller::\"gateway/public\"",
        "principal is Caller",
    ]);
    let service = random.pick(&["resource", "resource == Service::\"orders\"", "resource is Service"]);
    let scene = Scene { user: false, request: true, captures: Vec::new() };
    let when = format!(
        "when {{ {} && {} }}",
        random.pick(&[
            "context.method == \"DELETE\"",
            "context.path like \"/a*\"",
            "context.time.hour > 12",
            "context.method != \"POST\""
        ]),
        conjunction(random, &scene)
    );
    let unless =
        if random.one_in(3) { format!("unless {{ {} }}", expression(random, &scene, 1)) } else { String::new() };
    format!("@id(\"g{index}\")\nforbid({caller}, action, {service}) {when} {unless};\n")
}

/// What an expression may speak of.
struct Scene {
    user: bool,
    request: bool,
    captures: Vec<&'static str>,
}

fn conjunction(random: &mut Random, scene: &Scene) -> String {
    let parts: Vec<String> = (0..1 + random.below(2)).map(|_| expression(random, scene, 2)).collect();
    parts.join(" && ")
}

fn expression(random: &mut Random, scene: &Scene, depth: usize) -> String {
    match (depth, random.below(9)) {
        (1.., 0) => format!("({} || {})", expression(random, scene, depth - 1), expression(random, scene, depth - 1)),
        (1.., 1) => format!("!({})", expression(random, scene, depth - 1)),
        (1.., 2) => format!("({} && {})", expression(random, scene, depth - 1), expression(random, scene, depth - 1)),
        (1.., 3) => format!(
            "(if {} then {} else {})",
            expression(random, scene, depth - 1),
            expression(random, scene, depth - 1),
            expression(random, scene, depth - 1)
        ),
        _ => atom(random, scene),
    }
}

fn atom(random: &mut Random, scene: &Scene) -> String {
    let of_user = |text: String| if scene.user { text } else { format!("(context has user && {text})") };
    match random.below(17) {
        0 => of_user(format!("context.user.scopes.contains(\"{}\")", random.pick(SCOPES))),
        1 => of_user(format!("context.user.groups.containsAny([\"{}\", \"red\"])", random.pick(GROUPS))),
        2 => of_user(format!("context.user.amr.containsAll([\"{}\"])", random.pick(AMR))),
        3 => of_user(format!("context.user.subject {} \"{}\"", random.pick(&["==", "!="]), random.pick(SUBJECTS))),
        4 => format!("(context has client && context.client.isInRange(ip(\"{}\")))", random.pick(RANGES)),
        5 => format!(
            "context.time.{} {} {}",
            random.pick(&["hour", "minute", "weekday"]),
            random.pick(&["<", "<=", ">", ">=", "==", "!="]),
            random.below(24)
        ),
        6 => {
            let (name, _) = random.pick(HEADERS);
            if scene.request {
                format!("(context.headers has {name} && context.headers.{name} == \"{}\")", random.pick(&["a", "b"]))
            } else {
                "true".to_owned()
            }
        }
        7 => format!(
            "principal.{} == \"{}\"",
            random.pick(&["kind", "gateway", "host", "service"]),
            random.pick(&["outside", "service", "public", "api.acme.example", "checkout"])
        ),
        8 => format!("{}.labels.contains(\"{}\")", random.pick(&["principal", "resource"]), random.pick(LABELS)),
        9 if scene.request => format!("context.path like \"{}\"", random.pick(&["/a*", "*b", "/*/b*", "/a", "*"])),
        10 if scene.request => format!("[\"GET\", \"{}\"].contains(context.method)", random.pick(METHODS)),
        11 => match scene.captures.first() {
            Some(name) => {
                of_user(format!("(context.captures has {name} && context.captures.{name} == context.user.subject)"))
            }
            None => "principal in [Caller::\"checkout\", Caller::\"gateway/public\"]".to_owned(),
        },
        12 => match scene.captures.last() {
            Some(name) => format!("(context has captures.{name} && context.captures.{name} != \"b\")"),
            None => "resource == Service::\"orders\"".to_owned(),
        },
        // What stays Cedar: arithmetic, some of it over the edge.
        13 => format!("context.time.hour + context.time.weekday < {}", random.below(30)),
        14 => {
            format!("context.time.minute * {} > 100", random.pick(&["2", "9223372036854775807", "4611686018427387904"]))
        }
        15 => format!("(context has tls && context.tls.version == \"{}\")", random.pick(&["1.2", "1.3"])),
        _ => random
            .pick(&[
                "true",
                "false",
                "principal.labels.isEmpty()",
                "principal is Caller",
                "(context has client && context.client.isIpv4())",
            ])
            .to_owned(),
    }
}

/// Random facts, near what policies speak of.
pub(super) fn facts(random: &mut Random, with: impl FnOnce(&Facts<'_>)) {
    let name = |text: &str| Name::parse(text).unwrap();
    let texts = |texts: Vec<&str>| texts.into_iter().map(Arc::from).collect();
    let gateway = name(random.pick(GATEWAYS));
    let id = random.pick(&[
        "spiffe://acme.example/checkout",
        "spiffe://acme.example/ledger",
        "spiffe://evil.example/checkout",
        "spiffe://acme.example/gateway/public",
    ]);
    let id = SpiffeId::parse(id).unwrap();
    let user = Principal {
        issuer: name(random.pick(&["i1", "i1", "i1", "i2"])),
        subject: random.pick(SUBJECTS).into(),
        scopes: texts(random.some(SCOPES)),
        groups: texts(random.some(GROUPS)),
        amr: texts(random.some(AMR)),
    };
    let outside = !random.one_in(3);
    let peer =
        if outside { Peer::Outside { gateway: &gateway, host: random.pick(HOSTS) } } else { Peer::Workload(&id) };
    let credential = match random.below(5) {
        0 => Credential::Absent,
        1 => Credential::Refused,
        _ => Credential::Token(&user),
    };
    let tcp = random.one_in(10);
    let (service, port) =
        (name(if random.one_in(20) { "ledger" } else { "orders" }), name(if tcp { "db" } else { "http" }));
    let request = RequestFacts { method: random.pick(METHODS), path: random.pick(PATHS) };
    let client: IpAddr = random.pick(CLIENTS).parse().unwrap();
    let values = [(HEADERS[0].1, random.pick(&["a", "b"])), (HEADERS[1].1, random.pick(&["a", "c"]))];
    let headers = &values[..random.below(3)];
    let version = random.pick(&["1.2", "1.3"]);
    with(&Facts {
        peer,
        credential,
        service: &service,
        port: &port,
        request: (!tcp).then_some(request),
        client: (!random.one_in(4)).then_some(client),
        now: random.next() % 4_000_000_000,
        headers,
        tls: random.one_in(2).then_some(TlsFacts { version, cipher: "c", group: "g" }),
    });
}
