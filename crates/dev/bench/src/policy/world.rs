//! A large mesh repository: services, each with its Access document, in one file for each service.

use super::chance::Chance;
use selvedge_config::SourceFile;
use std::fmt::Write;

/// Services with one label value form a tenant; rules let services of one tenant call each other.
pub const TENANTS: usize = 20;
/// The one gateway.
pub const GATEWAY: &str = "public";
/// Its host.
pub const HOST: &str = "api.acme.example";
/// The trust domain.
pub const TRUST_DOMAIN: &str = "acme.example";
/// The issuer, by its name in the mesh.
pub const ISSUER: &str = "corporate";
/// The port of every service.
pub const PORT: &str = "http";

/// How large, and of which kind.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Services.
    pub services: usize,
    /// Rules of each service.
    pub rules: usize,
    /// Conditions that stay Cedar, on every rule, in place of conditions that are lowered, on every other rule.
    pub residual: bool,
}

/// A mesh.
#[derive(Debug)]
pub struct World {
    /// The services' rules; a service is its place here.
    pub services: Vec<Vec<Rule>>,
}

/// One rule, with what a request must have to satisfy it.
#[derive(Debug, Clone)]
pub struct Rule {
    /// From outside with the service's scope, or from these services.
    pub callers: Option<Vec<usize>>,
    /// The one method.
    pub method: &'static str,
    /// The pattern, with one `{id}`.
    pub path: String,
    /// What else must hold.
    pub condition: Option<Condition>,
}

/// A `when`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Condition {
    /// Not at night. Lowered.
    Day,
    /// A second factor. Lowered; from outside alone.
    Mfa,
    /// From the company's network. Lowered; from outside alone.
    Network,
    /// Caller and service are of one tenant: a comparison of facts with facts, which stays Cedar.
    Tenant,
}

const METHODS: [&str; 4] = ["GET", "POST", "PUT", "DELETE"];

impl World {
    /// Draws a mesh.
    pub fn draw(size: Size, chance: &mut Chance) -> World {
        let rules = |service: usize, chance: &mut Chance| {
            (0..size.rules).map(|rule| Rule::draw(size, service, rule, chance)).collect()
        };
        World { services: (0..size.services).map(|service| rules(service, chance)).collect() }
    }

    /// The repository's files.
    pub fn files(&self) -> Vec<SourceFile> {
        let services = self.services.iter().enumerate();
        let services = services.map(|(service, rules)| SourceFile {
            name: format!("services/{}.yaml", name(service)).into(),
            text: document(service, rules).into(),
        });
        std::iter::once(SourceFile { name: "mesh.yaml".into(), text: mesh().into() }).chain(services).collect()
    }

    /// How many rules there are.
    pub fn rules(&self) -> usize {
        self.services.iter().map(Vec::len).sum()
    }
}

impl Rule {
    /// Every third rule is an exposure, each has a path of its own, and every other one a condition.
    fn draw(size: Size, service: usize, rule: usize, chance: &mut Chance) -> Rule {
        let outside = rule.is_multiple_of(3);
        let mut neighbour = || (service + TENANTS * (1 + chance.below(size.services / TENANTS))) % size.services;
        let callers = (!outside).then(|| vec![neighbour(), neighbour()]);
        let condition = match (size.residual, outside) {
            (true, _) => Some(Condition::Tenant),
            (false, _) if rule % 2 == 1 => None,
            (false, true) if rule.is_multiple_of(12) => Some(Condition::Mfa),
            (false, true) => Some(Condition::Network),
            (false, false) => Some(Condition::Day),
        };
        let method = chance.of(&METHODS).copied().unwrap_or("GET");
        Rule { callers, method, path: format!("/{}/r{rule}/{{id}}", name(service)), condition }
    }
}

impl Condition {
    /// In Cedar.
    pub fn cedar(self, outside: bool) -> &'static str {
        match (self, outside) {
            (Condition::Day, _) => "context.time.hour >= 6 && context.time.hour < 22",
            (Condition::Mfa, _) => "context.user.amr.contains(\"mfa\")",
            (Condition::Network, _) => "context has client && context.client.isInRange(ip(\"10.0.0.0/8\"))",
            (Condition::Tenant, true) => "context.user.groups.containsAny(resource.labels)",
            (Condition::Tenant, false) => "principal.labels.containsAny(resource.labels)",
        }
    }
}

/// The name of a service.
pub fn name(service: usize) -> String {
    format!("s{service:04}")
}

/// The label of a service, as conditions read it.
pub fn label(service: usize) -> String {
    format!("tenant=t{}", service % TENANTS)
}

/// The scope that opens a service's exposures.
pub fn scope(service: usize) -> String {
    format!("{}:use", name(service))
}

fn mesh() -> String {
    format!(
        "apiVersion: selvedge.dev/v1\nkind: Mesh\nmetadata: {{ name: bench }}\nspec:\n  trustDomain: {TRUST_DOMAIN}\n  \
         issuers:\n    {ISSUER}: {{ issuer: \"https://login.{TRUST_DOMAIN}\", audiences: [\"https://{HOST}\"] }}\n---\n\
         apiVersion: selvedge.dev/v1\nkind: Gateway\nmetadata: {{ name: {GATEWAY} }}\nspec:\n  listeners:\n    \
         - {{ port: 8443, protocol: HTTPS, hosts: [{HOST}], tls: {{ mesh: true }} }}\n"
    )
}

fn document(service: usize, rules: &[Rule]) -> String {
    let (own, port) = (name(service), 10_000 + service);
    let mut text = format!(
        "apiVersion: selvedge.dev/v1\nkind: Service\nmetadata: {{ name: {own}, labels: {{ tenant: t{} }} }}\nspec:\n  \
         workload: {{ unix: {{ user: {own} }} }}\n  ports: [{{ name: {PORT}, port: 8080, protocol: HTTP }}]\n  \
         outbound: {{ http: \"127.0.0.1:{port}\" }}\n---\napiVersion: selvedge.dev/v1\nkind: Access\n\
         metadata: {{ name: {own} }}\nspec:\n  service: {own}\n  rules:\n",
        service % TENANTS
    );
    for (index, rule) in rules.iter().enumerate() {
        // Writing to a text cannot fail.
        let _ = write_rule(&mut text, service, index, rule);
    }
    text
}

fn write_rule(text: &mut String, service: usize, index: usize, rule: &Rule) -> std::fmt::Result {
    writeln!(text, "    - name: r{index}")?;
    match &rule.callers {
        Some(callers) => {
            let callers: Vec<String> = callers.iter().map(|caller| name(*caller)).collect();
            writeln!(text, "      from: {{ services: [{}] }}", callers.join(", "))?;
        }
        None => {
            let scope = scope(service);
            writeln!(text, "      from: {{ gateway: {GATEWAY}, token: {ISSUER}, scopes: [\"{scope}\"] }}")?;
        }
    }
    writeln!(text, "      methods: [{}]\n      paths: [\"{}\"]", rule.method, rule.path)?;
    match rule.condition {
        Some(condition) => writeln!(text, "      when: {}", condition.cedar(rule.callers.is_none())),
        None => Ok(()),
    }
}
