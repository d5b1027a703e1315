//! `selvedge explain --from … --to … "GET /p"`: a decision that was not made yet, from the facts on the command line.

use super::super::ask::federated;
use super::super::{Output, load};
use super::{Arguments, page};
use crate::say::say;
use anyhow::{Context, Result, anyhow, bail};
use selvedge_authn::{IssuerSettings, hypothetical};
use selvedge_config::Checked;
use selvedge_config::checked::{Issuer, Protocol};
use selvedge_model::{
    CanonicalPath, Credential, Decision, Facts, Host, HostPattern, Name, Peer, Principal, RequestFacts, SpiffeId,
    WorkloadKind,
};
use selvedge_plan::Plan;
use selvedge_policy::Explanation;
use serde_json::json;
use std::io::stdout;
use std::path::Path;
use std::process::ExitCode;

/// Who would call.
enum Caller {
    Outside { gateway: Name, host: String },
    Service(SpiffeId),
}

pub(super) fn run(arguments: &Arguments, (from, to): (&str, &str), output: Output) -> Result<ExitCode> {
    let plan = load::plan(arguments.directory())?;
    let checked = plan.checked();
    let request = arguments.what.as_deref().map(request).transpose()?;
    let caller = caller(checked, from)?;
    let (service, port) = callee(checked, to, request.is_some())?;
    let (credential, note) = credential(checked, arguments.token.as_deref())?;
    let headers = arguments.header.iter().map(|field| header(field)).collect::<Result<Vec<_>>>()?;
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    let facts = Facts {
        peer: match &caller {
            Caller::Outside { gateway, host } => Peer::Outside { gateway, host },
            Caller::Service(id) => Peer::Workload(id),
        },
        credential: credential.as_credential(),
        service: &service,
        port: &port,
        request: request.as_ref().map(|(method, path)| RequestFacts { method, path: path.as_str() }),
        client: arguments.client,
        now: arguments.time.unwrap_or_else(selvedge_net::now_s),
        headers: &headers,
        tls: None,
    };
    let facts = Facts { credential: as_read(&plan, &facts), ..facts };
    let explanation = Explanation::of(checked, plan.policy(), &facts);
    let notes: Vec<String> = note.into_iter().chain(elsewhere(&plan, &facts)).collect();
    match output {
        Output::Text => say(stdout(), &text(&facts, &explanation, &notes, arguments.directory())),
        Output::Json => {
            let mut value = page::json(&explanation, arguments.directory());
            if let serde_json::Value::Object(fields) = &mut value {
                fields.insert("service".to_owned(), json!(service));
                fields.insert("port".to_owned(), json!(port));
                fields.insert("notes".to_owned(), json!(notes));
            }
            say(stdout(), &value.to_string());
        }
    }
    let goes = explanation.observed || matches!(explanation.decision, Decision::Allow(_));
    Ok(if goes && notes.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn text(facts: &Facts<'_>, explanation: &Explanation, notes: &[String], directory: &Path) -> String {
    let what = match facts.request {
        Some(request) => format!("{} {}", request.method, request.path),
        None => "a connection".to_owned(),
    };
    let (caller, hops) = match facts.peer {
        Peer::Outside { gateway, host } => {
            let hops =
                format!("at gateway {gateway}, and again before {}: the same facts, the same answer", facts.service);
            (format!("outside, through gateway {gateway} at {host}"), hops)
        }
        Peer::Workload(id) => {
            (id.to_string(), "on the way out, and again on the way in: the same facts, the same answer".to_owned())
        }
    };
    let mut lines = vec![("caller", caller)];
    if let Credential::Token(user) = facts.credential {
        lines.push(("user", format!("{} (issuer `{}`)", user.subject, user.issuer)));
    }
    lines.push(("hops", hops));
    lines.extend(notes.iter().map(|note| ("note", note.clone())));
    lines.extend(page::lines(explanation, directory));
    let lines: Vec<String> = lines.into_iter().map(|(name, value)| format!("       {name:<9} {value}")).collect();
    format!("{what} → {}:{}\n{}", facts.service, facts.port, lines.join("\n"))
}

/// The credential as the gateway's route reads it: where no token is read none counts, and one of another issuer than
/// the route's is refused.
fn as_read<'a>(plan: &Plan, facts: &Facts<'a>) -> Credential<'a> {
    let (Peer::Outside { gateway, host }, Some(request)) = (facts.peer, facts.request) else { return facts.credential };
    let route = plan.routes(gateway).and_then(|routes| routes.find(host, request.path, request.method));
    match (route, facts.credential) {
        (Some(route), _) if route.issuers.is_empty() => Credential::Absent,
        (Some(route), Credential::Token(user)) if !route.issuers.contains(&user.issuer) => Credential::Refused,
        (Some(_) | None, shown) => shown,
    }
}

/// Where the gateway would send the request instead: its routes are found before anything is decided.
fn elsewhere(plan: &Plan, facts: &Facts<'_>) -> Option<String> {
    let (Peer::Outside { gateway, host }, Some(request)) = (facts.peer, facts.request) else { return None };
    let route = plan.routes(gateway)?.find(host, request.path, request.method)?;
    if (&route.service, &route.port) == (facts.service, facts.port) {
        return None;
    }
    Some(format!("gateway {gateway} sends this to {}:{}, so it never comes here", route.service, route.port))
}

fn request(text: &str) -> Result<(&str, CanonicalPath)> {
    let (method, path) = text
        .split_once(' ')
        .with_context(|| format!("`{text}` is no request: write \"METHOD /path\", such as \"GET /orders\""))?;
    let path = CanonicalPath::parse(path).map_err(|error| anyhow!("`{path}` is no path: {error}"))?;
    Ok((method, path))
}

fn caller(checked: &Checked, text: &str) -> Result<Caller> {
    if let Some(service) = text.strip_prefix("service:") {
        let names = checked.services.keys();
        let name =
            names.clone().find(|name| name.as_str() == service).ok_or_else(|| none("service", service, names))?;
        return Ok(Caller::Service(SpiffeId::of(&checked.mesh.trust_domain, &WorkloadKind::Service(name.clone()))));
    }
    if text.starts_with("spiffe://") {
        return Ok(Caller::Service(federated(checked, text)?));
    }
    let Some(text) = text.strip_prefix("gateway:") else {
        bail!("`{text}` is no caller: write `gateway:NAME`, `gateway:NAME@HOST` or `service:NAME`");
    };
    let (name, host) = text.split_once('@').map_or((text, None), |(name, host)| (name, Some(host)));
    let gateway = checked.gateways.get(name).ok_or_else(|| none("gateway", name, checked.gateways.keys()))?;
    let host = match host {
        Some(host) => Host::parse(host).map_err(|error| anyhow!("`{host}` is no host: {error}"))?,
        None => {
            let served = gateway.listeners.iter().flat_map(|listener| &listener.hosts);
            let mut exact: Vec<&Host> = served
                .filter_map(|pattern| match pattern {
                    HostPattern::Exact(host) => Some(host),
                    HostPattern::Wildcard(_) | HostPattern::Any => None,
                })
                .collect();
            exact.sort();
            exact.dedup();
            match exact.as_slice() {
                [host] => (*host).clone(),
                _ => bail!("gateway `{name}` has more hosts than one: write `gateway:{name}@HOST`"),
            }
        }
    };
    Ok(Caller::Outside { gateway: gateway.name.clone(), host: host.as_str().to_owned() })
}

/// The service and port; without a port the first that speaks what is asked.
fn callee(checked: &Checked, text: &str, is_http: bool) -> Result<(Name, Name)> {
    let (name, port) = text.split_once(':').map_or((text, None), |(name, port)| (name, Some(port)));
    let service = checked.services.get(name).ok_or_else(|| none("service", name, checked.services.keys()))?;
    let mut ports = service.ports.iter();
    let found = match port {
        Some(port) => ports.find(|candidate| candidate.name.as_str() == port),
        None => ports.find(|port| (port.protocol != Protocol::Tcp) == is_http),
    };
    let found = match (found, port) {
        (Some(found), _) => found,
        (None, Some(port)) => return Err(none("port", port, service.ports.iter().map(|port| &port.name))),
        (None, None) if is_http => bail!("`{name}` has no HTTP port: leave the request out"),
        (None, None) => bail!("`{name}` has no TCP port: say what is requested, such as \"GET /\""),
    };
    if (found.protocol != Protocol::Tcp) != is_http {
        let what = if is_http { "leave the request out" } else { "say what is requested, such as \"GET /\"" };
        bail!("port `{}` of `{name}` speaks {:?}: {what}", found.name, found.protocol);
    }
    Ok((service.name.clone(), found.name.clone()))
}

fn none<'n>(kind: &str, name: &str, names: impl Iterator<Item = &'n Name>) -> anyhow::Error {
    let names: Vec<&str> = names.map(Name::as_str).collect();
    anyhow!("there is no {kind} `{name}`; there are: {}", names.join(", "))
}

/// A credential that outlives the facts that borrow it.
enum Shown {
    Absent,
    Refused,
    Token(Principal),
}

impl Shown {
    fn as_credential(&self) -> Credential<'_> {
        match self {
            Shown::Absent => Credential::Absent,
            Shown::Refused => Credential::Refused,
            Shown::Token(principal) => Credential::Token(principal),
        }
    }
}

/// Whom the claims would speak for; claims that no issuer of the mesh could make true are a refused credential.
fn credential(checked: &Checked, file: Option<&Path>) -> Result<(Shown, Option<String>)> {
    let Some(file) = file else { return Ok((Shown::Absent, None)) };
    let claims = std::fs::read(file).with_context(|| format!("cannot read `{}`", file.display()))?;
    let value: serde_json::Value =
        serde_json::from_slice(&claims).with_context(|| format!("`{}` is no JSON", file.display()))?;
    let url = value.get("iss").and_then(serde_json::Value::as_str).unwrap_or_default();
    let Some(issuer) = checked.mesh.issuers.values().find(|issuer| *issuer.url == *url) else {
        return Ok((Shown::Refused, Some(format!("the token is refused: `{url}` is no issuer of this mesh"))));
    };
    Ok(match hypothetical(&claims, &settings(issuer)) {
        Ok(principal) => (Shown::Token(principal), None),
        Err(error) => (Shown::Refused, Some(format!("the token is refused: {error}"))),
    })
}

fn settings(issuer: &Issuer) -> IssuerSettings {
    IssuerSettings {
        name: issuer.name.clone(),
        url: issuer.url.clone(),
        audiences: issuer.audiences.clone(),
        token_types: issuer.token_types.clone(),
        groups_claim: issuer.groups_claim.clone(),
    }
}

fn header(field: &str) -> Result<(String, &str)> {
    let (name, value) = field.split_once(':').with_context(|| format!("`{field}` is no field: write `name: value`"))?;
    Ok((name.trim().to_ascii_lowercase(), value.trim()))
}
